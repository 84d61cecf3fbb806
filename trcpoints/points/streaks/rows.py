"""The streaks' side of the database: what is kept of members, and when they were active."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct
from peewee import Expression

from trcpoints.db.engine import Engine, Row
from trcpoints.db.models import IS_EXCUSED, GraceDay, LedgerEntry, Member
from trcpoints.members.judged import job_judged_through
from trcpoints.points.awards import ADJUSTMENT
from trcpoints.points.streaks.rules import Calendar, Streak, is_weekday

HISTORIES = 1_000
"""Members whose active days are read at once: memory follows them and the lengths of those."""

IS_ACTIVITY = (LedgerEntry.points > 0) & (LedgerEntry.source != ADJUSTMENT)
"""The entries of the ledger that show a member to have been active."""

_COLUMNS = ("id", "current_streak", "longest_streak", "streak_since", "judged_through")


class Dates(dict[str, date]):
    """The dates of ISO texts, each made once: rows by the million have a few different ones."""

    def __missing__(self, text: str) -> date:
        self[text] = made = date.fromisoformat(text)
        return made


class Kept(Struct, frozen=True):
    """What is kept of a member's streak. `judged` is None where the member follows the job."""

    member_id: int
    streak: Streak
    judged: date | None
    created_on: date


def read_calendar() -> Calendar:
    """The calendar with the grace days there are."""
    days = GraceDay.select(GraceDay.day).where(IS_EXCUSED).tuples().iterator()
    return Calendar(date.fromisoformat(day) for (day,) in days)


def read_job_judged() -> date | None:
    """The last weekday that the streaks job has judged; None before its first."""
    return to_date(job_judged_through())


def to_date(text: str | None) -> date | None:
    """The date of an ISO text."""
    return None if text is None else date.fromisoformat(text)


def start_of(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def read_kept(engine: Engine, member_ids: Sequence[int]) -> list[Kept]:
    """What is kept of these members, at most PORTION of them."""
    return _kept(engine, engine.is_among(Member.id, member_ids), len(member_ids))


def all_kept(engine: Engine) -> Iterator[list[Kept]]:
    """What is kept of all members, by at most HISTORIES of them, in the order of their ids."""
    last = 0
    while page := _kept(engine, Member.id > last, HISTORIES):
        yield page
        last = page[-1].member_id


def _kept(engine: Engine, condition: Expression, limit: int) -> list[Kept]:
    query = (
        Member.select(
            Member.id,
            Member.current_streak,
            Member.longest_streak,
            Member.streak_since,
            Member.judged_through,
            engine.utc_day(Member.created_at),
        )
        .where(condition)
        .order_by(Member.id)
        .limit(limit)
    )
    return [
        Kept(
            member_id,
            Streak(current, longest, to_date(since)),
            to_date(judged),
            date.fromisoformat(created),
        )
        for member_id, current, longest, since, judged, created in engine.raw_rows(query)
    ]


def active_weekdays(
    engine: Engine, first_days: Mapping[int, date], through: date
) -> dict[int, list[date]]:
    """The weekdays on which members were active, each from a first day on, in order.

    By member id, at most PORTION of them; one query for all.
    """
    # A member's own first day is looked at below; one for all keeps the query one.
    query = (
        LedgerEntry.select(LedgerEntry.member, engine.utc_day(LedgerEntry.occurred_at).alias("day"))
        .join(Member)
        .where(
            engine.is_among(LedgerEntry.member, first_days),
            IS_ACTIVITY,
            LedgerEntry.occurred_at >= start_of(min(first_days.values())),
            LedgerEntry.occurred_at < start_of(through + timedelta(days=1)),
            LedgerEntry.occurred_at >= Member.created_at,
        )
        .distinct()
    )
    dates = Dates()
    found: defaultdict[int, list[date]] = defaultdict(list)
    for member_id, text in engine.raw_rows(query):
        day = dates[text]
        if day >= first_days[member_id] and is_weekday(day):
            found[member_id].append(day)
    for days in found.values():
        days.sort()
    return found


def write_streaks(engine: Engine, rows: Iterable[tuple[int, Streak, date | None]]) -> None:
    """Write the streaks of members, each with how far it is judged (None: as far as the job)."""
    engine.update_rows("member", _COLUMNS, (_row(*row) for row in rows))


def _row(member_id: int, streak: Streak, judged: date | None) -> Row:
    return (
        member_id,
        streak.current,
        streak.longest,
        streak.since and streak.since.isoformat(),
        judged and judged.isoformat(),
    )
