"""The record that every run leaves in the database (design, section 9)."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from peewee import fn

from trcpoints.db.models import Activity, LedgerEntry, Run
from trcpoints.documents import ErrorInfo, RunStatus, Trigger
from trcpoints.errors import InternalError, Interrupted, KeyConflict, TrcpointsError


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """One run of a job, as known when it starts.

    `counted` says that its outcome counts for or against the job's consecutive failures, and
    that others are told of it: dry runs and saved leaderboards do not count. `scope` says for
    what, where the job is done for several things.
    """

    run_id: str
    job: str
    trigger: Trigger
    started_at: datetime
    counted: bool
    scope: str | None = None

    @property
    def lease(self) -> str:
        """The name of the lease that it needs."""
        return self.job if self.scope is None else f"{self.job}:{self.scope}"


class Made(NamedTuple):
    """The highest ids of the ledger's entries and the activity records at some moment.

    Both are made under the books lock, so what lies between two moments of a transaction is what
    that transaction made.
    """

    entry: int
    record: int


def new_run_id(now: datetime) -> str:
    """An id that sorts by time and that no other run has."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def made_by_now() -> Made:
    """The highest ids; 0 where there are none."""
    entry = LedgerEntry.select(fn.MAX(LedgerEntry.id)).scalar()
    record = Activity.select(fn.MAX(Activity.id)).scalar()
    return Made(int(entry or 0), int(record or 0))


def is_completed(run: RunIdentity) -> bool:
    """Whether a run of this id has completed before. Raises KeyConflict for another job's id."""
    known = Run.get_or_none(Run.id == run.run_id)
    if known is not None and (known.job, known.scope) != (run.job, run.scope):
        raise KeyConflict(
            f"{run.run_id} is the id of a run of {known.job}, not of {run.job}.",
            hint="Choose another id.",
        )
    return known is not None and known.status == "completed"


def open_record(run: RunIdentity) -> None:
    """Record a run that begins. One may be tried again under its id until it completes."""
    Run.delete().where(Run.id == run.run_id).execute()
    Run.insert(
        id=run.run_id,
        job=run.job,
        scope=run.scope,
        status="running",
        trigger=run.trigger,
        machine=socket.gethostname(),
        started_at=run.started_at,
    ).execute()


def close_record(
    run_id: str,
    status: RunStatus,
    finished_at: datetime,
    *,
    stats: object = None,
    error: ErrorInfo | None = None,
) -> None:
    """Record how a run ended."""
    Run.update(
        status=status,
        finished_at=finished_at,
        stats=None if stats is None else msgspec.json.encode(stats).decode(),
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        error_hint=error.hint if error else None,
    ).where(Run.id == run_id).execute()


def record_made(run_id: str, before: Made) -> None:
    """Record what the transaction of a run has made since `before`, where it made anything."""
    now = made_by_now()
    ranges: dict[str, int] = {}
    if now.entry > before.entry:
        ranges |= {"entries_after": before.entry, "entries_through": now.entry}
    if now.record > before.record:
        ranges |= {"records_after": before.record, "records_through": now.record}
    if ranges:
        Run.update(**ranges).where(Run.id == run_id).execute()


def abandon_record(run_id: str, now: datetime) -> None:
    """Record that the process of a run that was under way is gone, or was locked out."""
    Run.update(status="abandoned", finished_at=now).where(
        (Run.id == run_id) & (Run.status == "running")
    ).execute()


def error_info(fault: BaseException) -> ErrorInfo:
    """What a record or a document says of the failure that ended a run."""
    if not isinstance(fault, TrcpointsError | Interrupted):
        fault = InternalError.of(fault)
    return ErrorInfo(fault.code, fault.message, fault.hint)
