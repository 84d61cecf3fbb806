"""How things stand, read from the database and judged (design, section 5).

A screen that is looked at all day must not read the books: members are counted from indexes,
points from the totals of each day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from peewee import SQL, Expression, Field, ModelSelect, fn

from trcpoints.config import Settings
from trcpoints.db import schema
from trcpoints.db.engine import Engine
from trcpoints.db.models import (
    HAS_LEFT,
    IS_AWAITING_BASELINE,
    IS_EXCUSED,
    IS_SWITCHED_OFF,
    IS_UNTRACKED,
    DailyPoints,
    GraceDay,
    Member,
    Run,
)
from trcpoints.documents import ErrorInfo
from trcpoints.documents.status import (
    StatusDatabase,
    StatusDocument,
    StatusMembers,
    StatusPoints,
    StatusRun,
    StatusStreaks,
    StatusSync,
)
from trcpoints.jobs.memory import SYNC_JOB, pause_until, recall
from trcpoints.jobs.status_board import LastBoard, board_problems
from trcpoints.jobs.status_federation import Configured, read_federation
from trcpoints.jobs.tracked_guild import tracked_guild
from trcpoints.members.holds import held_totals
from trcpoints.members.judged import STREAKS_JOB, job_judged_through
from trcpoints.monitoring import health
from trcpoints.monitoring.health import JobHealth

CHART_DAYS = 30

RECENT_DAYS = 30
"""So long it is news that an outage excused a day."""


@dataclass(frozen=True, slots=True)
class Charts:
    """What a screen draws: the points awarded on each of the last 30 UTC days, the oldest first,
    and the active members by the length of their streak."""

    awarded: list[int]
    streaks: dict[int, int]


def read_status(
    engine: Engine,
    settings: Settings,
    now: datetime,
    connectors: Sequence[Configured] = (),
    more_problems: Sequence[ErrorInfo] = (),
) -> StatusDocument:
    """The document of `trcpoints status`; its cost hardly grows with the books.

    `connectors` are those of the federations, `more_problems` what was found to be wrong before.
    """
    with engine.snapshot():
        return _read(engine, settings, now, connectors, more_problems)


def read_charts(engine: Engine, now: datetime) -> Charts:
    """What the screen shows below the document's figures."""
    first = now.astimezone(UTC).date() - timedelta(days=CHART_DAYS - 1)
    days = {
        row.day: row.awarded
        for row in DailyPoints.select().where(DailyPoints.day >= first.isoformat())
    }
    shown = [first + timedelta(days=number) for number in range(CHART_DAYS)]
    return Charts(
        awarded=[days.get(day.isoformat(), 0) for day in shown], streaks=streak_lengths(engine)
    )


def streak_lengths(engine: Engine) -> dict[int, int]:
    """The active members by the length of their streak, the shortest first."""
    lengths = (
        Member.select(Member.current_streak, fn.COUNT(SQL("*")))
        # Not the bare column: SQLite goes through the index in its order for an equality only.
        .where(Member.active == True)  # noqa: E712 (SQL, not Python)
        .group_by(Member.current_streak)
        .order_by(Member.current_streak)
    )
    return dict(engine.raw_rows(lengths))


def _read(
    engine: Engine,
    settings: Settings,
    now: datetime,
    connectors: Sequence[Configured],
    more_problems: Sequence[ErrorInfo],
) -> StatusDocument:
    mee6 = settings.mee6
    sync, streaks = _health(SYNC_JOB, now), _health(STREAKS_JOB, now)
    judged_through = job_judged_through()
    books_guild = tracked_guild()
    problems = list(health.streaks_problems(streaks, judged_through=judged_through, now=now))
    if mee6.enabled:
        last = _last_completed(engine, now)
        invalid = [stats.leaderboard.invalid_players for stats in last]
        found = health.sync_problems(sync, guild_id=mee6.guild_id, invalid_players=invalid, now=now)
        board = last[0].board() if last else None
        problems = [*board_problems(books_guild, mee6.guild_id, board), *found, *problems]
    held = held_totals(engine)
    problems += health.held_problems(*held)
    federation, unwell = read_federation(engine, connectors, now, is_known=not more_problems)
    problems += [*more_problems, *unwell]
    return StatusDocument(
        healthy=not problems,
        problems=problems,
        database=StatusDatabase(
            engine=engine.name,
            url=engine.public_url,
            schema_version=schema.inspect(engine).version,
            size_bytes=engine.size_bytes(),
        ),
        sync=StatusSync(
            enabled=mee6.enabled,
            guild_id=mee6.guild_id,
            books_guild_id=books_guild,
            last_run=_last_run(SYNC_JOB, now),
            last_success_at=sync.last_success_at,
            consecutive_failures=sync.consecutive_failures,
            cooldown_until=sync.cooldown_until,
            overdue=mee6.enabled and health.is_overdue(sync, health.SYNC_LIMIT, now),
        ),
        streaks=StatusStreaks(
            judged_through=judged_through,
            last_success_at=streaks.last_success_at,
            overdue=health.is_overdue(streaks, health.STREAKS_LIMIT, now),
            days_excused=_days_excused(now),
        ),
        members=_members(held.members),
        points=_points(engine),
        federation=federation,
    )


