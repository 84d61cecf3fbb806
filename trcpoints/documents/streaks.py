"""Streaks, and the days that break none."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from trcpoints.documents import Document, ErrorInfo, Moment, RunStatus


class StreakMembers(Struct):
    """Members by what a run of the streaks job made of their streaks.

    `judged` is the sum of incremented, reset and unchanged. `reset`: the streak that they had is
    broken, even where a new one has begun since. `not_judged`: those who are paused.
    """

    judged: int = 0
    incremented: int = 0
    reset: int = 0
    unchanged: int = 0
    not_judged: int = 0


class StreakMilestone(Struct):
    """A member whose streak has become so long."""

    member_id: str
    name: str | None
    streak: int


class ExcusedDay(Struct, kw_only=True):
    """A weekday that breaks nobody's streak. `automatic`: an outage of the sync excused it."""

    day: str
    reason: str
    created_at: Moment
    automatic: bool = False


class StreaksDocument(Document, kw_only=True, tag="trcpoints.streaks/1"):
    """One run of the streaks job, whatever came of it.

    `days_judged` are ISO dates; none when nothing was left to judge. `days_excused` are those of
    them that an outage of the sync excused.
    """

    run_id: str
    status: RunStatus
    reason: str | None = None
    days_judged: list[str] = field(default_factory=list)
    days_excused: list[ExcusedDay] = field(default_factory=list)
    judged_through: str | None = None
    members: StreakMembers = field(default_factory=StreakMembers)
    milestones: list[StreakMilestone] = field(default_factory=list)
    error: ErrorInfo | None = None


class StreaksExcuseDocument(Document, kw_only=True, tag="trcpoints.streaks.excuse/1"):
    """The excused days, all of them, after one was perhaps excused or removed.

    `repaired` counts the members for whom that changed anything.
    """

    status: Literal["listed", "excused", "removed"]
    day: str | None = None
    repaired: int = 0
    days: list[ExcusedDay]


class StreaksRebuildDocument(Document, kw_only=True, tag="trcpoints.streaks.rebuild/1"):
    """All streaks, computed from the ledger. `changed` counts the members who had a wrong one,
    `days_changed` the days whose sums of points were wrong.
    """

    status: Literal["completed"] = "completed"
    members: int
    changed: int
    days_changed: int
