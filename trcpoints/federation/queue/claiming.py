"""Which job is next, and taking it: each by one process only."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from peewee import Expression, fn

from trcpoints.db.engine import Engine
from trcpoints.db.fields import TimeField
from trcpoints.db.models import FederationJob, Lease
from trcpoints.errors import LeaseHeld
from trcpoints.federation.queue.rules import LONGEST_PAUSE, MOST_RUNNING
from trcpoints.jobs.lease import is_live
from trcpoints.jobs.memory import FEDERATION_JOB
from trcpoints.jobs.owner import Owner

_LEASES = f"{FEDERATION_JOB}:"
_PLACE = (FederationJob.connector, FederationJob.organization)


class ClaimLost(LeaseHeld):
    """Another process was faster, or as many jobs as may be are at work."""

    code = "claim_lost"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs to do; None: any. Those of connectors `switched_off` wait."""

    connector: str | None = None
    organization: str | None = None
    job_id: int | None = None
    switched_off: Collection[str] = ()

    def condition(self) -> Expression:
        """The same for a query."""
        job = FederationJob
        condition = job.connector.not_in(list(self.switched_off))
        if self.connector is not None:
            condition &= job.connector == self.connector
        if self.organization is not None:
            condition &= job.organization == self.organization
        if self.job_id is not None:
            condition &= job.id == self.job_id
        return condition


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours. The jobs for the same member up to the id `covered` are done with it;
    `event` is that of the newest of them.
    """

    job: FederationJob
    event: str | None
    covered: int


def next_due(
    engine: Engine, wanted: Wanted, left: Collection[int], us: Owner, now: datetime
) -> FederationJob | None:
    """The oldest job of an organization that can be begun now; `left` are ids to be left alone.

    Of the organization whose job is the oldest, where nobody else is at work; else of any, for
    several who all want the same one keep each other from working. None where nothing is due, or
    the others at work will look for the rest themselves.
    """
    running = list(FederationJob.select().where(FederationJob.status == "running"))
    if len(running) >= MOST_RUNNING:
        return None
    job = FederationJob
    condition = (
        (job.status == "pending")
        & _is_over(job.next_retry_at, now)
        & job.id.not_in(list(left))
        & wanted.condition()
    )
    busy = {(one.connector, one.organization) for one in running} | _leased(engine, us, now)
    for connector, organization in sorted(busy):
        condition &= (job.connector != connector) | (job.organization != organization)
    earlier = FederationJob.alias()
    # They are done with the earliest, which may be waiting for its next try.
    is_later = earlier.select(earlier.id).where(
        (earlier.status == "pending")
        & (earlier.id < job.id)
        & (earlier.connector == job.connector)
        & (earlier.organization == job.organization)
        & (earlier.external_id == job.external_id)
    )
    due = job.select(fn.MIN(job.id)).where(condition & ~fn.EXISTS(is_later))
    oldest = [int(first) for (first,) in engine.raw_rows(due.group_by(*_PLACE))]
    if not oldest:
        return None
    return job.get_or_none(job.id == (secrets.choice(oldest) if busy else min(oldest)))


def claim(job_id: int, run_id: str, now: datetime) -> Claim:
    """Begin a try of a job, under the books lock: it is ours from then on. Raises ClaimLost."""
    job = FederationJob
    chosen = job.get_or_none(job.id == job_id)
    if chosen is None:
        raise _lost(f"Job {job_id} is gone.")
    running = list(job.select().where(job.status == "running"))
    if len(running) >= MOST_RUNNING:
        raise _lost(f"{MOST_RUNNING} jobs are at work already.")
    if (chosen.connector, chosen.organization) in {(x.connector, x.organization) for x in running}:
        raise _lost(f"{chosen.connector}/{chosen.organization} is being synced already.")
    taken = (
        job.update(
            status="running", run_id=run_id, started_at=now, finished_at=None, next_retry_at=None
        )
        .where((job.id == job_id) & (job.status == "pending"))
        .execute()
    )
    if not taken:
        raise _lost(f"Job {job_id} does not wait any more.")
    claimed = job.get_by_id(job_id)
    newest = job.select().where(same_member(claimed)).order_by(job.id.desc()).first() or claimed
    return Claim(claimed, newest.event, newest.id)


def same_member(claimed: FederationJob) -> Expression:
    """The condition of other jobs that wait for the same member."""
    job = FederationJob
    return (
        (job.status == "pending")
        & (job.connector == claimed.connector)
        & (job.organization == claimed.organization)
        & (job.external_id == claimed.external_id)
        & (job.external_id.is_null(False))
    )


def lease_name(job: FederationJob) -> str:
    """The lease that a try of a job holds."""
    return f"{_LEASES}{job.connector}/{job.organization}"


def _is_over(wait: TimeField[datetime | None], now: datetime) -> Expression:
    return wait.is_null() | (wait <= now) | (wait > now + LONGEST_PAUSE)


def _leased(engine: Engine, us: Owner, now: datetime) -> set[tuple[str, str]]:
    held = Lease.select().where(Lease.name.startswith(_LEASES))
    live = (row for row in held if is_live(engine, row, us, now))
    names = (row.name.removeprefix(_LEASES).partition("/") for row in live)
    return {(connector, organization) for connector, _, organization in names}


def _lost(message: str) -> ClaimLost:
    return ClaimLost(message, hint="Nothing to do: see who is at work: trcpoints federation queue")
