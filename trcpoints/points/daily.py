"""The ledger summed up by day, for whoever shows points per day (design, section 10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from peewee import EXCLUDED

from trcpoints.db.engine import portions
from trcpoints.db.models import DailyPoints

_ROWS = 5_000
"""Days written by one statement, three parameters each."""


def add_to_days(movements: Iterable[tuple[datetime, int]]) -> None:
    """Add points, each with the UTC time at which it happened, to the sums of their days.

    Called in the transaction that writes them into the ledger, by whoever does.
    """
    sums: dict[str, tuple[int, int]] = {}
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
