"""What active days make of a streak, without I/O or clock (design, section 2.6)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from msgspec import Struct

MILESTONES = (5, 10, 20, 50, 100, 250)

_DAY = timedelta(days=1)
_SATURDAY = 5


class Streak(Struct, frozen=True, gc=False):
    """A streak as it is after the last judged day; `since` is its first active day."""

    current: int = 0
    longest: int = 0
    since: date | None = None


class Reached(Struct, frozen=True, gc=False):
    """A milestone: the streak that began on `since` was `days` long on `on`."""

    since: date
    days: int
    on: date


class Judgement(Struct, frozen=True, gc=False):
    """A streak after more days were judged: the milestones reached in them, and the first days
    of the streaks that began in them, in order."""

    streak: Streak
    reached: list[Reached]
    begun: list[date]


def is_weekday(day: date) -> bool:
    """Monday to Friday."""
    return day.weekday() < _SATURDAY


def next_weekday(day: date) -> date:
    """The first weekday after a day."""
    day += _DAY
    while not is_weekday(day):
        day += _DAY
    return day


def last_complete_weekday(today: date) -> date:
    """The newest weekday that is over: today is never judged."""
    day = today - _DAY
    while not is_weekday(day):
        day -= _DAY
    return day


def weekdays(after: date, through: date) -> Iterator[date]:
    """The weekdays after one day up to and including another."""
    while (after := next_weekday(after)) <= through:
        yield after


class Calendar:
    """The days that break a streak when one is not active on them: weekdays but grace days.

    They are counted from a day long ago, so that the distance of two days is a subtraction.
    """

    def __init__(self, grace: Iterable[date] = ()) -> None:
        self.grace = sorted(day for day in grace if is_weekday(day))
        self._counts: dict[date, tuple[int, int]] = {}

    def counts(self, day: date) -> tuple[int, int]:
        """How many such days there are before `day`, and up to and including it."""
        known = self._counts.get(day)
        if known is None:
            before = _weekdays_before(day) - bisect_left(self.grace, day)
            after = _weekdays_before(day + _DAY) - bisect_right(self.grace, day)
            known = self._counts[day] = (before, after)
        return known

    def is_grace(self, day: date) -> bool:
        """Whether nobody's streak breaks on this weekday."""
        before, after = self.counts(day)
        return before == after


def _weekdays_before(day: date) -> int:
    weeks, rest = divmod(day.toordinal() - 1, 7)  # day 1 of the proleptic calendar is a Monday
    return weeks * _SATURDAY + min(rest, _SATURDAY)


def advance(
    streak: Streak, judged: date | None, active: Iterable[date], through: date, calendar: Calendar
) -> Judgement:
    """Judge the days after `judged` (None: all) through `through`.

    `active` are the weekdays among them on which the member was active, in order.
    """
    current, longest, since = streak.current, streak.longest, streak.since
    unbroken = calendar.counts(judged)[1] if judged is not None else 0
    reached: list[Reached] = []
    begun: list[date] = []
    for day in active:
        before, after = calendar.counts(day)
        if since is None or before != unbroken:
            current, since = 0, day
            begun.append(day)
        current += 1
        unbroken = after
        if current > longest:
            longest = current
        if current in MILESTONES:
            reached.append(Reached(since, current, day))
    if since is not None and calendar.counts(through)[1] != unbroken:
        current, since = 0, None
    return Judgement(Streak(current, longest, since), reached, begun)


def window_start(changed: date, longest: int, calendar: Calendar) -> date:
    """A day so early that a streak which holds `changed` cannot have begun before it.

    `longest` is the member's longest streak as it was before that day became an active one.
    """
    days = longest + 1 + len(calendar.grace)
    return changed - timedelta(weeks=days // _SATURDAY + 1)


def after_first_break(active: Sequence[date], start: date, calendar: Calendar) -> Sequence[date]:
    """The active days of streaks that certainly began after `start`: a fold may begin there."""
    unbroken = calendar.counts(start)[0]
    for index, day in enumerate(active):
        before, after = calendar.counts(day)
        if before != unbroken:
            return active[index:]
        unbroken = after
    return ()
