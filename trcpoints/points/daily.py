"""The ledger summed up by day, for whoever shows points per day (design, section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from peewee import EXCLUDED, Case, fn

from trcpoints.db.engine import Engine, portions
from trcpoints.db.models import DailyPoints, LedgerEntry

_ROWS = 5_000
"""Days written by one statement, three parameters each."""

Sums = tuple[int, int]
"""Points awarded and points deducted, both positive."""


def add_to_days(movements: Iterable[tuple[datetime, int]]) -> None:
    """Add points, each with the UTC time at which it happened, to the sums of their days.

    Called in the transaction that writes them into the ledger, by whoever does.
    """
    sums: dict[str, Sums] = {}
    for moment, points in movements:
        day = moment.date().isoformat()
        awarded, deducted = sums.get(day, (0, 0))
        sums[day] = (awarded + max(points, 0), deducted + max(-points, 0))
    rows = [(day, *both) for day, both in sums.items() if any(both)]
    for portion in portions(rows, _ROWS):
        DailyPoints.insert_many(
            portion, fields=[DailyPoints.day, DailyPoints.awarded, DailyPoints.deducted]
        ).on_conflict(
            conflict_target=[DailyPoints.day],
            update={
                DailyPoints.awarded: DailyPoints.awarded + EXCLUDED.awarded,
                DailyPoints.deducted: DailyPoints.deducted + EXCLUDED.deducted,
            },
        ).execute()


def wrong_days(engine: Engine) -> Iterator[tuple[str, Sums, Sums]]:
    """Days, in their order, whose kept sums are not the ledger's: what is kept, what it makes."""
    day = engine.utc_day(LedgerEntry.occurred_at).alias("day")
    sums = LedgerEntry.select(
        day,
        fn.SUM(Case(None, [(LedgerEntry.points > 0, LedgerEntry.points)], 0)),
        fn.SUM(Case(None, [(LedgerEntry.points < 0, fn.ABS(LedgerEntry.points))], 0)),
    ).group_by(day)
    booked = {name: (int(more), int(less)) for name, more, less in engine.raw_rows(sums)}
    days = DailyPoints.select(DailyPoints.day, DailyPoints.awarded, DailyPoints.deducted)
    kept = {name: (more, less) for name, more, less in engine.raw_rows(days)}
    for name in sorted(kept.keys() | booked.keys()):
        was, makes = kept.get(name, (0, 0)), booked.get(name, (0, 0))
        if was != makes:
            yield name, was, makes


def rebuild_days(engine: Engine) -> int:
    """Write the wrong days anew, in the transaction of the caller; how many there were."""
    wrong = [(day, *makes) for day, _, makes in wrong_days(engine)]
    for portion in portions(wrong, _ROWS):
        DailyPoints.delete().where(DailyPoints.day.in_([day for day, *_ in portion])).execute()
        DailyPoints.insert_many(
            [row for row in portion if any(row[1:])],
            fields=[DailyPoints.day, DailyPoints.awarded, DailyPoints.deducted],
        ).execute()
    return len(wrong)
