"""One run of any job, from its lease to its alerts (design, section 9)."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from trcpoints import logs
from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.documents import RunStatus
from trcpoints.errors import (
    DatabaseLocked,
    InternalError,
    Interrupted,
    LeaseHeld,
    TrcpointsError,
    TryLater,
)
from trcpoints.jobs.lease import HeldLease, refuse_held
from trcpoints.jobs.memory import Memory, recall, remember
from trcpoints.jobs.owner import Owner, this_process
from trcpoints.jobs.record import (
    EntryRange,
    RunIdentity,
    abandon_record,
    close_record,
    error_info,
    is_completed,
    newest_entry,
    open_record,
)
from trcpoints.monitoring.alerts import ALARMING, Alerts, RunEnd

ALREADY_COMPLETED = "already_completed"

ALERT_TIME = 15.0
"""Seconds for all who are told how a run ended."""

RECORD_WAIT = 1.0
"""Seconds to wait for the lock when a run that came to nothing is recorded."""

_BEAT = timedelta(seconds=60)

log = logging.getLogger("trcpoints.run")

Clock = Callable[[], datetime]


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


class Run:
    """A run under way: it holds the lease, and its record is open.

    `memory` is what the job remembered when the run began. A job that must leave its source
    alone sets `cooldown_until` before it fails.
    """

    def __init__(self, engine: Engine, job: JobRun, clock: Clock) -> None:
        identity = job.identity
        self.engine = engine
        self.identity = identity
        self.clock = clock
        self.memory = Memory()
        self.cooldown_until: datetime | None = None
        self.completed: Memory | None = None
        self._job = job
        self._held = HeldLease(identity.lease)
        self._entries_after = 0
        self._next_beat = clock() + _BEAT

    def begin(self, us: Owner) -> None:
        """Take the lease and open the record. Raises LeaseHeld."""
        identity = self.identity
        with self.engine.books():
            now = self.clock()
            gone = self._held.take(self.engine, identity.run_id, us, now)
            if gone is not None:
                abandon_record(gone, now)
            open_record(identity)
            self._job.begun(self.engine)
            self.memory = recall(identity.lease)
        if gone is not None:
            log.warning("run %s is abandoned: its process is gone, or was silent too long", gone)

    def beat(self) -> None:
        """Say from time to time that this run is at work; raises LeaseLost where it may not be.

        To be called between steps that take long.
        """
        now = self.clock()
        if now < self._next_beat:
            return
        self._next_beat = now + _BEAT
        try:
            with self.engine.books():
                self._held.beat(self.engine, now)
        except Exception as fault:
            # Whoever has the lock for so long will not keep it for 30 minutes.
            if not isinstance(self.engine.explain(fault), DatabaseLocked):
                raise
            log.info("the heartbeat waits: the database is locked")

    @contextmanager
    def books(self) -> Iterator[None]:
        """A transaction that writes the books, if the lease is still ours; raises LeaseLost."""
        with self.engine.books():
            self._held.require(self.engine)
            self._entries_after = newest_entry()
            yield

    def complete(self, finished_at: datetime, stats: object) -> Memory:
        """Record inside `books`, with its last writes, that the run has done its work.

        The lease is given up and the failures are forgotten as it commits; the new memory.
        """
        identity = self.identity
        known = recall(identity.lease)
        memory = Memory(
            consecutive_failures=0 if identity.counted else known.consecutive_failures,
            last_completed_run=identity.run_id,
            last_completed_at=identity.started_at,
            cooldown_until=None if identity.counted else known.cooldown_until,
        )
        remember(identity.lease, memory)
        entries = EntryRange(self._entries_after, newest_entry())
        close_record(identity.run_id, "completed", finished_at, stats=stats, entries=entries)
        self._held.give_up()
        self.engine.after_commit(lambda: self._note(memory))
        return memory

    def _note(self, memory: Memory) -> None:
        self.completed = memory

    def record_end(self, fault: BaseException) -> Memory | None:
        """Record that the run came to nothing; the new memory, None where that cannot be.

        Where the database itself failed there is nothing to record it in; where it is locked,
        what is to be told of is still the first failure.
        """
        if isinstance(fault, Interrupted):
            self.engine.lock_wait = min(RECORD_WAIT, fault.seconds_left)
        elif isinstance(fault, TryLater):
            self.engine.lock_wait = RECORD_WAIT
        try:
            with self.engine.books():
                return self._write_end(fault)
        except Exception as second:
            explained = self.engine.explain(second)
            if explained is None:
                raise
            log.warning("This run could not be recorded: %s", explained.message)
            return None

    def _write_end(self, fault: BaseException) -> Memory | None:
        known = recall(self.identity.lease)
        if not self._held.is_ours(self.engine):
            return known
        status = status_of(fault)
        failed = status == "failed" and self.identity.counted
        memory = msgspec.structs.replace(
            known,
            consecutive_failures=known.consecutive_failures + failed,
            cooldown_until=self.cooldown_until or known.cooldown_until,
        )
        remember(self.identity.lease, memory)
        now = self.clock()
        close_record(self.identity.run_id, status, now, error=error_info(fault))
        self._job.failed(fault, now)
        self._held.give_up()
        return memory


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
        self._is_completed = False
        logs.begin_run(identity.lease, identity.run_id)

    def through(self, engine: Engine) -> None:
        """Begin, work, and record how it ended."""
        identity = self._job.identity
        self._before = self._after = recall(identity.lease)
        self._is_repeated = is_completed(identity)
        if self._is_repeated:
            return
        try:
            self._job.may_start(self._before)
        except TryLater as reason:
            _record_skip(engine, identity, reason)
            raise
        us = this_process(self._settings.host_id)
        # Before there is a wait for the books lock, which the holder of the lease may have.
        refuse_held(engine, identity.lease, us, self._clock())
        run = Run(engine, self._job, self._clock)
        try:
            run.begin(us)
            if identity.counted:
                self._alerts.started()
            self._job.work(run)
        except LeaseHeld:
            raise
        except (Exception, Interrupted) as fault:
            if run.completed is None:
                self._after = run.record_end(fault)
            raise
        finally:
            self._is_completed = run.completed is not None
            self._after = run.completed or self._after

    def end(self, fault: TrcpointsError | Interrupted | None) -> None:
        """Close the document, and tell those who want to know."""
        failures = None if self._after is None else self._after.consecutive_failures
        now = self._clock()
        outcome = Outcome("completed", now, failures=failures)
        if self._is_repeated:
            outcome = Outcome("skipped", now, reason=ALREADY_COMPLETED, failures=failures)
        elif fault is not None and not self._is_completed:
            outcome = Outcome(status_of(fault), now, fault, error_info(fault).code, failures)
        document = self._job.close(outcome)
        if fault is not None:
            fault.document = document
        if self._job.identity.counted and not self._is_repeated:
            seconds = fault.seconds_left if isinstance(fault, Interrupted) else ALERT_TIME
            self._tell(outcome, seconds)

    def _tell(self, outcome: Outcome, seconds: float) -> None:
        identity, fault = self._job.identity, outcome.fault
        if outcome.status == "failed" and (outcome.failures or 0) >= ALARMING:
            log.error("%s has failed %d times in a row", identity.lease, outcome.failures)
        end = RunEnd(
            status=outcome.status,
            exit_code=0 if fault is None else fault.exit_code,
            duration_seconds=(outcome.finished_at - identity.started_at).total_seconds(),
            fault=fault,
            failures_before=None if self._before is None else self._before.consecutive_failures,
            failures=outcome.failures,
        )
        self._alerts.ended(end, seconds)


def explained(fault: BaseException) -> TrcpointsError | Interrupted:
    """The failure to tell of; what nobody expected becomes an InternalError."""
    return fault if isinstance(fault, TrcpointsError | Interrupted) else InternalError.of(fault)


def status_of(fault: BaseException) -> RunStatus:
    """How a run ends that meets this."""
    if isinstance(fault, Interrupted):
        return "interrupted"
    return "skipped" if isinstance(fault, TryLater) else "failed"


def _record_skip(engine: Engine, identity: RunIdentity, reason: TryLater) -> None:
    with engine.books():
        open_record(identity)
        close_record(identity.run_id, "skipped", identity.started_at, error=error_info(reason))
