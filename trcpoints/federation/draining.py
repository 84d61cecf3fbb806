"""Working the queue: one job after the other until nothing is due (design, section 8)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trcpoints import logs
from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import FederationJob
from trcpoints.documents.federation import FederationJobRow, FederationRunRow
from trcpoints.errors import Interrupted, LeaseHeld, TrcpointsError
from trcpoints.federation.config import Federations
from trcpoints.federation.job import FederationRun
from trcpoints.federation.notices import Failure, tell_admins, with_secrets
from trcpoints.federation.queue.claiming import Wanted, next_due
from trcpoints.federation.queue.listing import row
from trcpoints.federation.queue.stuck import Stuck, fail_stuck
from trcpoints.jobs.owner import this_process
from trcpoints.jobs.run import Clock, run_job

log = logging.getLogger("trcpoints.federation")

Tick = Callable[[str], None]
"""Is told what is synced next."""


@dataclass(slots=True)
class Drained:
    """What was done of a queue. `faults` are of tries that came to nothing, by their scopes."""

    runs: list[FederationRunRow] = field(default_factory=list)
    stuck: list[FederationJobRow] = field(default_factory=list)
    faults: list[tuple[str, TrcpointsError]] = field(default_factory=list)


def drain(
    settings: Settings,
    federations: Federations,
    wanted: Wanted,
    drained: Drained,
    *,
    clock: Clock,
    tick: Tick,
) -> None:
    """Do what is due, in `drained`; a failure of one organization keeps no other from it.

    Others may work the same queue. What could not be begun for a lock is left to the next time.
    Raises what keeps the queue itself from being read.
    """
    left: set[int] = set()
    while (job := _next(settings, federations, wanted, left, drained, clock)) is not None:
        tick(f"{job.connector}/{job.organization}")
        run = FederationRun(federations, job, clock)
        try:
            run_job(with_secrets(settings, federations), run, clock)
        except LeaseHeld as lost:
            log.info("%s", lost.message)
            continue
        except TrcpointsError as fault:
            drained.faults.append((f"{job.connector}/{job.organization}", fault))
            if run.failure is None:
                left.add(job.id)
        except Interrupted:
            drained.runs.append(run.row)
            raise
        finally:
            logs.begin_command()
        drained.runs.append(run.row)
        if run.failure is not None:
            tell_admins(settings, federations, run.failure)


def end_stuck(
    settings: Settings, federations: Federations, drained: Drained, *, clock: Clock
) -> None:
    """End the tries that are stuck, in `drained`, and tell of them."""
    us = this_process(settings.host_id)
    with open_database(settings.database_url, Access.WRITE) as engine:
        stuck = fail_stuck(engine, us, clock())
    _report(settings, federations, stuck, drained)


def _next(
    settings: Settings,
    federations: Federations,
    wanted: Wanted,
    left: set[int],
    drained: Drained,
    clock: Clock,
) -> FederationJob | None:
    us = this_process(settings.host_id)
    with open_database(settings.database_url, Access.WRITE) as engine:
        now = clock()
        stuck = fail_stuck(engine, us, now)
        job = next_due(engine, wanted, left, us, now)
    _report(settings, federations, stuck, drained)
    return job


def _report(
    settings: Settings,
    federations: Federations,
    stuck: Sequence[Stuck],
    drained: Drained,
) -> None:
    for one in stuck:
        job = one.job
        log.warning("%s", one.fault.message)
        drained.stuck.append(row(job))
        failure = Failure(
            job_id=job.id,
            connector=job.connector,
            organization=job.organization,
            run_id=job.run_id or "",
            fault=one.fault,
            tries=job.retry_count + (job.status == "failed"),
            next_retry_at=job.next_retry_at,
        )
        if one.is_final:
            drained.faults.append((failure.scope, one.fault))
        tell_admins(settings, federations, failure)
