"""What every run of a job leaves in the database: its record, and the job's memory (section 9)."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from trcpoints.db.engine import Engine
from trcpoints.db.models import Job, Run
from trcpoints.documents import ErrorInfo, RunStatus, Trigger
from trcpoints.errors import InternalError, Interrupted, KeyConflict, TrcpointsError

COOLDOWN_LONGEST = timedelta(hours=6)

RECORD_WAIT = 1.0
"""Seconds that an interrupted run may wait to record itself (section 9: gone within two)."""

log = logging.getLogger("trcpoints.run")

SYNC_JOB = "sync"


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """One run of a job, as known when it starts.

    `counted` says that its outcome counts for or against the job's consecutive failures: dry
    runs and saved leaderboards do not.
    """

    run_id: str
    job: str
    trigger: Trigger
    started_at: datetime
    counted: bool


class Memory(msgspec.Struct, frozen=True):
    """What a job remembers from run to run; the defaults are those of a job that never ran."""

    consecutive_failures: int = 0
    last_completed_run: str | None = None
    last_completed_at: datetime | None = None
    cooldown_until: datetime | None = None


def new_run_id(now: datetime) -> str:
    """An id that sorts by time and that no other run has."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


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


def pause_until(memory: Memory, now: datetime) -> datetime | None:
    """The end of the cool-down that is in force; None where there is none (section 3).

    One beyond the longest there is was noted while the clock was wrong.
    """
    until = memory.cooldown_until
    return until if until is not None and now < until <= now + COOLDOWN_LONGEST else None


def is_completed(job: str, run_id: str) -> bool:
    """Whether a run of this id has completed before. Raises KeyConflict for another job's id."""
    run = Run.get_or_none(Run.id == run_id)
    if run is not None and run.job != job:
        raise KeyConflict(
            f"{run_id} is the id of a run of {run.job}, not of {job}.",
            hint="Choose another id.",
        )
    return run is not None and run.status == "completed"


def record_completed(run: RunIdentity, finished_at: datetime, stats: object) -> Memory:
    """Record a run that has done its work, in the transaction of that work; the new memory."""
    known = recall(run.job)
    memory = Memory(
        consecutive_failures=0 if run.counted else known.consecutive_failures,
        last_completed_run=run.run_id,
        last_completed_at=run.started_at,
        cooldown_until=None if run.counted else known.cooldown_until,
    )
    _write_run(run, "completed", finished_at, stats=stats)
    _write_memory(run.job, memory)
    return memory


def record_ended(
    engine: Engine,
    run: RunIdentity,
    status: RunStatus,
    finished_at: datetime,
    *,
    error: ErrorInfo,
    cooldown_until: datetime | None = None,
) -> Memory:
    """Record a run that failed or was interrupted, in a transaction of its own; the new memory.

    A run of the same id that has completed meanwhile, started twice, stays on record as it is.
    """
    with engine.books():
        known = recall(run.job)
        if is_completed(run.job, run.run_id):
            return known
        failed = status == "failed" and run.counted
        memory = msgspec.structs.replace(
            known,
            consecutive_failures=known.consecutive_failures + failed,
            cooldown_until=cooldown_until or known.cooldown_until,
        )
        _write_run(run, status, finished_at, error=error)
        _write_memory(run.job, memory)
    return memory


def record_failure(
    engine: Engine,
    run: RunIdentity,
    fault: BaseException,
    finished_at: datetime,
    *,
    cooldown_until: datetime | None = None,
) -> Memory | None:
    """Record a run that a failure or a signal ended; the new memory, None where that cannot be.

    Where the database itself failed there is nothing to record it in; where it is locked, the
    failure that is to be told of is still the first one.
    """
    if isinstance(fault, Exception) and engine.explain(fault) is not None:
        return None
    is_interrupted = isinstance(fault, Interrupted)
    if is_interrupted:
        engine.lock_wait = RECORD_WAIT
    try:
        return record_ended(
            engine,
            run,
            "interrupted" if is_interrupted else "failed",
            finished_at,
            error=error_info(fault),
            cooldown_until=cooldown_until,
        )
    except Exception as second:
        explained = engine.explain(second)
        if explained is None:
            raise
        log.warning("This run could not be recorded: %s", explained.message)
        return None


def error_info(fault: BaseException) -> ErrorInfo:
    """What a record or a document says of the failure that ended a run."""
    if not isinstance(fault, TrcpointsError | Interrupted):
        fault = InternalError.of(fault)
    return ErrorInfo(fault.code, fault.message, fault.hint)


def _write_run(
    run: RunIdentity,
    status: RunStatus,
    finished_at: datetime,
    *,
    stats: object = None,
    error: ErrorInfo | None = None,
) -> None:
    # A run may be tried again under the same id until it completes.
    Run.delete().where(Run.id == run.run_id).execute()
    Run.insert(
        id=run.run_id,
        job=run.job,
        status=status,
        trigger=run.trigger,
        started_at=run.started_at,
        finished_at=finished_at,
        stats=None if stats is None else msgspec.json.encode(stats).decode(),
        error_code=error.code if error else None,
        error_message=error.message if error else None,
    ).execute()


def _write_memory(job: str, memory: Memory) -> None:
    Job.insert(name=job, **msgspec.structs.asdict(memory)).on_conflict(
        conflict_target=[Job.name],
        preserve=[
            Job.consecutive_failures,
            Job.last_completed_run,
            Job.last_completed_at,
            Job.cooldown_until,
        ],
    ).execute()
