"""A run under way: it holds its lease, and its record is open (design, section 9)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec

from trcpoints import signals
from trcpoints.db.engine import Engine
from trcpoints.documents import RunStatus
from trcpoints.errors import DatabaseLocked, InternalError, Interrupted, TrcpointsError, TryLater
from trcpoints.jobs.lease import HeldLease, refuse_held
from trcpoints.jobs.memory import Memory, recall, remember
from trcpoints.jobs.owner import Owner
from trcpoints.jobs.record import (
    Made,
    RunIdentity,
    abandon_record,
    close_record,
    error_info,
    is_completed,
    made_by_now,
    open_record,
    record_made,
)

RECORD_WAIT = 1.0
"""Seconds to wait for the lock when a run that came to nothing is recorded."""

_BEAT = timedelta(seconds=60)

log = logging.getLogger("trcpoints.run")

Clock = Callable[[], datetime]


class Run:
    """A run of a job, from its lease to its record's last word.

    `memory` is what the job remembered when the run began, `after` what it remembers now, None
    where nobody can say. `completed` is that too, once the work is committed; `ended` is the
    failure that the record tells, once that is. A job that must leave its source alone sets
    `cooldown_until` before it fails.
    """

    def __init__(
        self,
        engine: Engine,
        identity: RunIdentity,
        clock: Clock,
        *,
        begun: Callable[[Engine], None],
        failed: Callable[[BaseException, datetime], None],
    ) -> None:
        """`begun` and `failed` write more in the transactions that open and close the record."""
        self.engine = engine
        self.identity = identity
        self.clock = clock
        self.memory = Memory()
        self.cooldown_until: datetime | None = None
        self.completed: Memory | None = None
        self.ended: TrcpointsError | Interrupted | None = None
        self.after: Memory | None = None
        self._begun = begun
        self._failed = failed
        self._held = HeldLease(identity.lease)
        self._before = Made(0, 0)
        self._last_beat = clock()

    def begin(self, us: Owner) -> bool:
        """Take the lease and open the record; False where a run of this id is completed.

        Raises LeaseHeld and KeyConflict.
        """
        identity = self.identity
        with self.engine.books():
            if is_completed(identity):
                return False
            now = self.clock()
            gone = self._held.take(self.engine, identity.run_id, us, now)
            if gone is not None:
                abandon_record(gone, now)
            open_record(identity)
            self._begun(self.engine)
            self.memory = recall(identity.lease)
        if gone is not None:
            log.warning("run %s is abandoned: its process is gone, or was silent too long", gone)
        return True

    def skip(self, us: Owner, reason: TryLater) -> None:
        """Record that the job was better not done now. Raises LeaseHeld."""
        identity = self.identity
        with self.engine.books():
            # A record of this id may be that of a run which is at work, or has done its own.
            refuse_held(self.engine, identity.lease, us, self.clock())
            if not is_completed(identity):
                open_record(identity)
                self._close_record(reason, identity.started_at)
            self.after = recall(identity.lease)

    def beat(self) -> None:
        """Say from time to time that this run is at work; raises LeaseLost where it may not be.

        To be called between steps that take long.
        """
        now = self.clock()
        # Either way: a clock that is set back must not silence us for as long.
        if abs(now - self._last_beat) < _BEAT:
            return
        self._last_beat = now
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
            self._before = made_by_now()
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
        close_record(identity.run_id, "completed", finished_at, stats=stats)
        record_made(identity.run_id, self._before)
        self._held.give_up()
        self.engine.after_commit(lambda: self._note_completed(memory))
        return memory

    def _note_completed(self, memory: Memory) -> None:
        self.completed = self.after = memory

    def record_end(self, fault: BaseException) -> None:
        """Record that the run came to nothing, unless its lease is no longer ours.

        Where the database itself failed there is nothing to record it in; where it is locked,
        what is to be told of is still the first failure.
        """
        known = self.engine.explain(fault) if isinstance(fault, Exception) else None
        told = known or explained(fault)
        if isinstance(told, Interrupted):
            self.engine.lock_wait = min(RECORD_WAIT, told.seconds_left)
        elif isinstance(told, TryLater):
            self.engine.lock_wait = RECORD_WAIT
        try:
            with self.engine.books():
                self.after = recall(self.identity.lease)
                if self._held.is_ours(self.engine):
                    self.after = self._write_end(told, self.after)
        except Interrupted as late:
            if self.ended is None:
                self.record_end(late)
            raise
        except Exception as second:
            unavailable = self.engine.explain(second)
            if unavailable is None:
                raise
            self.after = None
            log.warning("This run could not be recorded: %s", unavailable.message)

    def _write_end(self, fault: TrcpointsError | Interrupted, known: Memory) -> Memory:
        failed = status_of(fault) == "failed" and self.identity.counted
        memory = msgspec.structs.replace(
            known,
            consecutive_failures=known.consecutive_failures + failed,
            cooldown_until=self.cooldown_until or known.cooldown_until,
        )
        remember(self.identity.lease, memory)
        now = self.clock()
        self._close_record(fault, now)
        self._failed(fault, now)
        self._held.give_up()
        return memory

    def _close_record(self, fault: TrcpointsError | Interrupted, now: datetime) -> None:
        close_record(self.identity.run_id, status_of(fault), now, error=error_info(fault))
        self.engine.after_commit(lambda: self._note_ended(fault))

    def _note_ended(self, fault: TrcpointsError | Interrupted) -> None:
        self.ended = fault


def explained(fault: BaseException) -> TrcpointsError | Interrupted:
    """The failure to tell of; what nobody expected becomes an InternalError."""
    if isinstance(fault, TrcpointsError | Interrupted):
        return fault
    return signals.raised() or InternalError.of(fault)


def status_of(fault: BaseException) -> RunStatus:
    """How a run ends that meets this."""
    if isinstance(fault, Interrupted):
        return "interrupted"
    return "skipped" if isinstance(fault, TryLater) else "failed"
