"""The proof that what is kept of the ledger, streaks and days, follows from it (section 2.7)."""

from __future__ import annotations

from collections.abc import Iterator

from peewee import Case, fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import DailyPoints, LedgerEntry
from trcpoints.points.streaks.repair import recomputed
from trcpoints.points.streaks.rules import Streak


def streak_faults(engine: Engine) -> Iterator[tuple[int, str]]:
    """Members, by id, whose streak is not what the ledger makes of it, and why."""
    for page in recomputed(engine):
        for kept, judgement in page:
            if kept.streak != judgement.streak:
                yield (
                    kept.member_id,
                    f"the streak is {_told(kept.streak)}, but the ledger's entries make it "
                    f"{_told(judgement.streak)}",
                )


def day_faults(engine: Engine) -> Iterator[tuple[str, str]]:
    """Days whose sums of points are not what the ledger makes of them, and why."""
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
            yield (
                name,
                f"its sums are {was[0]:,} awarded and {was[1]:,} deducted, but the ledger's "
                f"entries make {makes[0]:,} and {makes[1]:,}",
            )


def _told(streak: Streak) -> str:
    since = f" since {streak.since}" if streak.since else ""
    return f"{streak.current:,}{since} (longest {streak.longest:,})"
