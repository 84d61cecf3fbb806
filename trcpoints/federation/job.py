"""The job of one organization, or of one of its members: one try of it is one run (section 8)."""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob
from trcpoints.documents import Trigger
from trcpoints.documents.federation import FederationRunRow
from trcpoints.errors import InternalError, TrcpointsError
from trcpoints.federation.config import Federations
from trcpoints.federation.conflicts import Strategy
from trcpoints.federation.connectors import open_source
from trcpoints.federation.engine import FederationCounts, apply
from trcpoints.federation.notices import Failure
from trcpoints.federation.queue import claiming, ending
from trcpoints.federation.queue.claiming import Claim
from trcpoints.federation.queue.rules import Verdict
from trcpoints.federation.standing import connector_of
from trcpoints.federation.work import Work, describe, stats_of
from trcpoints.jobs.memory import FEDERATION_JOB
from trcpoints.jobs.record import RunIdentity, error_info, new_run_id
from trcpoints.jobs.run import Clock, JobRun, Outcome, Run, explained, status_of

log = logging.getLogger("trcpoints.federation")


class FederationRun(JobRun):
    """One try of a job of the queue; `row` says what came of it.

    `failure` is there once the database knows that the try has failed.
    """

    def __init__(self, federations: Federations, job: FederationJob, clock: Clock) -> None:
        now = clock()
        self.identity = RunIdentity(
            run_id=new_run_id(now),
            job=FEDERATION_JOB,
            trigger=_trigger(job),
            started_at=now,
            counted=True,
            scope=f"{job.connector}/{job.organization}",
        )
        self.failure: Failure | None = None
        self.row = FederationRunRow(
            run_id=self.identity.run_id,
            job_id=str(job.id),
            connector=job.connector,
            organization=job.organization,
            external_id=job.external_id,
            status="completed",
            strategy=job.strategy,
        )
        self._federations = federations
        self._job_id = job.id
        self._clock = clock
        self._claim: Claim | None = None
        self._engine: Engine | None = None

    def begun(self, engine: Engine) -> None:
        """Take the job with the lease; raises ClaimLost, and nothing is on record then."""
        self._claim = claiming.claim(self._job_id, self.identity.run_id, self._clock())
        self._engine = engine

    def work(self, run: Run) -> None:
        """Fetch, then decide and write in one transaction, which ends the job too."""
        claimed = self._claimed()
        job = claimed.job
        connector = connector_of(self._federations, job)
        work = Work(
            connector=connector,
            organization=job.organization,
            strategy=msgspec.convert(job.strategy, Strategy),
            accept_changes=job.accept_changes,
            external_id=job.external_id,
            is_deleted=claimed.event == "deleted",
            configured=_scopes(self._federations),
        )
        log.info("reading %s", self.identity.scope)
        with open_source(connector, run.clock) as source:
            fetched = work.fetch(run.engine, source, run.beat)
        with run.books():
            now = run.clock()
            plan = work.settle(run.engine, fetched, run_id=self.identity.run_id, now=now)
            apply(run.engine, plan, run_id=self.identity.run_id, now=now)
            describe(plan.counts, self.row)
            ending.complete(claimed, now)
            run.complete(now, {"job_id": str(job.id), **stats_of(plan)})
        log.info("written: %d created, %d updated", self.row.created, self.row.updated)

    def failed(self, fault: BaseException, now: datetime) -> None:
        """Let the job wait for its next try, or fail for good; unless nothing was wrong."""
        claimed, engine = self._claimed(), self._engine
        if status_of(fault) != "failed" or engine is None:
            ending.put_back(claimed.job)
            return
        verdict = ending.fail(claimed.job, fault, now)
        engine.after_commit(lambda: self._note(claimed.job, fault, verdict))

    def close(self, outcome: Outcome) -> FederationRunRow:
        """Say in the row how the try ended."""
        row = self.row
        row.status = outcome.status
        elapsed = outcome.finished_at - self.identity.started_at
        row.duration_seconds = round(elapsed.total_seconds(), 3)
        row.next_retry_at = self.failure.next_retry_at if self.failure else None
        if outcome.fault is not None:
            row.error = error_info(outcome.fault)
            # What was planned has not happened.
            describe(FederationCounts(), row)
        return row

    def _note(self, job: FederationJob, fault: BaseException, verdict: Verdict) -> None:
        self.failure = Failure(
            job_id=job.id,
            connector=job.connector,
            organization=job.organization,
            run_id=self.identity.run_id,
            fault=_told(fault),
            tries=job.retry_count + 1,
            next_retry_at=verdict.next_retry_at,
        )

    def _claimed(self) -> Claim:
        if self._claim is None:
            raise LookupError("the run has not begun")
        return self._claim


def _trigger(job: FederationJob) -> Trigger:
    if job.retry_count:
        return "retry"
    trigger: Trigger = msgspec.convert(job.trigger, Trigger)
    return trigger


def _scopes(federations: Federations) -> list[str]:
    """All organizations; one that is switched off is only paused."""
    return [
        one.scope(name) for one in federations.connectors.values() for name in one.organizations
    ]


def _told(fault: BaseException) -> TrcpointsError:
    told = explained(fault)
    return told if isinstance(told, TrcpointsError) else InternalError.of(fault)
