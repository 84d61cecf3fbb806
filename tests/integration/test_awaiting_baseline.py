"""Members who are not on the board after `--rebaseline` (design, section A4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

IDS = [str(number) for number in range(101, 107)]
ANN = IDS[0]


@pytest.fixture
def reset(cli: Cli, mee6: SimulatedMee6) -> Cli:
    """Six members with points, of whom one has left; a reset after which two are seen."""
    cli.environment["MEE6_MAX_GAIN"] = "off"
    books.link(cli, IDS)
    show(mee6, dict.fromkeys(IDS, 1000))
    cli.ok("sync")
    show(mee6, dict.fromkeys(IDS[:5], 2050))
    cli.ok("sync")
    show(mee6, dict.fromkeys(IDS[:2], 30))
    members = cli.ok("sync", "--rebaseline")["members"]
    assert (members["baselined"], members["awaiting_baseline"], members["left"]) == (2, 4, 0)
    return cli


def counts(document: dict[str, Any], *names: str) -> tuple[int, ...]:
    members = document["members"]
    outcomes = ("baselined", "unchanged", "gained", "lost", "left", "away", "deferred")
    assert members["tracked"] == sum(members[name] for name in outcomes)
    assert members["awaiting_baseline"] <= members["deferred"]
    return tuple(members[name] for name in names)


def test_they_have_not_left(reset: Cli) -> None:
    assert {member.left_at for member in books.members(reset).values()} == {None}
    status = reset.ok("status")["members"]
    assert (status["left"], status["awaiting_baseline"], status["tracked"]) == (0, 4, 6)
    assert reset.ok("members", "list", "--left")["total"] == 0
    listed = reset.ok("members", "list", "--awaiting-baseline")
    assert [member["discord_id"] for member in listed["members"]] == IDS[2:]
    assert {member["awaiting_baseline"] for member in listed["members"]} == {True}
    shown = reset.ok("members", "show", f"discord:{IDS[5]}")["member"]
    assert (shown["awaiting_baseline"], shown["rebaseline"], shown["left_at"]) == (True, True, None)
    assert "awaiting baseline" in reset("members", "show", f"discord:{IDS[5]}").out
    assert reset("members", "list").out.count("awaiting baseline") == 4
    assert "4 awaiting a baseline" in reset("status").out
    assert reset.ok("history", "show", books.runs(reset)[-1].id)["left"] == []


def test_they_stay_so_until_they_are_seen(reset: Cli, mee6: SimulatedMee6) -> None:
    before = books.everything(reset)["Member"]
    document = reset.ok("sync")
    assert counts(document, "awaiting_baseline", "left", "away", "returned") == (4, 0, 0, 0)
    assert [row["rebaseline"] for row in books.everything(reset)["Member"]] == [
        row["rebaseline"] for row in before
    ]
    show(mee6, {**dict.fromkeys(IDS[:2], 130), IDS[2]: 99_000})
    document = reset.ok("sync")
    assert counts(document, "gained", "baselined", "awaiting_baseline") == (2, 1, 3)
    assert document["points"]["net"] == 2
    assert reset("points", "verify").code == 0
    # From then on they are members as all others are.
    show(mee6, dict.fromkeys(IDS[:2], 130))
    assert counts(reset.ok("sync"), "left", "awaiting_baseline") == (1, 3)


def test_they_are_nothing_to_lose_for_the_guard(reset: Cli, mee6: SimulatedMee6) -> None:
    """Neither do they make it refuse each sync, nor do they hide those who do lose."""
    books.link(reset, ["107"])
    show(mee6, dict.fromkeys([*IDS[:2], "107"], 1000))
    reset.ok("sync")
    show(mee6, dict.fromkeys([*IDS[:2], "107"], 5))
    result = reset("sync")
    assert result.code == 65
    assert "3 of 3 members with XP" in result.err


def test_a_board_that_is_empty_after_a_reset(reset: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, {})
    assert reset("sync").code == 65
    assert counts(reset.ok("sync", "--rebaseline"), "awaiting_baseline", "left") == (6, 0)
    assert counts(reset.ok("sync"), "awaiting_baseline", "left") == (6, 0)


def test_one_who_is_rebaselined_by_hand_is_away_no_more(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, IDS)
    show(mee6, dict.fromkeys(IDS, 1000))
    cli.ok("sync")
    show(mee6, dict.fromkeys(IDS[1:], 1000))
    assert counts(cli.ok("sync"), "left") == (1,)
    cli.ok("members", "rebaseline", f"discord:{ANN}")
    assert counts(cli.ok("sync"), "away", "awaiting_baseline", "returned") == (0, 1, 0)
    assert books.members(cli)[ANN].left_at is None


def test_an_inactive_member_awaits_nothing(reset: Cli) -> None:
    books.change_member(reset, IDS[5], active=False)
    assert reset.ok("status")["members"]["awaiting_baseline"] == 3
    assert reset.ok("members", "list", "--awaiting-baseline")["total"] == 3
    shown = reset.ok("members", "show", f"discord:{IDS[5]}")["member"]
    assert (shown["awaiting_baseline"], shown["rebaseline"]) == (False, True)
