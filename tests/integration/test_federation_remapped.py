"""Members who were synced before, after somebody has changed the mapping (design, section 8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.engine import TOML, Federation, Record
from trcpoints.errors import MassChangeRefused

pytestmark = pytest.mark.slow_on_postgresql

ANN: Record = {
    "id": "M1",
    "first_name": "Ann",
    "last_name": "Lee",
    "phone": "087 123 4567",
    "address": "1 Main St",
}
WITHOUT_ADDRESS = TOML.replace('address = "address"\n', "")
IRISH = 'phone_region = "IE"\n'


def mapped(cli: Cli, folder: Path, toml: str = TOML) -> Federation:
    """The federation, by another file."""
    assert toml.count("[connectors.gaa]") == 1
    return Federation(cli, folder, toml)


def test_a_field_that_is_mapped_again_still_has_its_base(cli: Cli, tmp_path: Path) -> None:
    mapped(cli, tmp_path).sync(ANN)
    without = mapped(cli, tmp_path, WITHOUT_ADDRESS)
    without.sync({**ANN, "last_name": "Lee-Day"})
    without.by_hand(1, address="4 Ours Rd")
    again = mapped(cli, tmp_path)
    assert again.sync(ANN).counts.conflicts == 0
    assert again.member("M1")["address"] == "4 Ours Rd"
    # Only what the federation said anew meanwhile is in conflict with what was set by hand.
    without = mapped(cli, tmp_path, WITHOUT_ADDRESS)
    without.sync({**ANN, "last_name": "Day"})
    again = mapped(cli, tmp_path)
    assert again.sync({**ANN, "address": "2 Main St"}).counts.conflicts == 1
    (conflict,) = again.conflicts()
    assert (conflict["base"], conflict["note"]) == (
        "1 Main St",
        "both sides changed it; ours was set by ann",
    )


def test_a_field_that_is_mapped_later_was_not_matched_now(cli: Cli, tmp_path: Path) -> None:
    without = mapped(cli, tmp_path, WITHOUT_ADDRESS)
    without.sync(ANN)
    without.by_hand(1, address="4 Ours Rd")
    again = mapped(cli, tmp_path)
    again.sync(ANN)
    (conflict,) = again.conflicts()
    assert (conflict["base"], conflict["note"]) == (
        None,
        "mapped for the first time; ours was set by ann",
    )


CLUB: list[Record] = [{"id": f"M{n}", "first_name": f"N{n}"} for n in range(6)]


def told(number: int) -> list[Record]:
    """Of the first so many, an address too."""
    return [{**one, "address": "HQ"} for one in CLUB[:number]] + CLUB[number:]


def test_a_field_mapped_later_replaces_what_most_have_only_when_that_is_accepted(
    cli: Cli, tmp_path: Path
) -> None:
    without = mapped(cli, tmp_path, WITHOUT_ADDRESS)
    without.sync(*CLUB)
    for member_id in range(1, 7):
        without.by_hand(member_id, address=f"{member_id} Our Rd")
    later = mapped(cli, tmp_path)
    before = later.everything()
    with pytest.raises(MassChangeRefused) as caught:
        later.sync(*told(4), accept_changes=False)
    assert "4 changed, 4 by their address, which is mapped for the first time" in (
        caught.value.message
    )
    assert later.everything() == before
    # What stays as it is changes nobody.
    later.strategy = "local_wins"
    assert later.sync(*told(4), accept_changes=False).counts.conflicts == 4


def test_a_field_mapped_later_may_replace_half_of_them(cli: Cli, tmp_path: Path) -> None:
    without = mapped(cli, tmp_path, WITHOUT_ADDRESS)
    without.sync(*CLUB)
    for member_id in range(1, 7):
        without.by_hand(member_id, address=f"{member_id} Our Rd")
    later = mapped(cli, tmp_path)
    later.sync(*told(3), accept_changes=False)
    assert [later.member(f"M{n}")["address"] for n in (0, 5)] == ["HQ", "6 Our Rd"]


def test_a_field_mapped_later_may_fill_what_is_empty(cli: Cli, tmp_path: Path) -> None:
    mapped(cli, tmp_path, WITHOUT_ADDRESS).sync(*CLUB)
    later = mapped(cli, tmp_path)
    assert later.sync(*told(6), accept_changes=False).counts.updated == 6


@pytest.mark.parametrize(
    ("before", "after"), [("IE", None), (None, "IE"), ("IE", "GB"), ("GB", "IE"), ("US", "IE")]
)
@pytest.mark.parametrize("phone", ["087 123 4567", "+353 87 123 4567", "12", None])
def test_another_region_makes_no_change_of_numbers_that_are_the_same(
    cli: Cli, tmp_path: Path, before: str | None, after: str | None, phone: str | None
) -> None:
    def of(region: str | None) -> str:
        return TOML.replace(IRISH, f'phone_region = "{region}"\n' if region else "")

    club = [{**one, "phone": phone} for one in CLUB]
    earlier = mapped(cli, tmp_path, of(before))
    earlier.sync(*club)
    kept = [one["phone"] for one in earlier.members().values()]
    later = mapped(cli, tmp_path, of(after))
    plan = later.sync(*club, accept_changes=False)
    assert (plan.counts.unchanged, plan.counts.updated) == (6, 0)
    assert [one["phone"] for one in later.members().values()] == kept
    # Nor is it ours that changed, where the federation's does.
    moved = [{**club[0], "phone": "087 765 4321"}, *club[1:]]
    assert later.sync(*moved, accept_changes=False).counts.conflicts == 0
    assert later.member("M0")["phone"] in {"087 765 4321", "+353877654321"}


def test_a_star_stands_for_all_other_words(cli: Cli, tmp_path: Path) -> None:
    paid: Record = {"id": "M1", "email": "ann@example.org", "subscription_status": "paid"}
    word: Record = {"id": "M2", "email": "bo@example.org", "subscription_status": "on holiday"}
    empty: Record = {"id": "M3", "email": "cy@example.org", "subscription_status": ""}
    without = mapped(cli, tmp_path)
    assert [one.external_id for one in without.sync(paid, word, empty).rejections] == ["M2"]
    star = mapped(cli, tmp_path, TOML.replace('lapsed = "C', '"*" = "PAST_DUE"\nlapsed = "C'))
    assert star.sync(paid, word, empty).rejections == []
    statuses = [star.member(name)["subscription_status"] for name in ("M1", "M2", "M3")]
    assert statuses == ["ACTIVE", "PAST_DUE", "NONE"]
    assert star.sync(paid, word, empty).counts.unchanged == 3
