"""What becomes of members of whom there was nothing to write for a while (design, section 2).

A sync does not look at those of them whose XP the leaderboard has as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN = "101", "102", "103", "104"
XP = {ANN: 4000, BOB: 3000, CAT: 2000, DAN: 1000}


@pytest.fixture
def settled(cli: Cli, mee6: SimulatedMee6) -> Cli:
    """Four members who were baselined, and quiet since."""
    books.link(cli, XP)
    show(mee6, XP)
    for _ in range(2):
        cli.ok("sync")
    return cli


def counts(cli: Cli, *options: str, stdin: str = "") -> dict[str, int]:
    """The fates that a sync tells of, without those of nobody."""
    found = cli.ok("sync", *options, stdin=stdin)["members"]
    return {fate: number for fate, number in found.items() if number and fate != "tracked"}


def moved(*pages: Sequence[str], walk: int = 0) -> str:
    """A saved walk over pages of these players, of whom one may have moved to another page.

    In each walk somebody else's XP is another: the same answers again would be no further walk.
    """
    guild = {"id": "993536706509885777"}
    players = [[{"id": player, "xp": XP[player]} for player in page] for page in pages]
    players += [[{"id": "900", "xp": walk}], []]
    return json.dumps(
        [{"guild": guild, "page": n, "players": page} for n, page in enumerate(players)]
    )


def test_nothing_is_written_while_nothing_is_new(settled: Cli) -> None:
    before = books.everything(settled)
    assert counts(settled) == {"unchanged": 4}
    after = books.everything(settled)
    assert {name for name in after if after[name] != before[name]} == {"Job"}


def test_who_leaves_and_comes_back_with_the_same_xp(settled: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, {player: xp for player, xp in XP.items() if player != ANN})
    assert counts(settled) == {"unchanged": 3, "left": 1}
    assert counts(settled) == {"unchanged": 3, "away": 1}
    show(mee6, XP)
    assert counts(settled) == {"unchanged": 4, "returned": 1}
    assert books.members(settled)[ANN].left_at is None
    assert counts(settled) == {"unchanged": 4}


def test_whose_record_is_malformed_is_deferred(settled: Cli, mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.NULL_XP, times=1, player=BOB)
    assert counts(settled) == {"unchanged": 3, "deferred": 1}
    assert counts(settled) == {"unchanged": 4}


def test_deferrals_begin_anew_when_somebody_was_seen(settled: Cli) -> None:
    # Bob is on both pages, so Dan may have slipped through.
    walks = [moved([ANN, BOB], [BOB, CAT], walk=number) for number in range(8)]
    sure = moved([ANN, BOB], [CAT, DAN])
    for unsure in walks[:3]:
        assert counts(settled, "--from", "-", stdin=unsure) == {"unchanged": 3, "deferred": 1}
    assert counts(settled, "--from", "-", stdin=sure) == {"unchanged": 4}
    for unsure in walks[3:7]:
        assert counts(settled, "--from", "-", stdin=unsure) == {"unchanged": 3, "deferred": 1}
    assert counts(settled, "--from", "-", stdin=walks[7]) == {"unchanged": 3, "left": 1}


def test_xp_that_falls_to_nothing_and_comes_back(settled: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, {**XP, DAN: 0})
    assert counts(settled) == {"unchanged": 3, "lost": 1}
    for _ in range(2):
        assert counts(settled) == {"unchanged": 4}
    show(mee6, XP)
    assert counts(settled) == {"unchanged": 3, "gained": 1}
    assert books.ledger(settled, DAN) == [-10, 10]


@pytest.mark.parametrize(
    ("board", "passes"),
    [
        ({ANN: 4000, BOB: 3000, CAT: 1, DAN: 1}, True),
        ({ANN: 4000, BOB: 1, CAT: 1, DAN: 1}, False),
        ({ANN: 4000}, False),
    ],
)
def test_who_has_no_xp_has_none_to_lose(
    settled: Cli, mee6: SimulatedMee6, board: Mapping[str, int], passes: bool
) -> None:
    idle = [str(number) for number in range(201, 207)]
    books.link(settled, idle)
    show(mee6, {**XP, **dict.fromkeys(idle, 0)})
    for _ in range(2):
        settled.ok("sync")
    show(mee6, {**board, **dict.fromkeys(idle, 0)})
    assert settled("sync").code == (0 if passes else 65)
