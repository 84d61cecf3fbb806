"""Judging the days that are over, inside the caller's transaction (design, sections 2.6, 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from msgspec import Struct
from peewee import Case, fn

from trcpoints.db.engine import PORTION, Engine, portions
from trcpoints.db.fields import from_driver
from trcpoints.db.models import Job, Member
from trcpoints.documents.streaks import ExcusedDay, StreakMembers
from trcpoints.jobs.streaks.outages import find_outages
from trcpoints.jobs.streaks.sync_runs import read_sync_runs
from trcpoints.members.judged import STREAKS_JOB, are_judged
from trcpoints.points.streaks.grace import excuse_automatically, withdraw_automatic
from trcpoints.points.streaks.milestones import record_milestones
from trcpoints.points.streaks.repair import repair_all
from trcpoints.points.streaks.rows import (
    HISTORIES,
    Dates,
    active_weekdays,
    read_calendar,
    read_job_judged,
    start_of,
    write_streaks,
)
from trcpoints.points.streaks.rules import (
    Calendar,
    Judgement,
    Streak,
    advance,
    last_complete_weekday,
    next_weekday,
    weekdays,
)

_DAY = timedelta(days=1)

FAR_AHEAD = timedelta(days=4)
"""More than a weekend and the time zones of the world make of a clock that is right."""


class Judged(Struct):
    """What a run has judged: the days that were new to the job, those of them that an outage
    excused, and the last of all days."""

    through: date
    days: list[date]
    excused: list[ExcusedDay]
    members: StreakMembers


def judge(engine: Engine, now: datetime, *, sync_enabled: bool) -> Judged:
    """Judge every weekday that is over and not judged yet, each member once for each of them.

    Only streaks that change are written, and the milestones reached. Called inside
    `engine.books()`. `sync_enabled` says whether the sync is switched on now.
    """
    newest = last_complete_weekday(now.date())
    judged = _sane(engine, read_job_judged() or _before_everyone(newest), newest)
    through = max(newest, judged)
    days = [*weekdays(judged, through)]
    excused = _excuse(engine, days, now, sync_enabled=sync_enabled)
    if days:
        _pause(judged)
    judging = _Judging(engine, judged, through, read_calendar())
    write_streaks(engine, judging.changes())
    record_milestones(engine, judging.reached)
    Job.insert(name=STREAKS_JOB, judged_through=through.isoformat()).on_conflict(
        conflict_target=[Job.name], preserve=[Job.judged_through]
    ).execute()
    return Judged(through, days, excused, judging.counts(moved=bool(days)))


def _excuse(
    engine: Engine, days: Sequence[date], now: datetime, *, sync_enabled: bool
) -> list[ExcusedDay]:
    """Excuse those of the days to be judged that an outage of the sync covers.

    It counts what is known now: a day that was judged stays as it is when its outage turns out
    longer.
    """
    if not days:
        return []
    outages = find_outages(read_sync_runs(engine, days[0], now), now, enabled=sync_enabled)
    reasons = {day: one.reason for one in outages for day in days if one.excuses(day)}
    return excuse_automatically(reasons, now)


def _sane(engine: Engine, judged: date, newest: date) -> date:
    """How far was judged; days that are far ahead were judged by a wrong clock, and are undone.

    A clock that is a little behind undoes nothing: late awards repair the days in between.
    """
    if judged <= newest + FAR_AHEAD:
        return judged
    last = newest.isoformat()
    Job.update(judged_through=last).where(Job.name == STREAKS_JOB).execute()
    Member.update(judged_through=last).where(Member.judged_through > last).execute()
    withdraw_automatic(newest)
    repair_all(engine)
    return newest


def _before_everyone(newest: date) -> date:
    """The day before the first member was created, for the first run of all; at most `newest`."""
    first = from_driver(Member.select(fn.MIN(Member.created_at)).scalar())
    return newest if first is None else min(first.date() - _DAY, newest)


def _pause(judged: date) -> None:
    """Keep how far those are judged whom the job leaves behind now; the others follow it."""
    Member.update(judged_through=judged.isoformat()).where(
        ~are_judged(), Member.judged_through.is_null()
    ).execute()


class _Open(Struct, frozen=True, gc=False):
    """A member for whom days may be open, from the weekday `opened` on.

    `returned`: how far they are judged is their own. `active_on` is the last day on which they
    were active, None where that was before they were a member.
    """

    member_id: int
    streak: Streak
    judged: date
    opened: date
    returned: bool
    active_on: date | None


@dataclass
class _Judging:
    """One run over all members: a page of them at a time, however many there are."""

    engine: Engine
    judged: date
    through: date
    calendar: Calendar
    reached: dict[int, Judgement] = field(default_factory=dict)
    incremented: int = 0
    reset: int = 0
    caught_up: int = 0

    def changes(self) -> Iterator[tuple[int, Streak, date | None]]:
        """The streaks to write, as they come."""
        for page in self._pages():
            for member, active in self._with_activity(page):
                judgement = advance(
                    member.streak, member.judged, active, self.through, self.calendar
                )
                self._note(member, judgement)
                if member.returned or judgement.streak != member.streak:
                    yield member.member_id, judgement.streak, None

    def counts(self, *, moved: bool) -> StreakMembers:
        """The members by what became of them, when all changes are written."""
        judged = self.caught_up
        if moved:
            born = Member.created_at < start_of(self.through + _DAY)
            judged = Member.select().where(are_judged(), born).count()
        return StreakMembers(
            judged=judged,
            incremented=self.incremented,
            reset=self.reset,
            unchanged=judged - self.incremented - self.reset,
            not_judged=Member.select().where(~are_judged()).count(),
        )

    def _pages(self) -> Iterator[list[_Open]]:
        """The members for whom anything can change, in pages."""
        opened = next_weekday(self.judged)
        worth = Member.judged_through.is_null(False)
        if opened <= self.through:
            worth |= (Member.current_streak > 0) | (Member.last_active_at >= start_of(opened))
        is_own = Member.last_active_at >= Member.created_at
        query = (
            Member.select(
                Member.id,
                Member.current_streak,
                Member.longest_streak,
                Member.streak_since,
                Member.judged_through,
                Case(None, [(is_own, self.engine.utc_day(Member.last_active_at))]),
            )
            .where(are_judged(), worth)
            .order_by(Member.id)
            .limit(PORTION)
        )
        dates = Dates()
        last = 0
        while rows := list(self.engine.raw_rows(query.where(Member.id > last))):
            last = rows[-1][0]
            yield [self._open(row, opened, dates) for row in rows]

    def _open(
        self,
        row: tuple[int, int, int, str | None, str | None, str | None],
        opened: date,
        dates: Dates,
    ) -> _Open:
        member_id, current, longest, since, own, seen = row
        judged = self.judged if own is None else dates[own]
        return _Open(
            member_id,
            Streak(current, longest, None if since is None else dates[since]),
            judged,
            opened if own is None else next_weekday(judged),
            own is not None,
            None if seen is None else dates[seen],
        )

    def _with_activity(self, members: Iterable[_Open]) -> Iterator[tuple[_Open, Sequence[date]]]:
        """Each member with the open weekdays on which they were active.

        Mostly the last activity says it all; who was active on a later day is looked up.
        """
        unclear: list[_Open] = []
        for member in members:
            seen, opened = member.active_on, member.opened
            if seen is None or seen < opened:
                yield member, ()
            elif seen == opened:
                yield member, (opened,)
            else:
                unclear.append(member)
        unclear.sort(key=lambda member: member.opened)
        for portion in portions(unclear, HISTORIES):
            first_days = {member.member_id: member.opened for member in portion}
            found = active_weekdays(self.engine, first_days, self.through)
            for member in portion:
                yield member, found.get(member.member_id, ())

    def _note(self, member: _Open, judgement: Judgement) -> None:
        before, after = member.streak, judgement.streak
        if before.since is not None and before.since != after.since:
            self.reset += 1
        elif after.current > before.current:
            self.incremented += 1
        self.caught_up += member.returned
        if judgement.reached:
            self.reached[member.member_id] = judgement
