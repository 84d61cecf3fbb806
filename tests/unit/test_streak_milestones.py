"""Milestones and grace days as pure rules, in the examples that say where their edges are."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from trcpoints.points.streaks.milestones import _reconcile
from trcpoints.points.streaks.rules import (
    MILESTONES,
    Calendar,
    Judgement,
    Reached,
    Streak,
    advance,
    after_first_break,
    next_weekday,
    window_start,
)

MONDAY = date(2026, 1, 5)


def weekdays(number: int, first: date = MONDAY) -> list[date]:
    """So many weekdays, from a weekday on."""
    days = [first]
    while len(days) < number:
        days.append(next_weekday(days[-1]))
    return days


def judge(active: list[date], through: date, *grace: date) -> Judgement:
    return advance(Streak(), None, active, through, Calendar(grace))


@pytest.mark.parametrize("days", MILESTONES)
def test_a_milestone_is_reached_on_its_day(days: int) -> None:
    active = weekdays(days)
    before = judge(active[:-1], active[-2])
    assert [one.days for one in before.reached] == [n for n in MILESTONES if n < days]
    reached = judge(active, active[-1]).reached
    assert reached[-1] == Reached(MONDAY, days, active[-1])
    after = judge([*active, next_weekday(active[-1])], next_weekday(active[-1]))
    assert after.reached == reached


def test_each_streak_has_its_own_milestones() -> None:
    first, second = weekdays(5), weekdays(5, date(2026, 1, 13))
    judged = judge([*first, *second], second[-1])
    assert judged.reached == [Reached(MONDAY, 5, first[-1]), Reached(second[0], 5, second[-1])]
    assert judged.begun == [MONDAY, second[0]]
    assert judged.streak == Streak(5, 5, second[0])


def test_a_grace_day_breaks_no_streak_and_adds_nothing() -> None:
    monday, tuesday, wednesday, thursday, friday = weekdays(5)
    active = [monday, tuesday, thursday, friday]
    assert judge(active, friday).streak == Streak(2, 2, thursday)
    assert judge(active, friday, wednesday).streak == Streak(4, 4, monday)
    assert judge(weekdays(5), friday, wednesday).streak.current == 5


def test_grace_days_at_the_end_keep_the_streak() -> None:
    monday, tuesday, wednesday, thursday, friday = weekdays(5)
    kept = judge([monday, tuesday], friday, wednesday, thursday, friday)
    assert kept.streak == Streak(2, 2, monday)
    assert judge([monday, tuesday], friday, wednesday, friday).streak == Streak(0, 2, None)
    # The last day is not judged when it is not over.
    assert judge([monday, tuesday], tuesday).streak == Streak(2, 2, monday)


def test_a_calendar_counts_the_days_that_break() -> None:
    friday, saturday, monday = date(2026, 1, 9), date(2026, 1, 10), date(2026, 1, 12)
    plain, calendar = Calendar(), Calendar([friday])
    before, through = plain.counts(friday)
    assert through == before + 1
    assert plain.counts(saturday) == (through, through)
    assert plain.counts(monday) == (through, through + 1)
    assert calendar.counts(friday) == (before, before)
    assert calendar.counts(monday) == (before, before + 1)
    assert [calendar.is_grace(day) for day in (friday, monday)] == [True, False]
    assert [plain.is_grace(day) for day in (friday, monday)] == [False, False]


def test_a_window_holds_the_longest_streak_there_can_be() -> None:
    changed = date(2026, 3, 4)
    for longest, grace in ((0, 0), (4, 0), (9, 0), (9, 7), (250, 3)):
        calendar = Calendar([MONDAY + timedelta(weeks=week) for week in range(grace)])
        start = window_start(changed, longest, calendar)
        breaking = sum(
            (start + timedelta(days=n)).weekday() < 5 for n in range((changed - start).days)
        )
        assert breaking - grace > longest


def test_a_fold_begins_after_the_first_break() -> None:
    days = weekdays(10)
    start = days[0]
    # Active from the start: where that streak began is not known.
    assert after_first_break(days[:4], start, Calendar()) == ()
    assert after_first_break([*days[:2], *days[3:6]], start, Calendar()) == days[3:6]
    assert after_first_break(days[1:4], start, Calendar()) == days[1:4]
    assert after_first_break([*days[:2], *days[3:6]], start, Calendar([days[2]])) == ()
    assert after_first_break([], start, Calendar()) == ()


SINCE, EARLIER = date(2026, 1, 12), date(2026, 1, 5)
Recorded = tuple[int, str, int, str, str | None]


def judged(begun: list[date], *reached: Reached) -> Judgement:
    return Judgement(Streak(), list(reached), begun)


def test_what_is_reached_is_recorded_once() -> None:
    five = Reached(SINCE, 5, date(2026, 1, 16))
    assert _reconcile([], judged([SINCE], five)) == (
        [],
        [("2026-01-12", 5, "2026-01-16", None)],
    )
    recorded: list[Recorded] = [(7, "2026-01-12", 5, "2026-01-16", "run-1")]
    assert _reconcile(recorded, judged([SINCE], five)) == ([], [])
    assert _reconcile(recorded, judged([])) == ([], [])


def test_a_record_follows_the_first_day_of_its_streak() -> None:
    recorded: list[Recorded] = [(7, "2026-01-12", 5, "2026-01-16", "run-1")]
    assert _reconcile(recorded, judged([EARLIER])) == (
        [7],
        [("2026-01-05", 5, "2026-01-16", "run-1")],
    )
    # Judged now are later days only: the streak is as it was.
    assert _reconcile(recorded, judged([date(2026, 1, 19)])) == ([], [])


def test_where_two_streaks_become_one_the_reported_milestone_stays() -> None:
    recorded: list[Recorded] = [
        (7, "2026-01-05", 5, "2026-01-09", None),
        (8, "2026-01-12", 5, "2026-01-16", "run-1"),
    ]
    assert _reconcile(recorded, judged([EARLIER], Reached(EARLIER, 5, date(2026, 1, 9)))) == (
        [8, 7],
        [("2026-01-05", 5, "2026-01-16", "run-1")],
    )


def test_of_two_reported_milestones_the_first_stays() -> None:
    recorded: list[Recorded] = [
        (8, "2026-01-12", 5, "2026-01-16", "run-2"),
        (7, "2026-01-05", 5, "2026-01-09", "run-1"),
    ]
    assert _reconcile(recorded, judged([EARLIER])) == ([8], [])


def test_different_milestones_of_one_streak_stay_beside_each_other() -> None:
    recorded: list[Recorded] = [
        (7, "2026-01-05", 5, "2026-01-09", "run-1"),
        (8, "2026-01-05", 10, "2026-01-16", "run-2"),
    ]
    assert _reconcile(recorded, judged([EARLIER])) == ([], [])
