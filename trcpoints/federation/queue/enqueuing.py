"""Putting jobs into the queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from peewee import Expression

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob
from trcpoints.documents import Trigger
from trcpoints.errors import DataRefused, LeaseHeld, NotFound
from trcpoints.federation.config import Connector, Federations
from trcpoints.federation.standing import connector_of
from trcpoints.members.lookup import LARGEST_ID

Event = Literal["created", "updated", "deleted"]

_OPEN = ("pending", "running")


@dataclass(frozen=True, slots=True)
class Enqueued:
    """How many jobs are new, and those at work that were to accept changes, and will not."""

    new: int
    unreached: Sequence[FederationJob]


def enqueue_organizations(
    engine: Engine,
    wanted: Iterable[tuple[Connector, str]],
    *,
    trigger: Trigger,
    accept_changes: bool,
    now: datetime,
) -> Enqueued:
    """A job for each organization that has no open one.

    Where changes are accepted, a job that waits accepts them too, and is due at once: else what
    somebody has just said would be forgotten.
    """
    with engine.books():
        open_jobs = {(job.connector, job.organization): job for job in _open_jobs()}
        new = 0
        unreached = []
        for connector, organization in wanted:
            known = open_jobs.get((connector.name, organization))
            if known is None:
                _insert(connector, organization, trigger, now, accept_changes=accept_changes)
                new += 1
            elif accept_changes and known.status == "running":
                unreached += [] if known.accept_changes else [known]
            elif accept_changes:
                FederationJob.update(accept_changes=True, next_retry_at=None).where(
                    FederationJob.id == known.id
                ).execute()
    return Enqueued(new, unreached)


def hurry_removed(engine: Engine, federations: Federations) -> None:
    """Make the jobs due of organizations that the file does not have: they fail for good then."""
    waiting = (FederationJob.status == "pending") & FederationJob.next_retry_at.is_null(False)
    with engine.books():
        gone = [
            job.id for job in FederationJob.select().where(waiting) if _is_gone(federations, job)
        ]
        for job_id in gone:
            FederationJob.update(next_retry_at=None).where(FederationJob.id == job_id).execute()


def _is_gone(federations: Federations, job: FederationJob) -> bool:
    connector = federations.connectors.get(job.connector)
    return connector is None or (
        connector.enabled and job.organization not in connector.organizations
    )


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


def hurry(engine: Engine, federations: Federations, job_id: int) -> None:
    """Make a job due now, one that has failed for good too.

    It is left as it was where it cannot be done now. Raises NotFound; DataRefused, where another
    job is to be retried; ConfigurationInvalid, where its connector is switched off or gone; and
    LeaseHeld, where its organization is being synced.
    """
    with engine.books():
        is_key = 0 < job_id <= LARGEST_ID
        job = FederationJob.get_or_none(FederationJob.id == job_id) if is_key else None
        if job is None:
            raise NotFound(
                f"There is no job {job_id}.", hint="See what there is: trcpoints federation queue"
            )
        if job.status == "completed":
            raise DataRefused(
                f"Job {job_id} is completed: there is nothing to retry.",
                hint=f"To sync {job.connector}/{job.organization} anew: {_sync_of(job)}",
            )
        connector_of(federations, job)
        _refuse_at_work(job)
        _refuse_covered(job)
        if job.status == "failed":
            _reopen(job)
        FederationJob.update(next_retry_at=None).where(FederationJob.id == job_id).execute()


def at_work(job: FederationJob, otherwise: str, hint: str) -> LeaseHeld:
    """The fault of whoever wants an organization that a job is syncing now."""
    since = "" if job.started_at is None else f", since {job.started_at:%Y-%m-%d %H:%M} UTC"
    return LeaseHeld(
        f"{job.connector}/{job.organization} is being synced by job {job.id}{since}: {otherwise}.",
        hint=f"When it has ended (trcpoints federation queue): {hint}",
    )


def unreached(job: FederationJob) -> LeaseHeld:
    """The fault of whoever wants changes accepted by a job that is reading already."""
    return at_work(job, "it does not accept changes", f"{_sync_of(job)} --accept-changes")


def _sync_of(job: FederationJob) -> str:
    place = f"--connector {job.connector} --organization {job.organization}"
    return f"trcpoints federation sync {place}"


def _refuse_at_work(job: FederationJob) -> None:
    running = FederationJob.get_or_none(_is_beside(job) & (FederationJob.status == "running"))
    if running is not None:
        again = f"trcpoints federation retry --now {job.id}"
        raise at_work(running, f"job {job.id} was left as it was", again)


def _refuse_covered(job: FederationJob) -> None:
    """Several that wait for one member are done by the earliest."""
    if job.external_id is None or job.status != "pending":
        return
    same = _is_beside(job) & (FederationJob.external_id == job.external_id)
    is_earlier = (FederationJob.status == "pending") & (FederationJob.id < job.id)
    earliest = FederationJob.select().where(same & is_earlier).order_by(FederationJob.id).first()
    if earliest is not None:
        raise DataRefused(
            f"Job {job.id} is for the same member as job {earliest.id}, and is done with it.",
            hint=f"Retry that one: trcpoints federation retry --now {earliest.id}",
        )


def _is_beside(job: FederationJob) -> Expression:
    """The condition of the jobs of the same organization."""
    queued = FederationJob
    return (queued.connector == job.connector) & (queued.organization == job.organization)


def _reopen(job: FederationJob) -> None:
    """Begin anew: nobody has accepted the changes that are found now."""
    another = FederationJob.get_or_none(
        _is_beside(job) & FederationJob.external_id.is_null() & FederationJob.status.in_(_OPEN)
    )
    if job.external_id is None and another is not None:
        raise DataRefused(
            f"{job.connector}/{job.organization} has another open job already: {another.id}.",
            hint=f"Retry that one: trcpoints federation retry --now {another.id}",
        )
    FederationJob.update(
        status="pending", retry_count=0, finished_at=None, accept_changes=False
    ).where(FederationJob.id == job.id).execute()


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
