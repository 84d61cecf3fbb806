"""Putting jobs into the queue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob
from trcpoints.documents import Trigger
from trcpoints.errors import DataRefused, NotFound
from trcpoints.federation.config import Connector
from trcpoints.members.lookup import LARGEST_ID

Event = Literal["created", "updated", "deleted"]

_OPEN = ("pending", "running")


def enqueue_organizations(
    engine: Engine,
    wanted: Iterable[tuple[Connector, str]],
    *,
    trigger: Trigger,
    accept_changes: bool,
    now: datetime,
) -> int:
    """A job for each organization that has no open one; how many are new.

    Where changes are accepted, a job that waits accepts them too, and is due at once: else what
    somebody has just said would be forgotten.
    """
    with engine.books():
        open_jobs = {(job.connector, job.organization): job for job in _open_jobs()}
        new = 0
        for connector, organization in wanted:
            known = open_jobs.get((connector.name, organization))
            if known is None:
                _insert(connector, organization, trigger, now, accept_changes=accept_changes)
                new += 1
            elif accept_changes and known.status == "pending":
                FederationJob.update(accept_changes=True, next_retry_at=None).where(
                    FederationJob.id == known.id
                ).execute()
    return new


def enqueue_member(
    engine: Engine,
    connector: Connector,
    organization: str,
    external_id: str,
    event: Event,
    *,
    now: datetime,
) -> int:
    """A job for one member, of whom a webhook told; its id.

    Several that wait for one member are done once (`claiming`).
    """
    with engine.books():
        return _insert(
            connector, organization, "webhook", now, external_id=external_id, event=event
        )


def hurry(engine: Engine, job_id: int) -> None:
    """Make a job due now, one that has failed for good too. Raises NotFound and DataRefused."""
    with engine.books():
        is_key = 0 < job_id <= LARGEST_ID
        job = FederationJob.get_or_none(FederationJob.id == job_id) if is_key else None
        if job is None:
            raise NotFound(
                f"There is no job {job_id}.", hint="See what there is: trcpoints federation queue"
            )
        if job.status in {"running", "completed"}:
            raise DataRefused(
                f"Job {job_id} is {job.status}: there is nothing to retry.",
                hint=f"To sync {job.connector}/{job.organization} anew: trcpoints federation sync "
                f"--connector {job.connector} --organization {job.organization}",
            )
        if job.status == "failed":
            _reopen(job)
        FederationJob.update(next_retry_at=None).where(FederationJob.id == job_id).execute()


def _reopen(job: FederationJob) -> None:
    place = (FederationJob.connector == job.connector) & (
        FederationJob.organization == job.organization
    )
    another = FederationJob.get_or_none(
        place & FederationJob.external_id.is_null() & FederationJob.status.in_(_OPEN)
    )
    if job.external_id is None and another is not None:
        raise DataRefused(
            f"{job.connector}/{job.organization} has another open job already: {another.id}.",
            hint=f"Retry that one: trcpoints federation retry --now {another.id}",
        )
    FederationJob.update(status="pending", retry_count=0, finished_at=None).where(
        FederationJob.id == job.id
    ).execute()


def _open_jobs() -> Iterable[FederationJob]:
    whole = FederationJob.external_id.is_null()
    return FederationJob.select().where(whole & FederationJob.status.in_(_OPEN))


def _insert(
    connector: Connector, organization: str, trigger: Trigger, now: datetime, **more: object
) -> int:
    job_id: int = FederationJob.insert(
        connector=connector.name,
        organization=organization,
        status="pending",
        trigger=trigger,
        strategy=connector.strategy,
        created_at=now,
        **more,
    ).execute()
    return job_id
