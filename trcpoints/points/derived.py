"""The proof that what is kept of the ledger, streaks and days, follows from it (section 2.7)."""

from __future__ import annotations

from collections.abc import Iterator

from trcpoints.db.engine import Engine
from trcpoints.points.daily import wrong_days
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
    for day, was, makes in wrong_days(engine):
        yield (
            day,
            f"its sums are {was[0]:,} awarded and {was[1]:,} deducted, but the ledger's "
            f"entries make {makes[0]:,} and {makes[1]:,}",
        )


def _told(streak: Streak) -> str:
    since = f" since {streak.since}" if streak.since else ""
    return f"{streak.current:,}{since} (longest {streak.longest:,})"
