"""Deciding a conflict by hand (design, section 8)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.engine import NOW, Federation, Record
from trcpoints.db.database import Access, open_database
from trcpoints.errors import DataRefused, NotFound
from trcpoints.federation.conflicts import Strategy
from trcpoints.federation.engine import keep
from trcpoints.federation.engine.keeping import Side

pytestmark = pytest.mark.slow_on_postgresql

LATER = NOW + timedelta(hours=1)
BASE: Record = {
    "id": "M1",
    "first_name": "Ann",
    "last_name": "Lee",
    "discord_id": "101",
    "subscription_status": "paid",
}


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    return Federation(cli, tmp_path)


def disagree(
    federation: Federation, field: str, theirs: str, ours: str, strategy: Strategy
) -> dict[str, Any]:
    """Let both sides change a field; the conflict."""
    federation.strategy = strategy
    federation.sync(BASE)
    federation.by_hand(1, **{field: ours})
    federation.sync({**BASE, field: theirs})
    [conflict] = federation.conflicts()
    return conflict


def decide(federation: Federation, number: int, side: Side, by: str = "bob") -> None:
    with open_database(federation.cli.environment["DATABASE_URL"], Access.WRITE) as engine:
        keep(engine, number, side, by, LATER)


@pytest.mark.parametrize("strategy", ["federation_wins", "local_wins"])
def test_either_side_can_be_kept_and_again(federation: Federation, strategy: Strategy) -> None:
    number = disagree(federation, "last_name", "Theirs", "Ours", strategy)["id"]
    sides: tuple[tuple[Side, str], ...] = (
        ("ours", "Ours"),
        ("ours", "Ours"),
        ("theirs", "Theirs"),
        ("theirs", "Theirs"),
        ("ours", "Ours"),
    )
    for side, value in sides:
        decide(federation, number, side)
        member = federation.member("M1")
        assert (member["last_name"], member["name"]) == (value, f"Ann {value}")
        [conflict] = federation.conflicts()
        assert (conflict["kept"], conflict["kept_by"], conflict["kept_at"]) == (side, "bob", LATER)
        assert conflict["resolved"] == value
        by_hand = {(1, "last_name", "bob")} if side == "ours" else set()
        assert federation.edits() == by_hand
        # The federation has said so before: there is nothing to do for it.
        assert federation.sync({**BASE, "last_name": "Theirs"}).counts.unchanged == 1


def test_what_was_kept_is_theirs_to_change_or_not(federation: Federation) -> None:
    number = disagree(federation, "last_name", "Theirs", "Ours", "merge")["id"]
    decide(federation, number, "theirs")
    federation.sync({**BASE, "last_name": "Newer"})
    assert federation.member("M1")["last_name"] == "Newer"
    with pytest.raises(DataRefused, match="it is 'Newer' now, and conflict 1 left it at 'Theirs'"):
        decide(federation, number, "ours")
    assert federation.member("M1")["last_name"] == "Newer"
    federation.by_hand(1, last_name="Ours")
    federation.sync({**BASE, "last_name": "Newest"})
    assert federation.member("M1")["last_name"] == "Ours"


def test_a_field_that_was_changed_since_is_left_alone(federation: Federation) -> None:
    number = disagree(federation, "last_name", "Theirs", "Ours", "federation_wins")["id"]
    federation.by_hand(1, last_name="")
    before = federation.everything()
    with pytest.raises(DataRefused, match="it is empty now") as refused:
        decide(federation, number, "ours")
    assert refused.value.hint.endswith("members set 1 --last-name VALUE")
    assert federation.everything() == before


def test_a_word_that_the_federation_has_taken_back_is_not_kept(federation: Federation) -> None:
    number = disagree(federation, "last_name", "Theirs", "Ours", "local_wins")["id"]
    assert waiting(federation) == [str(number)]
    # Of another organization, or of another member, it is another word.
    federation.sync({**BASE, "last_name": "Ours"}, organization="na-fianna")
    other = {"id": "M2", "last_name": "Ours"}
    federation.sync({**BASE, "last_name": "Theirs", "phone": "1"}, other)
    assert waiting(federation) == [str(number)]
    federation.sync({**BASE, "last_name": "Ours"}, other)
    assert waiting(federation) == []
    before = federation.everything()
    for side in ("ours", "theirs"):
        with pytest.raises(DataRefused, match="gaa/st-judes says 'Ours' now") as refused:
            decide(federation, number, side)
        assert refused.value.hint.endswith("members set 1 --last-name VALUE")
    assert federation.everything() == before


@pytest.mark.parametrize("field", ["first_name", "subscription_status"])
def test_a_word_that_was_withdrawn_altogether_is_not_kept(
    federation: Federation, field: str
) -> None:
    values = {"first_name": ("Anna", "Nan"), "subscription_status": ("lapsed", "TRIALING")}
    theirs, ours = values[field]
    number = disagree(federation, field, theirs, ours, "local_wins")["id"]
    federation.by_hand(1, **{field: ""})
    federation.sync({**BASE, field: ""})
    federation.by_hand(1, **{field: ours})
    assert waiting(federation) == []
    with pytest.raises(DataRefused, match="gaa/st-judes says nothing now"):
        decide(federation, number, "theirs")


def test_where_the_federation_was_unlinked_its_word_stands(federation: Federation) -> None:
    number = disagree(federation, "last_name", "Theirs", "Ours", "local_wins")["id"]
    place = ["--connector", "gaa", "--organization", "st-judes"]
    federation.cli.ok("federation", "unlink", "1", *place)
    assert waiting(federation) == [str(number)]
    decide(federation, number, "theirs")
    [member] = federation.members().values()
    assert member["last_name"] == "Theirs"


@pytest.mark.parametrize("number", [0, -1, 2, 2**63])
def test_a_conflict_that_is_not_there(federation: Federation, number: int) -> None:
    disagree(federation, "last_name", "Theirs", "Ours", "merge")
    with pytest.raises(NotFound, match=f"There is no conflict {number}"):
        decide(federation, number, "ours")


def test_an_account_is_linked_anew_unless_somebody_has_it(federation: Federation) -> None:
    number = disagree(federation, "discord_id", "109", "105", "federation_wins")["id"]
    federation.cli.ok("members", "set", "1", "--discord-id=109")
    decide(federation, number, "ours")
    member = federation.member("M1")
    assert (member["discord_id"], member["xp_total"]) == ("105", None)
    federation.cli.ok("members", "add", "--discord-id=109")
    before = federation.everything()
    with pytest.raises(DataRefused, match="109 is linked to member 2"):
        decide(federation, number, "theirs")
    assert federation.everything() == before


def test_nothing_is_no_subscription(federation: Federation) -> None:
    number = disagree(federation, "subscription_status", "", "TRIALING", "local_wins")["id"]
    decide(federation, number, "theirs")
    assert federation.member("M1")["subscription_status"] == "NONE"


def test_an_older_conflict_does_not_undo_a_newer_decision(federation: Federation) -> None:
    older = disagree(federation, "last_name", "First", "Ours", "local_wins")["id"]
    federation.sync({**BASE, "last_name": "Second"})
    newer = federation.conflicts()[-1]["id"]
    decide(federation, newer, "ours")
    before = federation.everything()
    for side in ("ours", "theirs"):
        with pytest.raises(DataRefused, match=f"conflict {newer} is over it too") as refused:
            decide(federation, older, side)
        assert refused.value.hint.endswith(f"conflicts keep {newer} ours|theirs")
    assert federation.everything() == before
    decide(federation, newer, "theirs")
    # One over another field, or of another member, is in nobody's way.
    federation.by_hand(1, first_name="Annie")
    federation.sync({**BASE, "last_name": "Second", "first_name": "Anna"})
    decide(federation, newer, "ours")
    assert federation.member("M1")["last_name"] == "Ours"


def waiting(federation: Federation) -> list[str]:
    """The conflicts that wait for a decision; `status` counts the same."""
    listed = federation.cli.ok("federation", "conflicts", "list")
    assert listed["total"] == federation.cli.ok("status")["federation"]["conflicts"]
    return [one["conflict_id"] for one in listed["conflicts"]]


@pytest.mark.parametrize(
    ("field", "first", "second", "ours"),
    [
        ("last_name", "First", "Second", "Ours"),
        ("discord_id", "109", "110", "105"),
        ("subscription_status", "", "lapsed", "TRIALING"),
        ("date_of_birth", "1990-01-01", "1990-01-02", "1990-01-03"),
    ],
)
def test_a_conflict_waits_while_it_can_be_decided(
    federation: Federation, field: str, first: str, second: str, ours: str
) -> None:
    older = str(disagree(federation, field, first, ours, "federation_wins")["id"])
    assert waiting(federation) == [older]
    federation.by_hand(1, **{field: ours})
    assert waiting(federation) == []  # the field has changed since
    federation.sync({**BASE, field: second})
    newer = str(federation.conflicts()[-1]["id"])
    assert (newer == older, waiting(federation)) == (False, [newer])
    federation.by_hand(1, last_name="Other", phone="1")
    assert waiting(federation) == ([] if field == "last_name" else [newer])
    everything = federation.cli.ok("federation", "conflicts", "list", "--all")
    assert everything["total"] == 2


def test_a_field_that_both_left_empty_can_be_decided(federation: Federation) -> None:
    number = disagree(federation, "last_name", "", "Ours", "federation_wins")["id"]
    assert waiting(federation) == [str(number)]
    decide(federation, number, "theirs")  # as it stands: somebody has looked
    assert (waiting(federation), federation.member("M1")["last_name"]) == ([], None)
