"""The sync from beginning to end: fetch, decide, apply, record, report (design, section 11)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.documents import (
    RunStatus,
    SyncDocument,
    SyncLeaderboard,
    SyncPoints,
    SyncResult,
    SyncXp,
)
from trcpoints.errors import (
    CoolingDown,
    InternalError,
    Interrupted,
    RateLimited,
    SyncOvertaken,
    TrcpointsError,
    TryLater,
)
from trcpoints.jobs.run import (
    COOLDOWN_LONGEST,
    SYNC_JOB,
    Memory,
    RunIdentity,
    error_info,
    is_completed,
    pause_until,
    recall,
    record_completed,
    record_failure,
)
from trcpoints.jobs.sync import books, guard
from trcpoints.jobs.sync.plan import SyncPlan, decide, occurrence
from trcpoints.mee6.leaderboard import Leaderboard

COOLDOWN_UNNAMED = timedelta(minutes=30)
COOLDOWN_SHORTEST = timedelta(seconds=5)

log = logging.getLogger("trcpoints.sync")

Clock = Callable[[], datetime]
Fetch = Callable[[Set[str]], Leaderboard]


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What `trcpoints sync` was asked for.

    `saved` says that the leaderboard comes from a file and not from MEE6.
    """

    sync_id: str
    dry_run: bool = False
    with_results: bool = False
    saved: bool = False
    accept_decrease: bool = False
    rebaseline: bool = False
    ignore_cooldown: bool = False


def skip_disabled(settings: Settings, options: SyncOptions, now: datetime) -> SyncDocument:
    """The document of a sync that MEE6_SYNC_ENABLED=false keeps from running."""
    job = _Sync(settings, options, lambda: now)
    job.close("skipped")
    job.document.reason = "disabled"
    return job.document


def sync(settings: Settings, options: SyncOptions, fetch: Fetch, clock: Clock) -> SyncDocument:
    """Run one sync. `fetch` reads the leaderboard for a set of Discord ids.

    Raises every failure with the document of the run as its `document`; the books are then as
    before. A dry run leaves no record of itself either: its connection cannot write.
    """
    job = _Sync(settings, options, clock)
    access = Access.READ if options.dry_run else Access.WRITE
    try:
        with open_database(settings.database_url, access) as engine:
            job.run(engine, fetch)
    except TrcpointsError as fault:
        job.close("skipped" if isinstance(fault, TryLater) else "failed", fault)
        fault.document = job.document
        raise
    except Interrupted as stop:
        if not job.committed:
            job.close("interrupted", stop)
        stop.document = job.document
        raise
    except Exception as fault:
        bug = InternalError.of(fault)
        job.close("failed", bug)
        bug.document = job.document
        raise bug from fault
    return job.document


