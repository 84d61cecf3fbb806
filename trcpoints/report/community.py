"""What everybody may see: the leaderboard, streaks, points per week. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from trcpoints.db.engine import Engine
from trcpoints.db.models import DailyPoints, Member, Milestone
from trcpoints.documents.leaderboard import LeaderboardDocument
from trcpoints.jobs.leaderboard import IS_RANKED, read_leaderboard
from trcpoints.jobs.status import streak_lengths
from trcpoints.members.judged import is_judged
from trcpoints.report.shaping import Sums, by_week, first_week

PLACES = 100
STREAKS = 10
MILESTONES = 10


@dataclass(frozen=True, slots=True)
class StreakRow:
    """A member who is on a streak of so many weekdays; `paused` while it is not judged."""

    member_id: str
    name: str | None
    days: int
    longest: int
    paused: bool


@dataclass(frozen=True, slots=True)
class MilestoneRow:
    """A length that a member's streak reached on a day (ISO)."""

    member_id: str
    name: str | None
    days: int
    reached_on: str


@dataclass(frozen=True, slots=True)
class Community:
    """The part for everybody. `lengths` are active members by the length of their streak."""

    board: LeaderboardDocument
    weeks: Sequence[Sums]
    lengths: dict[int, int]
    streaks: Sequence[StreakRow]
    milestones: Sequence[MilestoneRow]

    @property
    def on_streak(self) -> int:
        """How many members are on a streak."""
        return sum(members for days, members in self.lengths.items() if days)


def read_community(engine: Engine, now: datetime) -> Community:
    """The part for everybody, about active members; called inside a snapshot."""
    return Community(
        board=read_leaderboard(engine, None, PLACES),
        weeks=by_week(read_days(engine, first_week(now)), now),
        lengths=streak_lengths(engine),
        streaks=_streaks(),
        milestones=_milestones(engine),
    )


def read_days(engine: Engine, first: date) -> dict[str, tuple[int, int]]:
    """What each day from the first on (ISO date) was awarded and deducted."""
    query = DailyPoints.select(DailyPoints.day, DailyPoints.awarded, DailyPoints.deducted).where(
        DailyPoints.day >= first.isoformat()
    )
    return {day: (int(awarded), int(deducted)) for day, awarded, deducted in engine.raw_rows(query)}


def _streaks() -> list[StreakRow]:
    query = (
        Member.select(
            Member.id,
            Member.name,
            Member.current_streak,
            Member.longest_streak,
            Member.subscription_status,
            Member.active,
        )
        .where(IS_RANKED & (Member.current_streak > 0))
        .order_by(Member.current_streak.desc(), Member.id)
        .limit(STREAKS)
    )
    return [
        StreakRow(
            member_id=str(member.id),
            name=member.name,
            days=member.current_streak,
            longest=member.longest_streak,
            paused=not is_judged(member.subscription_status, active=member.active),
        )
        for member in query
    ]


def _milestones(engine: Engine) -> list[MilestoneRow]:
    """The last that were recorded, and the days they were reached on are in order."""
    last = (
        Milestone.select(Member.id, Member.name, Milestone.days, Milestone.reached_on)
        .join(Member)
        .where(Member.active)  # the bare column: SQLite would begin with the index of an equality
        .order_by(Milestone.id.desc())
        .limit(MILESTONES)
    )
    rows = [
        MilestoneRow(member_id=str(member_id), name=name, days=days, reached_on=reached_on)
        for member_id, name, days, reached_on in engine.raw_rows(last)
    ]
    return sorted(rows, key=lambda row: row.reached_on, reverse=True)
