"""What rows of the database look like on the page. Pure: `now` is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

WEEKS = 26
DAYS = 90
GRID_DAYS = 7
GRID_CELLS = 96
"""Quarters of an hour in a day."""

ACTIVITY_WEEKS = 4
SYNC_LAG = timedelta(minutes=15)
"""What a sync sees was written in the quarter of an hour before it."""

_REVEALING = re.compile(r"\S@\S+\.\S|\d{15}")
"""An e-mail address, or the id of a Discord account, within a name."""

_WORST_FIRST = ("failed", "abandoned", "interrupted", "running", "skipped", "completed")


@dataclass(frozen=True, slots=True)
class Sums:
    """Points of a week or a day, from its first day on; both are positive."""

    first: date
    awarded: int
    deducted: int

    @property
    def net(self) -> int:
        """What they come to."""
        return self.awarded - self.deducted

    @property
    def week(self) -> str:
        """The ISO week of the first day."""
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02}"


@dataclass(frozen=True, slots=True)
class GridDay:
    """A day of syncs, by quarters of an hour.

    A quarter is how its worst sync ended, "missing" without one, None where there was nothing to
    expect: before the first sync on record, or still to come.
    """

    day: date
    quarters: Sequence[str | None]

    def count(self, *states: str) -> int:
        """How many quarters are of one of these states."""
        return sum(state in states for state in self.quarters)


def public_name(name: str | None) -> str | None:
    """A name that anybody may read; None where there is none, or it is an address or an id."""
    return None if name is None or _REVEALING.search(name) else name


def first_week(now: datetime) -> date:
    """The Monday of the first of the last 26 ISO weeks, this one among them (UTC)."""
    today = now.astimezone(UTC).date()
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


def first_day(now: datetime, days: int) -> date:
    """The first of the last so many days, today among them (UTC)."""
    return now.astimezone(UTC).date() - timedelta(days=days - 1)


def by_week(days: Mapping[str, tuple[int, int]], now: datetime) -> list[Sums]:
    """The last 26 ISO weeks, the oldest first, from what each ISO date was awarded and deducted."""
    first = first_week(now)
    mondays = [first + timedelta(weeks=number) for number in range(WEEKS)]
    return [_summed(days, monday, 7) for monday in mondays]


def by_day(days: Mapping[str, tuple[int, int]], now: datetime) -> list[Sums]:
    """The last 90 days, the oldest first."""
    first = first_day(now, DAYS)
    return [_summed(days, first + timedelta(days=number), 1) for number in range(DAYS)]


def by_quarter(
    runs: Iterable[tuple[datetime, str]], first_ever: datetime | None, now: datetime
) -> list[GridDay]:
    """The last 7 days of syncs, from when each began and how it ended; today comes last.

    `first_ever` is when the first sync on record began, None before any.
    """
    start = datetime.combine(first_day(now, GRID_DAYS), datetime.min.time(), UTC)
    quarter = timedelta(days=1) / GRID_CELLS
    found: dict[int, str] = {}
    for began, status in runs:
        place = (began - start) // quarter
        found[place] = min(found.get(place, status), status, key=_WORST_FIRST.index)
    expected = range(
        GRID_CELLS * GRID_DAYS if first_ever is None else (first_ever - start) // quarter,
        (now - start) // quarter,  # the quarter that is not over yet may still get its sync
    )
    states = [
        found.get(place, "missing" if place in expected else None)
        for place in range(GRID_CELLS * GRID_DAYS)
    ]
    return [
        GridDay(
            start.date() + timedelta(days=number),
            states[number * GRID_CELLS : (number + 1) * GRID_CELLS],
        )
        for number in range(GRID_DAYS)
    ]


def by_hour(syncs: Iterable[tuple[datetime, int]]) -> list[list[int]]:
    """XP by weekday (Monday first) and hour (UTC), from when syncs began and what they saw."""
    hours = [[0] * 24 for _ in range(7)]
    for began, xp in syncs:
        written = began.astimezone(UTC) - SYNC_LAG
        hours[written.weekday()][written.hour] += xp
    return hours


def heat(value: int, most: int) -> int:
    """How warm a value is: 0 for nothing, else 1 to 5; 5 is the most there is."""
    return -(-5 * value // most) if value > 0 else 0


def _summed(days: Mapping[str, tuple[int, int]], first: date, number: int) -> Sums:
    dates = [(first + timedelta(days=offset)).isoformat() for offset in range(number)]
    found = [days[day] for day in dates if day in days]
    return Sums(first, sum(one[0] for one in found), sum(one[1] for one in found))
