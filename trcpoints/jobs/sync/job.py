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
    SyncHolds,
    SyncLeaderboard,
    SyncPoints,
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
from trcpoints.jobs.sync import books, guard, hold_rows, increase, walks
from trcpoints.jobs.sync.holds import BY_SYNC, HoldRules
from trcpoints.jobs.sync.plan import SyncPlan, decide, decide_losses, occurrence
from trcpoints.jobs.sync.results import held, results
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
    goes past a guard to the figures that a person agreed to; None: no limit. `made_by` is who
    decided on the options that accept changes or take new baselines.
    """

    sync_id: str
    dry_run: bool = False
    with_results: bool = False
    saved: bool = False
    accept_decrease: bool = False
    accept_increase: bool = False
    rebaseline: bool = False
    ignore_cooldown: bool = False
    agreed: Agreed | None = None
    made_by: str = BY_SYNC

    @property
    def consent(self) -> Consent:
        """What may go past the guards."""
        accepted = (guard.ACCEPT_DECREASE,) * self.accept_decrease
        return Consent(accepted + (increase.ACCEPT_INCREASE,) * self.accept_increase, self.agreed)


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
            document.holds = SyncHolds()
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
            self._decide(engine, board, memory.last_completed_at)

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
            plan = self._decide(run.engine, board, run.memory.last_completed_at)
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

    def _decide(self, engine: Engine, board: Leaderboard, previous: datetime | None) -> SyncPlan:
        """The plan, described in the document. Raises OtherGuild and MassChangeRefused."""
        options, document = self.options, self.document
        ours = tracked_guild()
        if not options.rebaseline:
            refuse_other_guild(ours, board.guild_id)
        elif ours != board.guild_id:
            document.moved_from = ours
        board = walks.mark_repeated(board)
        document.leaderboard.repeated = board.is_repeated
        rules = self._rules(board, previous)
        synced = books.count_synced()
        holds = hold_rows.read_open(engine)
        states = books.read_states(engine, board, everybody=options.rebaseline)
        plan = decide(
            board, states, synced=synced, rebaseline=options.rebaseline, rules=rules, holds=holds
        )
        if plan.undecided:
            doubtful = (one.member.member_id for one in plan.undecided)
            decide_losses(plan, hold_rows.read_discord_points(engine, doubtful), rules)
        document.members, document.xp, document.points = plan.members, plan.xp, plan.points
        document.holds = plan.holds
        if options.with_results:
            document.results, document.held = results(plan), held(plan)
        if not options.rebaseline:
            self._check(plan, board)
        return plan

    def _check(self, plan: SyncPlan, board: Leaderboard) -> None:
        """Raise the refusal of a guard that the options do not cover."""
        percent = self.settings.mass_change_percent
        for refusal in (
            guard.find_refusal(plan, board, percent, books.count_awarded),
            increase.find_refusal(plan, board.guild_id, percent),
        ):
            if refusal is not None and not self.options.consent.covers(refusal):
                if self.options.saved:
                    refusal.hint += " Give --from FILE with it, as this time."
                raise refusal

    def _rules(self, board: Leaderboard, previous: datetime | None) -> HoldRules:
        return HoldRules(
            started_at=self.identity.started_at,
            previous=books.latest_sync(self.identity.started_at, previous),
            xp_per_minute=board.xp_per_minute,
            max_gain=self.settings.mee6.max_gain,
            accept_increase=self.options.accept_increase,
            accept_decrease=self.options.accept_decrease,
            made_by=self.options.made_by,
        )

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
            "holds": document.holds,
            "leaderboard": document.leaderboard,
            **self._decision(),
        }

    def _decision(self) -> dict[str, object]:
        """What a person has decided for this run, and who it was."""
        options = self.options
        decided = {
            "accept_decrease": options.accept_decrease,
            "accept_increase": options.accept_increase,
            "rebaseline": options.rebaseline,
        }
        names = [name for name, is_set in decided.items() if is_set]
        return {"decided": names, "made_by": options.made_by} if names else {}


def _cooldown(fault: RateLimited, now: datetime) -> datetime:
    """How long later runs leave MEE6 alone after it asked for it (design, section 3)."""
    if fault.retry_after is None:
        return now + COOLDOWN_UNNAMED
    asked = timedelta(seconds=min(fault.retry_after, COOLDOWN_LONGEST.total_seconds()))
    return now + max(asked, COOLDOWN_SHORTEST)
