"""The queue as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from peewee import fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob
from trcpoints.documents import ErrorInfo, Trigger
from trcpoints.documents.federation import (
    FederationJobRow,
    FederationQueueDocument,
    QueueStatus,
)
from trcpoints.federation.queue.claiming import Wanted
from trcpoints.jobs.status_federation import Configured


def list_jobs(
    engine: Engine,
    status: QueueStatus | None,
    connectors: Sequence[Configured] | None,
    *,
    limit: int,
    page: int,
) -> FederationQueueDocument:
    """A page of the queue, the newest job first; and how many there are in each state.

    `connectors` are those of the file, None where it cannot be read.
    """
    places = None if connectors is None else _places(connectors)
    job = FederationJob
    with engine.snapshot():
        counts = count_jobs(engine)
        query = job.select().order_by(job.id.desc()).paginate(page, limit)
        found = query if status is None else query.where(job.status == status)
        return FederationQueueDocument(
            pending=counts["pending"],
            running=counts["running"],
            completed=counts["completed"],
            failed=counts["failed"],
            total=counts.total() if status is None else counts[status],
            page=page,
            limit=limit,
            jobs=[_listed(one, places) for one in found],
        )


def _places(connectors: Sequence[Configured]) -> dict[str, bool]:
    """The organizations of the file, and whether they are synced."""
    return {f"{one.name}/{name}": one.enabled for one in connectors for name in one.organizations}


def _listed(job: FederationJob, places: Mapping[str, bool] | None) -> FederationJobRow:
    listed = row(job)
    if places is not None and job.status == "pending":
        enabled = places.get(f"{job.connector}/{job.organization}")
        listed.held = "removed" if enabled is None else None if enabled else "switched_off"
    return listed


def count_jobs(engine: Engine) -> Counter[str]:
    """How many jobs there are in each state."""
    job = FederationJob
    query = job.select(job.status, fn.COUNT(job.id)).group_by(job.status)
    return Counter(dict(engine.raw_rows(query)))


def open_jobs(wanted: Wanted) -> list[FederationJobRow]:
    """The jobs that wait or are at work, the oldest first."""
    job = FederationJob
    is_open = job.status.in_(["pending", "running"])
    query = job.select().where(is_open & wanted.condition()).order_by(job.id)
    return [row(one) for one in query]


def row(job: FederationJob) -> FederationJobRow:
    """A job in a document."""
    error = (
        None
        if job.error_code is None
        else ErrorInfo(job.error_code, job.error_message or "", job.error_hint or "")
    )
    return FederationJobRow(
        job_id=str(job.id),
        connector=job.connector,
        organization=job.organization,
        external_id=job.external_id,
        event=job.event,
        status=cast("QueueStatus", job.status),
        trigger=cast("Trigger", job.trigger),
        strategy=job.strategy,
        accept_changes=job.accept_changes,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        retry_count=job.retry_count,
        max_retries=job.max_retries,
        next_retry_at=job.next_retry_at,
        run_id=job.run_id,
        error=error,
    )
