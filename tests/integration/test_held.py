"""Changes of XP that nobody can have earned wait: which ones, and what is written meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.holds import TICK, Timeline, fates, holds
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN = "101", "102", "103", "104"
HOUR = timedelta(hours=1)
OTHERS = {BOB: 2000, CAT: 3000}


@pytest.fixture
def time(cli: Cli, mee6: SimulatedMee6) -> Timeline:
    """The program with four linked members, and a simulated MEE6."""
    books.link(cli, [ANN, BOB, CAT, DAN])
    return Timeline(cli, mee6)


@pytest.mark.parametrize(
    ("tracked", "given", "seen", "gap", "booked"),
    [
        (5_000, 12, 6_700, TICK, 17),
        (5_000, 12, 6_750, TICK, 17),  # the limit itself
        (5_000, 12, 6_751, TICK, None),
        (5_000, 12, 6_800, TICK, None),
        (5_000, 12, 3_900, TICK, -11),
        (5_000, 4, 3_900, TICK, None),
        (5_000, 11, 3_900, TICK, -11),  # all that Discord gave
        (5_000, 10, 3_900, TICK, None),
        (5_000, 0, 4_000, TICK, -10),  # a loss of 1,000 is plausible whatever was given
        (704_000, 40, 20, TICK, None),
        (5_000, 0, 60_000, timedelta(hours=33), 550),
        (5_000, 0, 105_001, timedelta(hours=33), None),
    ],
)
def test_what_cannot_have_been_earned_is_held(
    time: Timeline, tracked: int, given: int, seen: int, gap: timedelta, booked: int | None
) -> None:
    time.earn({ANN: tracked, **OTHERS}, given)
    document = time.sync({ANN: seen, BOB: 2100, CAT: 3000}, after=gap)
    ann = books.members(time.cli)[ANN]
    if booked is None:
        assert fates(document) == {"held": 1, "gained": 1, "unchanged": 2}
        assert document["points"] == {"awarded": 1, "deducted": 0, "net": 1}
        assert (ann.xp_total, ann.points, ann.carry) == (tracked, given, 0)
        assert ann.held_at == time.now
    else:
        assert "held" not in fates(document)
        assert (ann.xp_total, ann.points) == (seen, given + booked)
        assert ann.held_at is None
    assert books.members(time.cli)[BOB].points == 1
    assert time.cli("points", "verify").code == 0


def test_nothing_is_written_of_a_held_member_but_the_hold(time: Timeline) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    before = books.everything(time.cli)
    time.sync({ANN: 9_050, **OTHERS})
    held = books.everything(time.cli)
    bare = {"held_at", "quiet"}
    for old, new in zip(before["Member"], held["Member"], strict=True):
        assert {k for k in new if old[k] != new[k]} <= bare
    ann = books.members(time.cli)[ANN]
    assert [x for x in held["LedgerEntry"] if x["member"] == ann.id] == [
        x for x in before["LedgerEntry"] if x["member"] == ann.id
    ]
    assert books.activity(time.cli, ANN) == [(None, 4700), (300, 5000)]
    assert holds(time.cli) == [(ANN, "gain", 5000, 9050, 40, None, None)]
    # What is seen follows; the rest of them stays.
    assert fates(time.sync({ANN: 9_150, **OTHERS})) == {"held": 1, "unchanged": 3}
    assert holds(time.cli) == [(ANN, "gain", 5000, 9150, 41, None, None)]
    rested = books.everything(time.cli)
    assert fates(time.sync({ANN: 9_150, **OTHERS})) == {"held": 1, "unchanged": 3}
    assert {**books.everything(time.cli), "Job": None} == {**rested, "Job": None}


@pytest.mark.parametrize("back", [5_000, 4_100, 5_700, 6_750])
def test_a_hold_ends_by_itself_when_the_fault_is_over(time: Timeline, back: int) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    time.sync({ANN: 700_000, **OTHERS})
    document = time.sync({ANN: back, **OTHERS})
    assert "held" not in fates(document)
    assert document["holds"]["ended"] == 1
    ann = books.members(time.cli)[ANN]
    assert (ann.xp_total, ann.held_at) == (back, None)
    assert 100 * ann.points + ann.carry == 300 + back - 5000
    assert holds(time.cli) == [(ANN, "gain", 5000, 700_000, 6950, "passed", "sync")]
    assert time.cli("points", "verify").code == 0
    assert fates(time.sync({ANN: back + 300, **OTHERS})) == {"gained": 1, "unchanged": 3}


def test_time_makes_what_is_held_no_more_plausible(time: Timeline) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    time.sync({ANN: 6_751, **OTHERS})
    assert fates(time.sync({ANN: 6_751, **OTHERS}, after=48 * HOUR))["held"] == 1
    assert fates(time.sync({ANN: 6_750, **OTHERS}))["gained"] == 1


def test_a_held_loss_that_is_followed_by_gains(time: Timeline) -> None:
    time.earn({ANN: 704_000, **OTHERS}, 40)
    time.sync({ANN: 20, **OTHERS})
    assert holds(time.cli) == [(ANN, "loss", 704_000, 20, -7039, None, None)]
    # The highest XP that was plausible when it began is one 15 minutes after the last sync.
    assert fates(time.sync({ANN: 705_751, **OTHERS}))["held"] == 1
    assert holds(time.cli) == [(ANN, "gain", 704_000, 705_751, 17, None, None)]
    # And the lowest is that from which Discord's 40 points can be taken.
    assert fates(time.sync({ANN: 699_900, **OTHERS}))["held"] == 1
    assert fates(time.sync({ANN: 699_901, **OTHERS}))["lost"] == 1
    assert books.members(time.cli)[ANN].points == 0


@pytest.mark.parametrize("vanish", ["gone", "unreadable"])
def test_a_held_member_who_is_not_seen_stays_held(time: Timeline, vanish: str) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    board = {ANN: 9_000, **OTHERS}
    time.sync(board)
    if vanish == "gone":
        document = time.sync(OTHERS)
    else:
        time.mee6.misbehave(Fault.NULL_XP, times=1, player=ANN)
        document = time.sync(board)
    assert fates(document) == {"held": 1, "unchanged": 3}
    ann = books.members(time.cli)[ANN]
    assert (ann.xp_total, ann.left_at) == (5000, None)
    assert holds(time.cli) == [(ANN, "gain", 5000, 9_000, 40, None, None)]
    assert fates(time.sync({ANN: 5_100, **OTHERS}))["gained"] == 1


def test_whoever_was_away_may_have_gained_since_they_left(time: Timeline) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    time.sync(OTHERS)  # she has left, 15 minutes ago at most
    time.sync(OTHERS)
    assert fates(time.sync({ANN: 7_501, **OTHERS}))["held"] == 1
    assert books.members(time.cli)[ANN].left_at is not None
    back = time.sync({ANN: 7_500, **OTHERS})
    assert fates(back) == {"gained": 1, "returned": 1, "unchanged": 3}


def test_a_member_who_was_deferred_may_have_gained_since_they_were_seen(time: Timeline) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    for _ in range(2):
        time.mee6.misbehave(Fault.NULL_XP, times=1, player=ANN)
        assert fates(time.sync({ANN: 5000, **OTHERS}))["deferred"] == 1
    assert fates(time.sync({ANN: 5000 + 1000 + 45 * 50, **OTHERS}))["gained"] == 1
    assert books.members(time.cli)[ANN].known_at is None
    assert fates(time.sync({ANN: 8250 + 1751, **OTHERS}))["held"] == 1


def test_a_part_of_the_board_keeps_when_the_others_were_seen(time: Timeline) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    page = '{"guild": {"id": "993536706509885777"}, "page": 1, "players": [{"id": "102", "xp": 1}]}'
    (time.cli.folder / "part.json").write_text(page.replace('"xp": 1', '"xp": 2000'))
    part = time.ok("sync", "--from", "part.json", after=TICK)
    assert part["members"]["deferred"] == 3
    # Ann's XP was seen half an hour ago, Bob's a quarter, for a saved board is a board.
    document = time.sync({ANN: 7_500, BOB: 3_751, CAT: 5_501})
    assert fates(document) == {"gained": 1, "held": 2, "unchanged": 1}
    assert [one[0] for one in holds(time.cli)] == [BOB, CAT]


def test_syncs_that_came_to_nothing_do_not_count(time: Timeline) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    time.mee6.misbehave(Fault.NOT_FOUND, times=1)
    assert time.run("sync", after=TICK).code == 69
    time.ok("sync", "--dry-run", after=TICK)
    assert fates(time.sync({ANN: 5000 + 1000 + 45 * 50, **OTHERS}))["gained"] == 1


def test_a_clock_that_was_set_back_makes_no_time_negative(time: Timeline) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    board = {ANN: 6_001, BOB: 3_000, CAT: 3_000}
    assert fates(time.sync(board, after=-10 * HOUR)) == {"held": 1, "gained": 1, "unchanged": 2}


@pytest.mark.parametrize(
    ("setting", "seen", "held"),
    [
        ("auto", 6_751, True),
        ("off", 9_000_000, False),
        ("3000", 8_000, False),
        ("3000", 8_001, True),
        ("1", 5_002, True),
    ],
)
def test_the_limit_can_be_set(time: Timeline, setting: str, seen: int, held: bool) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    time.cli.environment["MEE6_MAX_GAIN"] = setting
    assert ("held" in fates(time.sync({ANN: seen, **OTHERS}))) is held
    # Losses have a rule of their own.
    assert fates(time.sync({ANN: 5000, BOB: 100, CAT: 3000}))["held"] == 1


@pytest.mark.parametrize("setting", ["off", "4000"])
def test_a_limit_that_is_raised_releases(time: Timeline, setting: str) -> None:
    time.earn({ANN: 5000, **OTHERS}, 3)
    time.sync({ANN: 9_000, **OTHERS})
    time.cli.environment["MEE6_MAX_GAIN"] = setting
    assert fates(time.sync({ANN: 9_000, **OTHERS}))["gained"] == 1
    assert holds(time.cli)[0][5:] == ("passed", "sync")


@pytest.mark.parametrize("setting", ["-1", "0", "1.5", "many", "9" * 14, f"{0:030}1", "9" * 5000])
def test_a_limit_that_is_none_is_a_fault(sqlite_cli: Cli, setting: str) -> None:
    result = sqlite_cli("sync", env={"MEE6_MAX_GAIN": setting, "MEE6_GUILD_ID": "1"})
    assert result.code == 78
    assert "MEE6_MAX_GAIN" in result.err


@pytest.mark.parametrize(
    ("per_message", "rate", "per_minute"),
    [
        ("[15, 25]", "2.0", 50),
        ("[1, 10]", "0.5", 5),
        ("[15, 25]", "40", 1000),
        ("[15, 25]", "41", 25),  # over 1,000: nothing is believed of it
        ("[15, 25]", "0.01", 25),
        ("[15, -25]", "-1", 25),
        ('"15-25"', "1", 25),
        ("[15]", "1", 25),
        ('[15, "50"]', "1", 25),
        ("[15, true]", "50", 25),
        ("null", "null", 25),
        (f"[15, 1{'0' * 400}]", "1", 25),
    ],
)
def test_the_rate_is_that_of_the_board(
    sqlite_cli: Cli, per_message: str, rate: str, per_minute: int
) -> None:
    with SimulatedMee6() as mee6:
        books.link(sqlite_cli, [ANN, BOB])
        time = Timeline(sqlite_cli, mee6)
        limit = 1000 + 15 * 2 * per_minute
        for ann, bob in ((0, 0), (limit, limit + 1)):
            players = f'[{{"id": "{ANN}", "xp": {ann}}}, {{"id": "{BOB}", "xp": {bob}}}]'
            board = (
                f'{{"guild": {{"id": "{mee6.guild_id}"}}, "page": 0, "players": {players}, '
                f'"xp_per_message": {per_message}, "xp_rate": {rate}}}'
            )
            (sqlite_cli.folder / "board.json").write_text(board)
            document = time.ok("sync", "--from", "board.json", after=TICK)
    assert fates(document) == {"gained": 1, "held": 1}
