"""What a job remembers from run to run (design, section 9)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from trcpoints.db.models import Job

SYNC_JOB = "sync"
FEDERATION_JOB = "federation"

COOLDOWN_LONGEST = timedelta(hours=6)


class Memory(msgspec.Struct, frozen=True):
    """The defaults are those of a job that never ran."""

    consecutive_failures: int = 0
    last_completed_run: str | None = None
    last_completed_at: datetime | None = None
    cooldown_until: datetime | None = None


def recall(job: str) -> Memory:
    """What a job remembers."""
    row = Job.get_or_none(Job.name == job)
    if row is None:
        return Memory()
    return Memory(
        consecutive_failures=row.consecutive_failures,
        last_completed_run=row.last_completed_run,
        last_completed_at=row.last_completed_at,
        cooldown_until=row.cooldown_until,
    )


def remember(job: str, memory: Memory) -> None:
    """Write what a job is to remember, in the caller's transaction."""
    Job.insert(name=job, **msgspec.structs.asdict(memory)).on_conflict(
        conflict_target=[Job.name],
        preserve=[
            Job.consecutive_failures,
            Job.last_completed_run,
            Job.last_completed_at,
            Job.cooldown_until,
        ],
    ).execute()


def pause_until(memory: Memory, now: datetime) -> datetime | None:
    """The end of the cool-down that is in force; None where there is none (section 3).

    One beyond the longest there is was noted while the clock was wrong.
    """
    until = memory.cooldown_until
    return until if until is not None and now < until <= now + COOLDOWN_LONGEST else None
