"""The runs on record, page by page or all of them. Reads only."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import msgspec
from peewee import SQL, Expression, Field, Function, ModelSelect, fn

from trcpoints.db.engine import Engine
from trcpoints.db.fields import from_driver
from trcpoints.db.models import Run
from trcpoints.documents import ErrorInfo
from trcpoints.documents.history import HistoryListDocument, HistoryRun

COLUMNS = (
    Run.id,
    Run.job,
    Run.scope,
    Run.status,
    Run.trigger,
    Run.machine,
    Run.started_at,
    Run.finished_at,
    Run.stats,
    Run.error_code,
    Run.error_message,
    Run.error_hint,
)
"""What `run_of` makes a run of."""

_NUMBER = fn.COUNT(SQL("*"))  # SQLite counts in an index for it


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs to read: of one job, of one status, from `since` on, before `until`."""

    job: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_runs(engine: Engine, filters: Filters, *, limit: int, page: int) -> HistoryListDocument:
    """One page (from 1) of the runs that the filters let through, newest first."""
    with engine.snapshot():
        return HistoryListDocument(
            total=int(_matching(filters, _NUMBER).scalar()),
            page=page,
            limit=limit,
            runs=_page(engine, filters, limit, (page - 1) * limit),
        )


@contextmanager
def exported_runs(engine: Engine, filters: Filters) -> Iterator[tuple[int, Iterator[HistoryRun]]]:
    """How many runs the filters let through, and these, oldest first, never all in memory."""
    query = _matching(filters, *COLUMNS).order_by(Run.started_at, Run.id)
    # Closed before the database is, also where nobody reads to the end.
    with engine.snapshot(), closing(_stream(engine, query)) as rows:
        yield int(_matching(filters, _NUMBER).scalar()), map(run_of, rows)


def _stream(engine: Engine, query: ModelSelect[Any]) -> Generator[tuple[Any, ...], None, None]:
    yield from engine.stream(query)


def run_of(row: Sequence[Any]) -> HistoryRun:
    """A run from its COLUMNS, as the driver gives them (hence Any)."""
    run_id, job, scope, status, trigger, machine, begun, ended, stats, code, message, hint = row
    started_at = cast("datetime", from_driver(begun))  # the column is never empty
    finished_at = from_driver(ended)
    # A clock that was set back meanwhile makes no run end before it began.
    took = None if finished_at is None else max((finished_at - started_at).total_seconds(), 0.0)
    return HistoryRun(
        run_id=run_id,
        job=job,
        scope=scope,
        status=status,
        trigger=trigger,
        machine=machine,
        started_at=started_at,
        finished_at=finished_at,
        duration_seconds=took,
        stats=None if stats is None else msgspec.json.decode(stats, type=dict),
        error=None if code is None else ErrorInfo(code, message or "", hint or ""),
    )


def _page(engine: Engine, filters: Filters, limit: int, skipped: int) -> list[HistoryRun]:
    # Rows are only read from where the page begins: what comes before it is passed over in an
    # index, which does not have the ids that order runs of the same moment.
    by_start = _matching(filters, Run.started_at).order_by(Run.started_at.desc())
    begin = by_start.limit(1).offset(skipped).scalar()
    if begin is None:
        return []
    newer = _matching(filters, _NUMBER).where(Run.started_at > begin).scalar()
    rows = (
        _matching(filters, *COLUMNS)
        .where(Run.started_at <= begin)
        .order_by(Run.started_at.desc(), Run.id.desc())
        .limit(limit)
        .offset(skipped - int(newer))
    )
    return [run_of(row) for row in engine.raw_rows(rows)]


def _matching(filters: Filters, *columns: Field[Any] | Function) -> ModelSelect[Any]:
    query: ModelSelect[Any] = Run.select(*columns)
    for condition in _conditions(filters):
        query = query.where(condition)
    return query


def _conditions(filters: Filters) -> Iterator[Expression]:
    if filters.job is not None:
        yield Run.job == filters.job
    if filters.status is not None:
        yield Run.status == filters.status
    if filters.since is not None:
        yield Run.started_at >= filters.since
    if filters.until is not None:
        yield Run.started_at < filters.until
