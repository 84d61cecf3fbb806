"""The sync from beginning to end: fetch, decide, apply, record, report (design, section 11)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.db.models import DISABLED
from trcpoints.documents.sync import (
    SyncDocument,
    SyncLeaderboard,
    SyncPoints,
    SyncResult,
    SyncXp,
)
from trcpoints.errors import CoolingDown, Interrupted, Overtaken, RateLimited, TrcpointsError
from trcpoints.guards import Agreed, Ask, Consent, ask_first
from trcpoints.jobs.memory import COOLDOWN_LONGEST, SYNC_JOB, Memory, pause_until, recall
from trcpoints.jobs.record import RunIdentity, error_info, is_completed
from trcpoints.jobs.run import (
    ALREADY_COMPLETED,
    Clock,
    JobRun,
    Outcome,
    Run,
    explained,
    run_job,
    status_of,
)
from trcpoints.jobs.sync import books, guard, walks
from trcpoints.jobs.sync.plan import SyncPlan, decide, occurrence
from trcpoints.jobs.sync.switched_off import record_switched_off
from trcpoints.jobs.tracked_guild import refuse_other_guild, track_guild, tracked_guild
from trcpoints.mee6.leaderboard import Completeness, Fetch, Known, Leaderboard

COOLDOWN_UNNAMED = timedelta(minutes=30)
COOLDOWN_SHORTEST = timedelta(seconds=5)

log = logging.getLogger("trcpoints.sync")


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What `trcpoints sync` was asked for.

    `saved` says that the leaderboard comes from a file and not from MEE6. `agreed` limits what
    goes past a guard to the figures that a person agreed to; None: no limit.
    """

    sync_id: str
    dry_run: bool = False
    with_results: bool = False
    saved: bool = False
    accept_decrease: bool = False
    rebaseline: bool = False
    ignore_cooldown: bool = False
    agreed: Agreed | None = None

    @property
    def consent(self) -> Consent:
        """What may go past the guards."""
        return Consent((guard.ACCEPT_DECREASE,) * self.accept_decrease, self.agreed)


def sync(
    settings: Settings,
    options: SyncOptions,
    fetch: Fetch,
    clock: Clock,
    *,
    ask: Ask | None = None,
    is_sound: bool = True,
) -> SyncDocument:
    """Run one sync.

    Where options go past a guard and there is somebody to `ask`, they see what it says before the
    run begins, and the run goes no further than they agreed to.

    Raises every failure with the document of the run as its `document`; the books are then as
    before. A dry run takes no lease and leaves no record: its connection cannot write. Where
    MEE6_SYNC_ENABLED is false, nothing is looked at, and one record says since when; none where the
    settings are not sound, for the database they name may be another one.
    """
    if ask is not None and settings.mee6.enabled and not options.dry_run:
        fetch = _failing_once(fetch)
        options = replace(options, agreed=_agreed(settings, options, fetch, clock, ask))
    job = _Sync(settings, options, clock(), fetch)
    if not settings.mee6.enabled:
        if is_sound and not options.dry_run:
            record_switched_off(settings, job.identity)
        job.close(Outcome("skipped", clock(), reason=DISABLED))
    elif options.dry_run:
        _preview(settings, job, clock)
    else:
        run_job(settings, job, clock)
    return job.document


def _agreed(
    settings: Settings, options: SyncOptions, fetch: Fetch, clock: Clock, ask: Ask
) -> Agreed | None:
    """Return what a person agreed to; raise the MassChangeRefused that they did not."""

    def preview(consent: Consent) -> None:
        limited = replace(options, agreed=consent.agreed)
        _preview(settings, _Sync(settings, limited, clock(), fetch), clock)

    return ask_first(preview, options.consent.options, ask).agreed


def _failing_once(fetch: Fetch) -> Fetch:
    """Return a fetch that raises its first failure again, and does not ask the source then."""
    failures: list[TrcpointsError] = []

    def fetch_unless_failed(known: Known, beat: Callable[[], None]) -> Leaderboard:
        if failures:
            raise failures[0]
        try:
            return fetch(known, beat)
        except TrcpointsError as failure:
            failures.append(failure)
            raise

    return fetch_unless_failed


def _preview(settings: Settings, job: _Sync, clock: Clock) -> None:
    memory = Memory()
    try:
        with open_database(settings.database_url, Access.READ) as engine:
            memory = recall(SYNC_JOB)
            is_repeated = is_completed(job.identity)
            if not is_repeated:
                job.may_start(memory)
                job.preview(engine, memory)
    except (Exception, Interrupted) as fault:
        told = explained(fault)
        reason, failures = error_info(told).code, memory.consecutive_failures
        job.close(Outcome(status_of(told), clock(), told, reason, failures))
        told.document = job.document
        raise told from fault
    if is_repeated:
        outcome = Outcome("skipped", clock(), reason=ALREADY_COMPLETED)
    else:
        outcome = Outcome("completed", clock(), failures=memory.consecutive_failures)
    job.close(outcome)


