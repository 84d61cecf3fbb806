"""What the mass-change guard counts of a read, and what it lets go on (section 8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.engine import Federation, Record
from trcpoints.errors import MassChangeRefused

pytestmark = pytest.mark.slow_on_postgresql

EVERYBODY = "abcde"


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    """A federation that was read once."""
    federation = Federation(cli, tmp_path)
    federation.sync(*people())
    return federation


def people(names: str = EVERYBODY, status: str = "paid", **more: str) -> list[Record]:
    """A record for each letter."""
    return [
        {"id": one, "first_name": one.upper(), "subscription_status": status, **more}
        for one in names
    ]


def test_who_was_rejected_before_and_accepted_is_no_news(federation: Federation) -> None:
    broken = people("abc", "pending")
    with pytest.raises(MassChangeRefused, match=r"3 of 5 .* 3 rejected"):
        federation.sync(*broken, *people("de"), accept_changes=False)
    assert federation.sync(*broken, *people("de")).counts.rejected == 3
    links = federation.links()
    plan = federation.sync(*broken, *people("d"), *people("e", "lapsed"), accept_changes=False)
    assert (plan.counts.rejected, plan.counts.unchanged, plan.counts.updated) == (3, 1, 1)
    assert federation.links() != links
    mended = federation.sync(*people("abcd"), *people("e", "lapsed"), accept_changes=False)
    assert (mended.counts.rejected, mended.counts.unchanged) == (0, 5)
    with pytest.raises(MassChangeRefused, match="3 rejected"):
        federation.sync(*broken, *people("de"), accept_changes=False)


def test_nothing_is_written_for_who_stays_rejected(federation: Federation) -> None:
    broken = people("abc", "pending")
    federation.sync(*broken, *people("de"))
    before = federation.links()
    federation.sync(*broken, *people("de"), accept_changes=False)
    assert federation.links() == before


def test_who_is_rejected_for_an_account_is_rejected_and_not_changed(
    federation: Federation,
) -> None:
    accounts = [f"90{number}" for number in range(3)]
    for account in accounts:
        federation.cli.ok("members", "add", "--discord-id", account)
    claiming: list[Record] = [
        {**one, "discord_id": account} for one, account in zip(people("abc"), accounts, strict=True)
    ]
    with pytest.raises(MassChangeRefused, match=r"0 gone, 0 changed, 3 rejected"):
        federation.sync(*claiming, *people("de"), accept_changes=False)
    assert federation.sync(*claiming, *people("de")).counts.rejected == 3
    again = federation.sync(*claiming, *people("de"), accept_changes=False)
    assert (again.counts.rejected, again.counts.unchanged) == (3, 2)


def test_who_was_missing_is_not_known_and_may_come_back_rejected(federation: Federation) -> None:
    federation.sync(*people("abcde"), *people("xyz"))
    federation.sync(*people("xyz"))
    returning = people(EVERYBODY, "pending")
    plan = federation.sync(*returning, *people("xyz"), accept_changes=False)
    assert (plan.counts.rejected, plan.counts.unchanged) == (5, 3)


def test_a_federation_that_agrees_with_what_was_set_by_hand_changes_nothing(
    federation: Federation,
) -> None:
    for one in "abcd":
        federation.by_hand(federation.member(one)["id"], first_name=f"New {one}")
    agreeing: list[Record] = [{**one, "first_name": f"New {one['id']}"} for one in people("abcd")]
    plan = federation.sync(*agreeing, *people("e"), accept_changes=False)
    assert (plan.counts.unchanged, plan.counts.conflicts) == (5, 0)