class _Sync:
    """One sync on its way: its identity, and the document that it fills in as it goes."""

    def __init__(self, settings: Settings, options: SyncOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.committed = False
        self.identity = RunIdentity(
            run_id=options.sync_id,
            job=SYNC_JOB,
            trigger=settings.trigger,
            started_at=clock(),
            counted=not (options.dry_run or options.saved),
        )
        self.document = SyncDocument(
            sync_id=options.sync_id,
            status="completed",
            dry_run=options.dry_run,
            trigger=settings.trigger,
            guild_id=settings.mee6.guild_id,
            started_at=self.identity.started_at,
            finished_at=self.identity.started_at,
            duration_seconds=0.0,
            consecutive_failures=0,
        )

    def run(self, engine: Engine, fetch: Fetch) -> None:
        """Do the work; where it fails and the database can still be written, record that."""
        memory = recall(SYNC_JOB)
        self.document.consecutive_failures = memory.consecutive_failures
        if is_completed(SYNC_JOB, self.identity.run_id):
            self.close("skipped")
            self.document.reason = "already_completed"
            return
        self._respect_cooldown(memory)
        try:
            self._work(engine, fetch, memory)
        except TryLater:
            raise
        except (Exception, Interrupted) as fault:
            if not self.committed:
                self._record_end(engine, fault)
            raise

    def close(self, status: RunStatus, fault: BaseException | None = None) -> None:
        """Say in the document how and when the run ended."""
        document = self.document
        document.status = status
        document.finished_at = self.clock()
        elapsed = document.finished_at - document.started_at
        document.duration_seconds = round(elapsed.total_seconds(), 3)
        if fault is not None:
            document.error = error_info(fault)
            document.reason = document.error.code
            # What was planned has not happened.
            document.xp, document.points = SyncXp(), SyncPoints()

    def _respect_cooldown(self, memory: Memory) -> None:
        until = pause_until(memory, self.identity.started_at)
        if until is None or self.options.saved or self.options.ignore_cooldown:
            return
        raise CoolingDown(
            f"MEE6 is left alone until {until:%Y-%m-%d %H:%M:%S} UTC: it answered 429, too many "
            "requests.",
            hint="Later runs go on by themselves; to ask now: trcpoints sync --ignore-cooldown",
        )

    def _work(self, engine: Engine, fetch: Fetch, memory: Memory) -> None:
        wanted = books.read_wanted(engine)
        log.info("reading the leaderboard for %d members", len(wanted))
        try:
            board = fetch(wanted)
        except TrcpointsError as fault:
            self.document.leaderboard.requests = fault.requests
            self.document.leaderboard.retries = fault.retries
            raise
        log.info("%d of them found; the board is %s", len(board.xp), board.completeness.value)
        self._describe_board(board)
        if self.options.dry_run:
            with engine.atomic():
                self._decide(engine, board)
            self.close("completed")
            return
        with engine.books():
            if recall(SYNC_JOB).last_completed_run != memory.last_completed_run:
                raise SyncOvertaken(
                    "Another sync completed while this one was reading the leaderboard; what "
                    "this one has read may be older, so nothing was written.",
                    hint="Nothing to do: the next sync goes on from there.",
                )
            plan = self._decide(engine, board)
            started_at = self.identity.started_at
            books.apply(
                engine,
                plan,
                sync_id=self.identity.run_id,
                started_at=started_at,
                occurred_at=occurrence(started_at, memory.last_completed_at),
            )
            self.close("completed")
            engine.after_commit(self._note_commit)
            done = record_completed(self.identity, self.document.finished_at, self._stats())
            self.document.consecutive_failures = done.consecutive_failures
        log.info("written: %d members changed", len(plan.verdicts))

    def _note_commit(self) -> None:
        self.committed = True

    def _decide(self, engine: Engine, board: Leaderboard) -> SyncPlan:
        """The plan, described in the document; raises MassChangeRefused."""
        options, document = self.options, self.document
        plan = decide(board, books.read_states(engine), rebaseline=options.rebaseline)
        document.members, document.xp, document.points = plan.members, plan.xp, plan.points
        if options.with_results:
            document.results = _results(plan)
        if not (options.accept_decrease or options.rebaseline):
            guard.check(plan, board)
        return plan

    def _describe_board(self, board: Leaderboard) -> None:
        self.document.guild_id = board.guild_id
        self.document.leaderboard = SyncLeaderboard(
            players=board.players,
            invalid_players=board.invalid_players,
            pages=board.pages,
            requests=board.requests,
            retries=board.retries,
        )

    def _stats(self) -> dict[str, object]:
        document = self.document
        return {
            "guild_id": document.guild_id,
            "members": document.members,
            "xp": document.xp,
            "points": document.points,
            "leaderboard": document.leaderboard,
        }

    def _record_end(self, engine: Engine, fault: BaseException) -> None:
        """Record a run that came to nothing, unless it was a dry run, which cannot write."""
        if self.options.dry_run:
            return
        now = self.clock()
        until = _cooldown(fault, now)
        if isinstance(fault, RateLimited) and until is not None:
            fault.hint = f"Syncs are skipped until {until:%Y-%m-%d %H:%M:%S} UTC. {fault.hint}"
        memory = record_failure(engine, self.identity, fault, now, cooldown_until=until)
        if memory is not None:
            self.document.consecutive_failures = memory.consecutive_failures


def _cooldown(fault: BaseException, now: datetime) -> datetime | None:
    """How long later runs leave MEE6 alone after it asked for it (design, section 3)."""
    if not isinstance(fault, RateLimited):
        return None
    if fault.retry_after is None:
        return now + COOLDOWN_UNNAMED
    asked = timedelta(seconds=min(fault.retry_after, COOLDOWN_LONGEST.total_seconds()))
    return now + max(asked, COOLDOWN_SHORTEST)


def _results(plan: SyncPlan) -> list[SyncResult]:
    """The members whose XP is new: baselined, gained or lost."""
    return [
        SyncResult(
            member_id=str(verdict.after.member_id),
            discord_id=verdict.after.discord_id,
            name=verdict.after.name,
            xp_before=verdict.before.xp_total if verdict.xp_delta is not None else None,
            xp_after=verdict.after.xp_total or 0,
            xp_delta=verdict.xp_delta,
            points=verdict.awarded,
            carry=verdict.after.carry,
        )
        for verdict in plan.verdicts
        if verdict.recorded and verdict.xp_delta != 0
    ]
