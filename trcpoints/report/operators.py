"""What operators see besides: health, runs, failures, conflicts, federations. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
from peewee import SQL, fn

from trcpoints.config import Settings
from trcpoints.db.engine import Engine
from trcpoints.db.fields import from_driver
from trcpoints.db.models import Conflict, Member, Run
from trcpoints.documents import ErrorInfo
from trcpoints.documents.status import StatusDocument
from trcpoints.jobs.history.conflicts import is_waiting
from trcpoints.jobs.memory import SYNC_JOB
from trcpoints.jobs.status import read_status
from trcpoints.jobs.status_federation import Configured
from trcpoints.report.community import read_days
from trcpoints.report.shaping import (
    ACTIVITY_WEEKS,
    DAYS,
    GRID_DAYS,
    GridDay,
    Sums,
    by_day,
    by_hour,
    by_quarter,
    first_day,
)

FAILURES = 20
CONFLICTS = 20

_ARE_FAILURES = Run.status.in_(("failed", "abandoned"))


@dataclass(frozen=True, slots=True)
class JobRow:
    """How the runs of a job ended, and when the last of them began."""

    job: str
    completed: int
    failed: int
    others: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class FailureRow:
    """Runs that failed in the same way, or were abandoned; without an error where none is known."""

    job: str
    scope: str | None
    status: str
    code: str | None
    message: str | None
    hint: str | None
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """A field that waits for a decision, and whose; without the values."""

    conflict_id: str
    member_id: str
    name: str | None
    field: str
    connector: str
    organization: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Operators:
    """The part for operators. Runs and failures are of the last 7 days; `hours` is XP."""

    status: StatusDocument
    grid: Sequence[GridDay]
    jobs: Sequence[JobRow]
    failed: int
    failures: Sequence[FailureRow]
    days: Sequence[Sums]
    hours: Sequence[Sequence[int]]
    conflicts: Sequence[ConflictRow]


def read_operators(
    engine: Engine,
    settings: Settings,
    now: datetime,
    connectors: Sequence[Configured],
    problems: Sequence[ErrorInfo],
) -> Operators:
    """The part for operators; called inside a snapshot."""
    jobs = _jobs(engine, now)
    return Operators(
        status=read_status(engine, settings, now, connectors, problems),
        grid=_grid(engine, now),
        jobs=jobs,
        failed=sum(job.failed for job in jobs),
        failures=_failures(engine, now),
        days=by_day(read_days(engine, first_day(now, DAYS)), now),
        hours=by_hour(_seen(engine, now)),
        conflicts=_conflicts(engine),
    )


def _begin(now: datetime) -> datetime:
    return datetime.combine(first_day(now, GRID_DAYS), datetime.min.time(), UTC)


def _moment(value: object) -> datetime:
    """A time of a column that is never empty."""
    return cast("datetime", from_driver(value))


def _grid(engine: Engine, now: datetime) -> list[GridDay]:
    first = Run.select(Run.started_at).where(Run.job == SYNC_JOB).order_by(Run.started_at)
    runs = Run.select(Run.started_at, Run.status).where(
        (Run.job == SYNC_JOB) & (Run.started_at >= _begin(now))
    )
    found = ((_moment(began), status) for began, status in engine.raw_rows(runs))
    return by_quarter(found, first.limit(1).scalar(), now)


def _jobs(engine: Engine, now: datetime) -> list[JobRow]:
    query = (
        Run.select(Run.job, Run.status, fn.COUNT(SQL("*")), fn.MAX(Run.started_at))
        .where(Run.started_at >= _begin(now))
        .group_by(Run.job, Run.status)
        .order_by(Run.job)
    )
    counts: dict[str, dict[str, int]] = {}
    last: dict[str, datetime] = {}
    for job, status, number, latest in engine.raw_rows(query):
        state = "failed" if status == "abandoned" else status
        of_job = counts.setdefault(job, {})
        of_job[state] = of_job.get(state, 0) + number
        at = _moment(latest)
        last[job] = max(last.get(job, at), at)
    return [
        JobRow(
            job=job,
            completed=by_state.get("completed", 0),
            failed=by_state.get("failed", 0),
            others=sum(n for state, n in by_state.items() if state not in {"completed", "failed"}),
            last_at=last[job],
        )
        for job, by_state in counts.items()
    ]


def _failures(engine: Engine, now: datetime) -> list[FailureRow]:
    last = fn.MAX(Run.started_at)
    way = (
        Run.job,
        Run.scope,
        Run.status,
        Run.error_code,
        Run.error_message,
        Run.error_hint,
    )
    query = (
        Run.select(*way, fn.COUNT(SQL("*")), fn.MIN(Run.started_at), last)
        .where(_ARE_FAILURES & (Run.started_at >= _begin(now)))
        .group_by(*way)
        .order_by(last.desc(), *way)
        .limit(FAILURES)
    )
    return [
        FailureRow(job, scope, status, code, message, hint, times, _moment(first), _moment(latest))
        for job, scope, status, code, message, hint, times, first, latest in engine.raw_rows(query)
    ]


class _Xp(msgspec.Struct):
    gained: int = 0


class _Stats(msgspec.Struct):
    xp: _Xp = msgspec.field(default_factory=_Xp)


def _seen(engine: Engine, now: datetime) -> Iterator[tuple[datetime, int]]:
    """When the syncs of the last weeks began, and the XP that they saw gained.

    The records of runs have what millions of activity records would have to be summed up for.
    """
    since = now - timedelta(weeks=ACTIVITY_WEEKS)
    query = Run.select(Run.started_at, Run.stats).where(
        (Run.job == SYNC_JOB)
        & (Run.status == "completed")
        & (Run.started_at >= since)
        & Run.stats.is_null(False)
    )
    decode = msgspec.json.Decoder(_Stats).decode
    for began, stats in engine.raw_rows(query):
        yield _moment(began), decode(stats).xp.gained


def _conflicts(engine: Engine) -> list[ConflictRow]:
    query = (
        Conflict.select(
            Conflict.id,
            Conflict.member,
            Conflict.field,
            Conflict.connector,
            Conflict.organization,
            Conflict.created_at,
            Member.id,
            Member.name,
        )
        .join(Member)
        .where(is_waiting(engine))
        .order_by(Conflict.id.desc())
        .limit(CONFLICTS)
    )
    return [
        ConflictRow(
            conflict_id=str(one.id),
            member_id=str(one.member_id),
            name=one.member.name,
            field=one.field,
            connector=one.connector,
            organization=one.organization,
            created_at=one.created_at,
        )
        for one in query
    ]
