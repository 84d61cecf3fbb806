"""Many held changes at once: another board is refused, and a standing hold refuses nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.holds import TICK, Timeline, fates, holds
from tests.support.mee6 import show
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

IDS = [str(number) for number in range(101, 107)]
BASE = dict.fromkeys(IDS, 50_000)


@pytest.fixture
def time(cli: Cli, mee6: SimulatedMee6) -> Timeline:
    """Six members with 50,000 XP each, to whom Discord gave nothing."""
    books.link(cli, IDS)
    timeline = Timeline(cli, mee6)
    timeline.sync(BASE)
    return timeline


def board(changes: str) -> dict[str, int]:
    """The members' XP: `+` cannot be earned, `-` is more than was given, `g` and `l` are small."""
    delta = {"+": 5_000, "-": -5_000, "g": 100, "l": -100, ".": 0}
    return {i: 50_000 + delta[kind] for i, kind in zip(IDS, changes, strict=True)}


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ("+++...", "mass_increase_refused"),
        ("+++gg.", "mass_increase_refused"),
        ("+++ggg", None),  # three, but only half of those who changed
        ("++++gg", "mass_increase_refused"),
        ("++g...", None),
        ("++....", None),  # two of two
        ("+++lll", None),
        ("+++-..", "mass_increase_refused"),
        ("+++---", None),
        # The mass-change guard comes first, and counts held losses as losses.
        ("+++++-", "mass_increase_refused"),
        ("++----", "mass_change"),
        ("..----", "mass_change"),
        ("...---", None),
        ("gg--ll", "mass_change"),
    ],
)
def test_a_sync_that_would_hold_most_is_refused(
    time: Timeline, changes: str, refused: str | None
) -> None:
    show(time.mee6, board(changes))
    before = books.everything(time.cli)
    result = time.run("sync", "--json", after=TICK)
    if refused is None:
        assert result.code == 0
        assert len(holds(time.cli)) == changes.count("+") + changes.count("-")
        return
    assert result.code == 65
    assert result.json["error"]["code"] == refused
    assert {**books.everything(time.cli), "Job": None} == {**before, "Job": None}
    assert holds(time.cli) == []


def test_the_refusal_has_its_price_and_the_ways_on(time: Timeline) -> None:
    show(time.mee6, board("++++g."))
    result = time.run("sync", "-q", after=TICK)
    assert (result.code, result.out) == (65, "")
    for part in (
        "4 of the 5 members whose XP has changed",
        "200 points",
        "993536706509885777",
        "MEE6_GUILD_ID",
        "trcpoints sync --rebaseline",
        "trcpoints sync --accept-increase",
    ):
        assert part in result.err
    dry = time.run("sync", "--dry-run", "--members", "--json")
    assert (dry.code, dry.json["error"]["code"]) == (65, "mass_increase_refused")
    assert [one["points"] for one in dry.json["held"]] == [50] * 4


@pytest.mark.parametrize("way", ["--accept-increase", "--rebaseline"])
def test_both_ways_on_are_ways_on(time: Timeline, way: str) -> None:
    document = time.sync(board("++++g."), way)
    awarded = 201 if way == "--accept-increase" else 0
    assert document["points"]["awarded"] == awarded
    assert "held" not in fates(document)
    assert fates(time.sync(board("++++g."))) == {"unchanged": 6}
    assert time.cli("points", "verify").code == 0


def test_the_guard_is_not_asked_about_what_the_other_option_accepts(time: Timeline) -> None:
    show(time.mee6, board("++++.."))
    assert time.run("sync", "--accept-decrease", after=TICK).code == 65
    show(time.mee6, board("----.."))
    assert time.run("sync", "--accept-increase", after=TICK).code == 65


@pytest.mark.parametrize("kind", ["+", "-"])
def test_members_who_wait_keep_no_sync_of_the_others_back(time: Timeline, kind: str) -> None:
    # One after the other, for all at once would be refused.
    changes = "......"
    for place in range(4):
        changes = changes[:place] + kind + changes[place + 1 :]
        time.sync(board(changes))
    assert len(holds(time.cli)) == 4
    quiet: Mapping[str, int] = board(kind * 4 + "g.")
    assert fates(time.sync(quiet)) == {"held": 4, "gained": 1, "unchanged": 1}
    # They go on gaining XP, while nobody else does.
    moved = {i: xp + 10 * (n < 4) for n, (i, xp) in enumerate(quiet.items())}
    assert fates(time.sync(moved)) == {"held": 4, "unchanged": 2}
    # And so does one who loses: 1 of the 2 who are not held.
    assert fates(time.sync({**moved, IDS[5]: 49_950}))["lost"] == 1


def test_an_empty_board_is_refused_while_one_is_not_held(time: Timeline) -> None:
    for gone in IDS[2:]:
        books.change_member(time.cli, gone, active=False)
    time.sync(board("+....."))
    show(time.mee6, {})
    assert time.run("sync", after=TICK).code == 65
    time.sync(board("++...."))
    show(time.mee6, {})
    assert fates(time.ok("sync", after=TICK)) == {"held": 2}