def _health(name: str, now: datetime) -> JobHealth:
    # A job that was always switched off has not run yet.
    runs = Run.select().where((Run.job == name) & ~IS_SWITCHED_OFF)
    first = runs.order_by(Run.started_at).first()
    memory = recall(name)
    failed = None
    if memory.consecutive_failures:
        failed = _newest(name, now).where(Run.status == "failed").first()
    return JobHealth(
        first_run_at=first.started_at if first else None,
        last_success_at=memory.last_completed_at,
        consecutive_failures=memory.consecutive_failures,
        cooldown_until=pause_until(memory, now),
        last_error=(failed.error_code or "", failed.error_message or "") if failed else None,
    )


def _newest(job: str, now: datetime, *columns: Field[Any]) -> ModelSelect[Any]:
    """The runs of a job, the newest first, without those that a wrong clock dated ahead."""
    return (
        Run.select(*columns)
        .where((Run.job == job) & (Run.started_at <= now + health.CLOCK_DRIFT))
        .order_by(Run.started_at.desc())
    )


def _last_run(name: str, now: datetime) -> StatusRun | None:
    run = _newest(name, now).first()
    if run is None:
        return None
    return StatusRun(
        run_id=run.id,
        status=run.status,
        trigger=run.trigger,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


class _Board(msgspec.Struct):
    invalid_players: int = 0
    found: int | None = None


class _Members(msgspec.Struct):
    tracked: int = 0


class _Stats(msgspec.Struct):
    leaderboard: _Board
    members: _Members = msgspec.field(default_factory=_Members)
    guild_id: str | None = None

    def board(self) -> LastBoard:
        """What the sync saw of the members."""
        return LastBoard(self.guild_id, self.members.tracked, self.leaderboard.found)


def _last_completed(engine: Engine, now: datetime) -> Sequence[_Stats]:
    """What the last completed syncs counted, the newest first."""
    completed = _newest(SYNC_JOB, now, Run.stats).where(Run.status == "completed")
    runs = completed.limit(health.MALFORMED_RUNS)
    return [msgspec.json.decode(stats, type=_Stats) for (stats,) in engine.raw_rows(runs)]


def _days_excused(now: datetime) -> list[str]:
    """Return the days that outages excused of late, in order (ISO dates)."""
    first = now.astimezone(UTC).date() - timedelta(days=RECENT_DAYS)
    days = GraceDay.select(GraceDay.day).where(
        (GraceDay.day >= first.isoformat()) & GraceDay.automatic & IS_EXCUSED
    )
    return [row.day for row in days.order_by(GraceDay.day)]


def _members(held: int) -> StatusMembers:
    total = _count()
    return StatusMembers(
        total=total,
        linked=total - _count(Member.discord_id.is_null()),
        tracked=total - _count(IS_UNTRACKED),
        left=_count(HAS_LEFT),
        inactive=_count(Member.active == False),  # noqa: E712 (SQL, not Python)
        awaiting_baseline=_count(IS_AWAITING_BASELINE),
        held=held,
    )


def _count(condition: Expression | None = None) -> int:
    # COUNT(*): SQLite reads a page's number of rows for it, and each row for COUNT(id).
    query: ModelSelect[Any] = Member.select(fn.COUNT(SQL("*")))
    if condition is not None:
        query = query.where(condition)
    return int(query.scalar())


def _points(engine: Engine) -> StatusPoints:
    total = DailyPoints.select(
        fn.COALESCE(fn.SUM(DailyPoints.awarded), 0), fn.COALESCE(fn.SUM(DailyPoints.deducted), 0)
    )
    ((awarded, deducted),) = engine.raw_rows(total)
    return StatusPoints(
        awarded=int(awarded), deducted=int(deducted), balance=int(awarded) - int(deducted)
    )
