"""The mass-change guard of the design's section 2.5."""

from __future__ import annotations

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.server import SimulatedMee6

IDS = [str(number) for number in range(101, 107)]


def board(**changes: int | None) -> dict[str, int]:
    """Six members with 1000 XP each; `i103=None` is gone, `i103=5` has 5."""
    xp = {**dict.fromkeys(IDS, 1000), **{name[1:]: value for name, value in changes.items()}}
    return {player: value for player, value in xp.items() if value is not None}


@pytest.fixture
def tracked(cli: Cli, mee6: SimulatedMee6) -> None:
    """Six members who are tracked with 1000 XP each."""
    books.link(cli, IDS)
    show(mee6, board())
    cli.ok("sync")


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({"i101": 1, "i102": 1, "i103": 1}, True),  # three, but only half
        ({"i101": 1, "i102": 1, "i103": 1, "i104": 1}, False),
        ({"i101": None, "i102": None, "i103": 1, "i104": 1}, False),
        ({"i101": None, "i102": None, "i103": None, "i104": None}, False),
        ({"i101": None, "i102": None, "i103": None}, True),
    ],
)
@pytest.mark.usefixtures("tracked")
def test_more_than_half_and_at_least_three(
    cli: Cli, mee6: SimulatedMee6, changes: dict[str, int | None], passes: bool
) -> None:
    show(mee6, board(**changes))
    before = books.everything(cli)
    result = cli("sync", "--json")
    assert result.code == (0 if passes else 65)
    if not passes:
        assert result.json["status"] == "failed"
        assert result.json["error"]["code"] == "mass_change"
        assert {**books.everything(cli), "Job": None} == {**before, "Job": None}
        assert [run.status for run in books.runs(cli)] == ["completed", "failed"]


@pytest.mark.usefixtures("tracked")
def test_two_of_two_may_fall(cli: Cli, mee6: SimulatedMee6) -> None:
    for gone in IDS[2:]:
        books.change_member(cli, gone, active=False)
    show(mee6, {IDS[0]: 1, IDS[1]: 1})
    assert cli.ok("sync")["members"]["lost"] == 2


@pytest.mark.usefixtures("tracked")
def test_who_is_away_already_does_not_count(cli: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, board(i101=None, i102=None))
    cli.ok("sync")
    # Three of the four who are not away.
    show(mee6, board(i101=None, i102=None, i103=1, i104=1, i105=1))
    assert cli("sync").code == 65


@pytest.mark.usefixtures("tracked")
def test_one_empty_board_is_enough(cli: Cli, mee6: SimulatedMee6) -> None:
    for gone in IDS[1:]:
        books.change_member(cli, gone, active=False)
    show(mee6, {})
    result = cli("sync")
    assert result.code == 65
    assert "is empty" in result.err


def test_an_empty_board_of_a_new_guild_baselines_no_member(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, IDS)
    show(mee6, {})
    counts = cli.ok("sync")["members"]
    assert (counts["deferred"], counts["baselined"]) == (6, 0)


@pytest.mark.usefixtures("tracked")
def test_the_message_names_counts_and_ways_on(cli: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, board(i101=1, i102=1, i103=1, i104=None))
    result = cli("sync")
    for part in ("4 of 6", "3 have less", "1 is gone", "--accept-decrease", "--rebaseline"):
        assert part in result.err
    assert result.out == ""


@pytest.mark.usefixtures("tracked")
def test_a_dry_run_is_judged_too(cli: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, {})
    result = cli("sync", "--dry-run", "--json")
    assert result.code == 65
    assert result.json["dry_run"]
    assert len(books.runs(cli)) == 1


@pytest.mark.usefixtures("tracked")
def test_accept_decrease_deducts(cli: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, dict.fromkeys(IDS, 0))
    document = cli.ok("sync", "--accept-decrease")
    assert document["members"]["lost"] == 6
    assert document["points"]["deducted"] == 60
    assert {m.points for m in books.members(cli).values()} == {-10}


@pytest.mark.usefixtures("tracked")
def test_rebaseline_after_a_reset_keeps_points_and_carry(cli: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, dict.fromkeys(IDS, 1150))
    cli.ok("sync")
    # The reset: four are on the new board, of two nothing is seen yet.
    show(mee6, dict.fromkeys(IDS[:4], 30))
    document = cli.ok("sync", "--rebaseline")
    members = document["members"]
    assert (members["baselined"], members["awaiting_baseline"]) == (4, 2)
    assert (members["left"], members["away"], members["deferred"], members["tracked"]) == (
        0,
        0,
        2,
        6,
    )
    assert document["points"] == {"awarded": 0, "deducted": 0, "net": 0}
    # Those two are baselined when they are seen, not paid and not deducted.
    show(mee6, {**dict.fromkeys(IDS[:4], 30), IDS[4]: 80, IDS[5]: 9_999})
    assert cli.ok("sync")["members"]["baselined"] == 2
    show(mee6, {**dict.fromkeys(IDS[:4], 80), IDS[4]: 130, IDS[5]: 10_049})
    assert cli.ok("sync")["points"]["awarded"] == 6
    assert {(m.points, m.carry) for m in books.members(cli).values()} == {(2, 0)}
    assert cli("points", "verify").code == 0


def test_the_two_ways_on_exclude_each_other(cli: Cli) -> None:
    assert cli("sync", "--accept-decrease", "--rebaseline").code == 2
