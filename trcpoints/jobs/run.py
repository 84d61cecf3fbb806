"""One run of any job, from its lease to its alerts (design, section 9)."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from trcpoints import logs
from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.documents import RunStatus
from trcpoints.errors import Interrupted, KeyConflict, LeaseHeld, TrcpointsError, TryLater
from trcpoints.jobs.lease import refuse_held
from trcpoints.jobs.memory import Memory, recall
from trcpoints.jobs.owner import Owner, this_process
from trcpoints.jobs.record import RunIdentity, error_info, is_completed
from trcpoints.jobs.under_way import Clock as Clock
from trcpoints.jobs.under_way import Run as Run
from trcpoints.jobs.under_way import explained as explained
from trcpoints.jobs.under_way import status_of as status_of
from trcpoints.monitoring.alerts import ALARMING, Alerts, RunEnd
from trcpoints.signals import held

ALREADY_COMPLETED = "already_completed"

ALERT_TIME = 15.0
"""Seconds for all who are told how a run ended."""

log = logging.getLogger("trcpoints.run")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `failures` are those in a row after it, None where nobody could say."""

    status: RunStatus
    finished_at: datetime
    fault: TrcpointsError | Interrupted | None = None
    reason: str | None = None
    failures: int | None = None


class JobRun(ABC):
    """What a job brings to its run."""

    identity: RunIdentity

    def may_start(self, memory: Memory) -> None:  # noqa: B027 (most jobs always may)
        """Raise a TryLater where the job is better not done now; it always is by itself."""

    def begun(self, engine: Engine) -> None:  # noqa: B027 (most have nothing to write)
        """Write what is to be known with the run's beginning, in the transaction of that."""

    @abstractmethod
    def work(self, run: Run) -> None:
        """Do the job; in its last transaction (`Run.books`) call `Run.complete`."""

    def failed(self, fault: BaseException, now: datetime) -> None:  # noqa: B027 (the same)
        """Write what is to be known with the run's failure, in the transaction of that."""

    @abstractmethod
    def close(self, outcome: Outcome) -> object:
        """The run's document, now that it has ended."""


def run_job(settings: Settings, job: JobRun, clock: Clock) -> None:
    """Do a job under its lease, record it, and tell those who want to know.

    Raises every failure with the job's document as its `document`; what the job wrote in an
    unfinished transaction is rolled back then.
    """
    course = _Course(settings, job, clock)
    try:
        with open_database(settings.database_url, Access.WRITE) as engine:
            course.through(engine)
    except (Exception, Interrupted) as fault:
        told = explained(fault)
        course.end(told)
        if told is fault:
            raise
        raise told from fault
    course.end(None)


class _Course:
    """The way of one run through its steps."""

    def __init__(self, settings: Settings, job: JobRun, clock: Clock) -> None:
        identity = job.identity
        self._settings = settings
        self._job = job
        self._clock = clock
        self._alerts = Alerts(settings.alerts, job=identity.lease, run_id=identity.run_id)
        self._before: Memory | None = None
        self._after: Memory | None = None
        self._is_repeated = False
        self._has_begun = False
        self._is_completed = False
        self._ended: TrcpointsError | Interrupted | None = None
        logs.begin_run(identity.lease, identity.run_id)

    def through(self, engine: Engine) -> None:
        """Begin, work, and record how it ended."""
        job, identity = self._job, self._job.identity
        self._before = self._after = recall(identity.lease)
        self._is_repeated = is_completed(identity)
        if self._is_repeated:
            return
        us = this_process(self._settings.host_id)
        # Before there is a wait for the books lock, which the holder of the lease may have.
        refuse_held(engine, identity.lease, us, self._clock())
        run = Run(engine, identity, self._clock, begun=job.begun, failed=job.failed)
        run.after = self._before
        try:
            self._go(run, us)
        finally:
            self._is_completed = run.completed is not None
            self._ended = run.ended
            self._after = run.after

    def _go(self, run: Run, us: Owner) -> None:
        try:
            self._job.may_start(self._before or Memory())
        except TryLater as reason:
            run.skip(us, reason)
            raise
        try:
            self._is_repeated = not run.begin(us)
            if self._is_repeated:
                return
            self._has_begun = True
            if run.identity.counted:
                self._alerts.started()
            self._job.work(run)
        except LeaseHeld:
            raise
        except (Exception, Interrupted) as fault:
            if run.completed is None:
                run.record_end(fault)
            raise

    def end(self, fault: TrcpointsError | Interrupted | None) -> None:
        """Close the document, and tell those who want to know."""
        document: object | None = None
        outcome: Outcome | None = None
        try:
            with held():
                outcome = self._outcome(fault)
                document = self._job.close(outcome)
                if fault is not None:
                    fault.document = document
                if isinstance(fault, Interrupted):
                    fault.message += self._beside(outcome)
            if self._is_told(fault):
                seconds = fault.seconds_left if isinstance(fault, Interrupted) else ALERT_TIME
                self._tell(outcome, seconds)
        except Interrupted as late:
            late.document = document
            late.message += self._beside(outcome)
            raise

    def _is_told(self, fault: TrcpointsError | Interrupted | None) -> bool:
        if self._is_repeated or not self._job.identity.counted:
            return False
        # An id that is taken is for whoever typed it: no run of the job has failed.
        return self._has_begun or not isinstance(fault, KeyConflict)

    def _beside(self, outcome: Outcome | None) -> str:
        """What had become of the run when a signal arrived, where that was no end to it."""
        if outcome is None or outcome.status not in {"completed", "failed"}:
            return ""
        reason = "." if outcome.fault is None else f": {outcome.fault.message}"
        return f" The {self._job.identity.job} run had {outcome.status}{reason}"

    def _outcome(self, fault: TrcpointsError | Interrupted | None) -> Outcome:
        failures = None if self._after is None else self._after.consecutive_failures
        now = self._clock()
        if self._is_repeated:
            return Outcome("skipped", now, reason=ALREADY_COMPLETED, failures=failures)
        if fault is None or self._is_completed:
            return Outcome("completed", now, failures=failures)
        # A signal may come when the record has its last word already.
        told = self._ended or fault if isinstance(fault, Interrupted) else fault
        return Outcome(status_of(told), now, told, error_info(told).code, failures)

    def _tell(self, outcome: Outcome, seconds: float) -> None:
        identity, fault = self._job.identity, outcome.fault
        if outcome.status == "failed" and (outcome.failures or 0) >= ALARMING:
            log.error("%s has failed %d times in a row", identity.lease, outcome.failures)
        end = RunEnd(
            status=outcome.status,
            exit_code=0 if fault is None else fault.exit_code,
            # Not below nothing, should the clock have been set back.
            duration_seconds=max((outcome.finished_at - identity.started_at).total_seconds(), 0.0),
            fault=fault,
            failures_before=None if self._before is None else self._before.consecutive_failures,
            failures=outcome.failures,
        )
        self._alerts.ended(end, seconds)