class _Sync(JobRun):
    """One sync on its way: its identity, and the document that it fills in as it goes."""

    def __init__(
        self, settings: Settings, options: SyncOptions, now: datetime, fetch: Fetch
    ) -> None:
        self.options = options
        self.settings = settings
        self.fetch = fetch
        self.identity = RunIdentity(
            run_id=options.sync_id,
            job=SYNC_JOB,
            trigger=settings.trigger,
            started_at=now,
            counted=not (options.dry_run or options.saved),
        )
        self.document = SyncDocument(
            sync_id=options.sync_id,
            status="completed",
            dry_run=options.dry_run,
            trigger=settings.trigger,
            guild_id=settings.mee6.guild_id,
            started_at=now,
            finished_at=now,
            duration_seconds=0.0,
            consecutive_failures=0,
        )

    def close(self, outcome: Outcome) -> SyncDocument:
        """Say in the document how and when the run ended."""
        document = self.document
        document.status, document.reason = outcome.status, outcome.reason
        document.finished_at = outcome.finished_at
        elapsed = document.finished_at - document.started_at
        # A clock that was set back meanwhile makes no run end before it began.
        document.duration_seconds = max(round(elapsed.total_seconds(), 3), 0.0)
        document.consecutive_failures = outcome.failures or 0
        if outcome.fault is not None:
            document.error = error_info(outcome.fault)
            # What was planned has not happened.
            document.xp, document.points = SyncXp(), SyncPoints()
        return document

    def may_start(self, memory: Memory) -> None:
        """Raise CoolingDown while MEE6 is to be left alone (design, section 3)."""
        until = pause_until(memory, self.identity.started_at)
        if until is None or self.options.saved or self.options.ignore_cooldown:
            return
        raise CoolingDown(
            f"MEE6 is left alone until {until:%Y-%m-%d %H:%M:%S} UTC: it answered 429, too many "
            "requests.",
            hint="Later runs go on by themselves; to ask now: trcpoints sync --ignore-cooldown",
        )

    def preview(self, engine: Engine, memory: Memory) -> None:
        """What the sync would do now, in the document. Raises Overtaken."""
        board = self._read(engine, lambda: None)
        with engine.snapshot():
            # The books are newer than the board then: what it says would look like losses. A sync
            # that writes would have lost its lease.
            if recall(SYNC_JOB).last_completed_run != memory.last_completed_run:
                raise Overtaken(
                    "Another sync was completed while this one read the leaderboard.",
                    hint="Run the command again.",
                )
            self._decide(engine, board)

    def work(self, run: Run) -> None:
        """Fetch, then decide and write in one transaction."""
        try:
            board = self._read(run.engine, run.beat)
        except RateLimited as fault:
            until = _cooldown(fault, run.clock())
            fault.hint = f"Syncs are skipped until {until:%Y-%m-%d %H:%M:%S} UTC. {fault.hint}"
            run.cooldown_until = until
            raise
        started_at = self.identity.started_at
        with run.books():
            plan = self._decide(run.engine, board)
            walks.remember(board)
            books.apply(
                run.engine,
                plan,
                sync_id=self.identity.run_id,
                started_at=started_at,
                occurred_at=occurrence(started_at, run.memory.last_completed_at),
            )
            if board.guild_id != tracked_guild():
                track_guild(board.guild_id, self.identity.run_id, started_at)
            run.complete(run.clock(), self._stats())
        log.info("written: %d members changed", len(plan.verdicts))

    def _read(self, engine: Engine, beat: Callable[[], None]) -> Leaderboard:
        if not (self.options.saved or self.options.rebaseline):
            # A file says by itself whose it is.
            refuse_other_guild(tracked_guild(), self.settings.mee6.guild_id)
        known = books.read_known(engine)
        log.info("reading the leaderboard for %d members", len(known))
        try:
            board = self.fetch(known, beat)
        except TrcpointsError as fault:
            self.document.leaderboard.requests = fault.requests
            self.document.leaderboard.retries = fault.retries
            raise
        log.info("%d of them found; the board is %s", board.found, board.completeness.value)
        self._describe_board(board)
        return board

    def _decide(self, engine: Engine, board: Leaderboard) -> SyncPlan:
        """The plan, described in the document; raises OtherGuild and MassChangeRefused."""
        options, document = self.options, self.document
        ours = tracked_guild()
        if not options.rebaseline:
            refuse_other_guild(ours, board.guild_id)
        elif ours != board.guild_id:
            document.moved_from = ours
        board = walks.mark_repeated(board)
        document.leaderboard.repeated = board.is_repeated
        synced = books.count_synced()
        states = books.read_states(engine, board, everybody=options.rebaseline)
        plan = decide(board, states, synced=synced, rebaseline=options.rebaseline)
        document.members, document.xp, document.points = plan.members, plan.xp, plan.points
        if options.with_results:
            document.results = _results(plan)
        if not options.rebaseline:
            percent = self.settings.mass_change_percent
            refusal = guard.find_refusal(plan, board, percent, books.count_awarded)
            if refusal is not None and not options.consent.covers(refusal):
                raise refusal
        return plan

    def _describe_board(self, board: Leaderboard) -> None:
        self.document.guild_id = board.guild_id
        self.document.leaderboard = SyncLeaderboard(
            players=board.players,
            invalid_players=board.invalid_players,
            pages=board.pages,
            requests=board.requests,
            retries=board.retries,
            found=None if board.completeness is Completeness.PARTIAL else board.found,
            partial=board.completeness is Completeness.PARTIAL,
        )

    def _stats(self) -> dict[str, object]:
        document = self.document
        return {
            "guild_id": document.guild_id,
            "moved_from": document.moved_from,
            "members": document.members,
            "xp": document.xp,
            "points": document.points,
            "leaderboard": document.leaderboard,
        }


def _cooldown(fault: RateLimited, now: datetime) -> datetime:
    """How long later runs leave MEE6 alone after it asked for it (design, section 3)."""
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
