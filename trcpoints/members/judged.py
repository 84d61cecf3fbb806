"""Whose streaks are judged, and how far they are (design, section 2.6)."""

from __future__ import annotations

from peewee import Expression

from trcpoints.db.models import Job, Member

STREAKS_JOB = "streaks"

_STATUSES = ("ACTIVE", "TRIALING")


def are_judged() -> Expression:
    """The condition on members whose streaks are judged; the others are paused."""
    condition: Expression = Member.subscription_status.in_(_STATUSES) & Member.active
    return condition


def is_judged(subscription_status: str, *, active: bool) -> bool:
    """Whether such a member's streak is judged, and not paused."""
    return active and subscription_status in _STATUSES


def job_judged_through() -> str | None:
    """The last weekday that the streaks job has judged; None before its first."""
    through: str | None = Job.select(Job.judged_through).where(Job.name == STREAKS_JOB).scalar()
    return through
