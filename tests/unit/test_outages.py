"""Outages of the sync (design, section A7), decided without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.outages import excused_days
from trcpoints.jobs.streaks.outages import Outage, RunKind, SyncRun, find_outages

MON = datetime(2026, 1, 19, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


def clock(text: str) -> datetime:
    """A time of Monday."""
    return datetime.combine(MON.date(), time.fromisoformat(text), tzinfo=UTC)


def regular(last: datetime, gap: timedelta = QUARTER, number: int = 60) -> list[datetime]:
    """Syncs of which the last is then."""
    return [last - gap * back for back in reversed(range(number))]


def completed(*moments: datetime) -> list[SyncRun]:
    return [SyncRun(moment, "completed") for moment in moments]


def outages(
    runs: list[SyncRun], now: datetime, *, enabled: bool = True
) -> list[tuple[datetime, datetime]]:
    return [(one.start, one.end) for one in find_outages(runs, now, enabled=enabled)]


@pytest.mark.parametrize(
    ("start", "end", "is_excused"),
    [
        ("17:59:00", MON + DAY, True),
        ("18:00:00", MON + DAY, True),
        ("18:00:01", MON + DAY, False),
        ("18:01:00", MON + DAY + 9 * HOUR, False),
        ("00:00:00", MON + DAY, True),
        ("17:59:00", MON + DAY - timedelta(microseconds=1), False),
        ("17:00:00", MON + 23 * HOUR, False),
        ("17:59:00", MON + 3 * DAY, True),
    ],
)
def test_it_covers_the_evening_or_excuses_nothing(
    start: str, end: datetime, is_excused: bool
) -> None:
    assert Outage(clock(start), end).excuses(MON.date()) is is_excused


def test_it_excuses_each_day_that_it_covers() -> None:
    outage = Outage(clock("17:59:00"), MON + 3 * DAY + 9 * HOUR)
    days = [MON.date() + number * DAY for number in range(-1, 5)]
    assert [day for day in days if outage.excuses(day)] == days[1:4]


def test_its_reason_names_both_ends() -> None:
    outage = Outage(clock("00:15:00"), MON + DAY + 9 * HOUR)
    assert outage.reason == "no sync from 2026-01-19 00:15 to 2026-01-20 09:00 UTC"


def test_it_is_over_six_hours_long() -> None:
    runs = completed(*regular(MON))
    six = 6 * HOUR
    assert outages(runs, MON + six) == []
    assert outages(runs, MON + six + QUARTER) == [(MON, MON + six + QUARTER)]
    assert outages([*runs, *completed(MON + six)], MON + six) == []
    later = MON + six + QUARTER
    assert outages([*runs, *completed(later)], later + HOUR) == [(MON, later)]


def test_it_is_over_three_usual_gaps_long() -> None:
    runs = completed(*regular(MON, 4 * HOUR))
    assert outages(runs, MON + 12 * HOUR) == []
    assert outages(runs, MON + 12 * HOUR + QUARTER) == [(MON, MON + 12 * HOUR + QUARTER)]


def test_a_machine_that_syncs_once_a_day_has_none() -> None:
    for number in range(1, 60):
        runs = completed(*regular(MON, DAY, number))
        assert outages(runs, MON + 2 * DAY) == []


def test_the_first_gap_of_all_is_none() -> None:
    assert outages([], MON) == []
    assert outages(completed(MON), MON + 9 * DAY) == []
    assert outages(completed(MON, MON + 9 * DAY), MON + 9 * DAY) == []
    assert outages(completed(MON - HOUR, MON), MON + DAY) == [(MON, MON + DAY)]


def test_the_usual_gap_is_the_median_of_the_fifty_before() -> None:
    def runs(short: int) -> list[SyncRun]:
        """Syncs once a day, and then so many short gaps."""
        often = regular(MON, QUARTER, short + 1)
        return completed(*regular(often[0] - DAY, DAY, 100), *often)

    assert outages(runs(25), MON + DAY) == []
    assert outages(runs(26), MON + DAY) == [(MON, MON + DAY)]


def test_an_outage_hardly_changes_what_is_usual() -> None:
    runs = completed(*regular(MON), *regular(MON + 5 * DAY), *regular(MON + 9 * DAY))
    found = outages(runs, MON + 10 * DAY)
    assert [end - start > 3 * DAY for start, end in found] == [True, True, False]


def test_runs_that_came_to_nothing_end_no_outage() -> None:
    failed = [SyncRun(MON + number * QUARTER, "other") for number in range(1, 40)]
    runs = [*completed(*regular(MON)), *failed]
    assert outages(runs, MON + DAY) == [(MON, MON + DAY)]


def off(hours: int) -> SyncRun:
    return SyncRun(MON + hours * HOUR, "switched_off")


def other(hours: int) -> SyncRun:
    return SyncRun(MON + hours * HOUR, "other")


def test_while_the_sync_is_switched_off_there_is_none() -> None:
    runs = completed(*regular(MON))
    assert outages([*runs, off(1)], MON + 3 * DAY) == []
    assert outages([*runs, off(1), *completed(MON + 3 * DAY)], MON + 3 * DAY + HOUR) == []


def test_what_was_before_and_after_it_was_switched_off_counts() -> None:
    runs = completed(*regular(MON))
    now = MON + 3 * DAY
    assert outages([*runs, off(7), off(9)], now) == [(MON, MON + 7 * HOUR)]
    assert outages([*runs, off(7), other(40)], now) == [
        (MON, MON + 7 * HOUR),
        (MON + 40 * HOUR, now),
    ]
    # Each part is long enough for itself or does not count.
    assert outages([*runs, off(5), other(40), off(45), other(46)], now) == [(MON + 46 * HOUR, now)]


def test_who_switched_it_off_without_a_record_had_done_so_after_the_last_sync() -> None:
    runs = completed(*regular(MON))
    now = MON + 2 * DAY
    assert outages(runs, now, enabled=False) == []
    assert outages([*runs, other(3), other(30)], now, enabled=False) == [(MON, MON + 30 * HOUR)]
    assert outages([*runs, off(30)], now, enabled=False) == [(MON, MON + 30 * HOUR)]
    assert outages([], now, enabled=False) == []


minutes = st.sampled_from([1, 15, 60, 240, 359, 360, 361, 720, 1079, 1080, 1081, 1440, 4000])
kinds: st.SearchStrategy[RunKind] = st.sampled_from(
    ["completed"] * 6 + ["other", "other", "switched_off"]
)


@given(
    steps=st.lists(st.tuples(minutes, kinds), max_size=90),
    rest=minutes,
    enabled=st.booleans(),
)
def test_any_history_agrees_with_a_walk_through_it(
    steps: list[tuple[int, RunKind]], rest: int, enabled: bool
) -> None:
    now = MON
    events = []
    for pause, kind in steps:
        now += pause * timedelta(minutes=1)
        events.append((now, kind))
    now += rest * timedelta(minutes=1)
    runs = [SyncRun(moment, kind) for moment, kind in events]
    found = find_outages(runs, now, enabled=enabled)
    days: list[date] = [MON.date() + number * DAY for number in range((now - MON).days + 1)]
    excused = {day for day in days if any(one.excuses(day) for one in found)}
    assert excused == excused_days(events, now, enabled=enabled)
    assert sorted(found, key=lambda one: one.start) == found
