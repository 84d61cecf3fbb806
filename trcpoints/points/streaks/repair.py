"""Putting judged streaks right when the past has changed (design, section 2.6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime

from trcpoints.db.engine import Engine, portions
from trcpoints.db.models import Member
from trcpoints.documents.streaks import StreaksRebuildDocument
from trcpoints.points.awards import EARLIEST
from trcpoints.points.daily import rebuild_days
from trcpoints.points.streaks.milestones import record_milestones
from trcpoints.points.streaks.rows import (
    HISTORIES,
    Kept,
    active_weekdays,
    all_kept,
    read_calendar,
    read_job_judged,
    read_kept,
    write_streaks,
)
from trcpoints.points.streaks.rules import (
    Calendar,
    Judgement,
    Streak,
    advance,
    after_first_break,
    is_weekday,
    window_start,
)


def repair_late(engine: Engine, awards: Iterable[tuple[int, datetime]]) -> None:
    """Repair the streaks of members who were awarded points for days that are judged already.

    `awards` are ids of members and the UTC times of entries that count as activity and are in
    the ledger. Called in the transaction that writes them there, by whoever does.
    """
    job_judged = read_job_judged()
    if job_judged is None:
        return
    late: defaultdict[int, set[date]] = defaultdict(set)
    for member_id, moment in awards:
        day = moment.date()
        if day <= job_judged and is_weekday(day):
            late[member_id].add(day)
    if late:
        _repair(engine, late, job_judged)


def repair_all(engine: Engine) -> int:
    """Recompute all streaks and milestones from the ledger, inside `engine.books()`.

    The number of members for whom something was wrong and is right now.
    """
    changed = 0
    for page in recomputed(engine):
        wrong = [(kept, judgement) for kept, judgement in page if judgement.streak != kept.streak]
        write_streaks(engine, ((k.member_id, j.streak, k.judged) for k, j in wrong))
        moved = record_milestones(engine, {k.member_id: j for k, j in page})
        changed += len({k.member_id for k, _ in wrong} | moved)
    return changed


def rebuild(engine: Engine) -> StreaksRebuildDocument:
    """Compute all streaks, and the sums of all days, anew from the ledger.

    On healthy books that changes nothing.
    """
    with engine.books():
        changed = repair_all(engine)
        days = rebuild_days(engine)
        members = Member.select().count()
    return StreaksRebuildDocument(members=members, changed=changed, days_changed=days)


def recomputed(engine: Engine) -> Iterator[list[tuple[Kept, Judgement]]]:
    """What is kept of all members and what the ledger makes of them, HISTORIES at a time."""
    calendar, job_judged = read_calendar(), read_job_judged()
    for page in all_kept(engine):
        yield _refold(engine, dict.fromkeys(page, EARLIEST.date()), job_judged, calendar)


def _repair(engine: Engine, late: Mapping[int, Set[date]], job_judged: date) -> None:
    calendar = read_calendar()
    windows: dict[Kept, date] = {}
    for member_ids in portions(late):
        for kept in read_kept(engine, member_ids):
            days = {d for d in late[kept.member_id] if d <= (kept.judged or job_judged)}
            if any(_may_matter(day, kept.streak, calendar) for day in days):
                windows[kept] = window_start(min(days), kept.streak.longest, calendar)
    # In the order of their windows: one query reads as far back as the longest of its members.
    for portion in portions(sorted(windows.items(), key=lambda item: item[1]), HISTORIES):
        folded = _refold(engine, dict(portion), job_judged, calendar)
        write_streaks(
            engine,
            ((k.member_id, j.streak, k.judged) for k, j in folded if j.streak != k.streak),
        )
        record_milestones(engine, {k.member_id: j for k, j in folded})


def _may_matter(day: date, streak: Streak, calendar: Calendar) -> bool:
    """Whether activity on this judged day may be news: within a streak all days are active ones."""
    return streak.since is None or day < streak.since or calendar.is_grace(day)


def _refold(
    engine: Engine, windows: Mapping[Kept, date], job_judged: date | None, calendar: Calendar
) -> list[tuple[Kept, Judgement]]:
    """Judge members anew, each from the first day of their window."""
    if job_judged is None:
        return [(kept, Judgement(Streak(), [], [])) for kept in windows]
    first_days = {kept.member_id: first for kept, first in windows.items()}
    active = active_weekdays(engine, first_days, job_judged)
    folded = []
    for kept, first in windows.items():
        through = kept.judged or job_judged
        days: Sequence[date] = [day for day in active.get(kept.member_id, ()) if day <= through]
        longest = 0
        if first > kept.created_on:
            days, longest = after_first_break(days, first, calendar), kept.streak.longest
        folded.append((kept, advance(Streak(longest=longest), None, days, through, calendar)))
    return folded
