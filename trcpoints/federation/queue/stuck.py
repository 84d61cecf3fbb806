"""Tries that will come to no end: their process is gone, or was silent for too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob, Lease
from trcpoints.errors import TrcpointsError
from trcpoints.federation.queue.claiming import lease_name
from trcpoints.federation.queue.ending import fail
from trcpoints.jobs.lease import SILENCE, is_live
from trcpoints.jobs.owner import Owner
from trcpoints.jobs.record import abandon_record


class TryStuck(TrcpointsError):
    """A try of a job whose process is gone, or was silent for too long."""

    exit_code = 75
    code = "stuck"


@dataclass(frozen=True, slots=True)
class Stuck:
    """A job as it stands now that its stuck try has failed."""

    job: FederationJob
    fault: TryStuck

    @property
    def is_final(self) -> bool:
        """Whether it is not tried again."""
        return self.job.status == "failed"


def fail_stuck(engine: Engine, us: Owner, now: datetime) -> Sequence[Stuck]:
    """End the tries that are stuck: they have failed, and can commit nothing any more."""
    if not any(_is_stuck(engine, job, us, now) for job in _running()):
        return []
    with engine.books():
        stuck = [job for job in _running() if _is_stuck(engine, job, us, now)]
        return [_end(job, now) for job in stuck]


def _running() -> Sequence[FederationJob]:
    job = FederationJob
    return list(job.select().where(job.status == "running").order_by(job.id))


def _is_stuck(engine: Engine, job: FederationJob, us: Owner, now: datetime) -> bool:
    lease = Lease.get_or_none(Lease.name == lease_name(job))
    return lease is None or lease.run_id != job.run_id or not is_live(engine, lease, us, now)


def _end(job: FederationJob, now: datetime) -> Stuck:
    fault = TryStuck(
        f"The process that synced {job.connector}/{job.organization} (job {job.id}) is gone, or "
        f"was not heard of for {SILENCE.total_seconds() / 60:.0f} minutes.",
        hint="See what ran, and where: trcpoints history show " + (job.run_id or ""),
    )
    # Without its lease it can commit nothing, should it still live.
    Lease.delete().where((Lease.name == lease_name(job)) & (Lease.run_id == job.run_id)).execute()
    abandon_record(job.run_id or "", now)
    fail(job, fault, now)
    return Stuck(FederationJob.get_by_id(job.id), fault)
