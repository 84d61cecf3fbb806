"""The milestones on record, each once per streak (design, section 2.6)."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from trcpoints.db.engine import Engine, Row, portions
from trcpoints.db.models import Member, Milestone
from trcpoints.documents.streaks import StreakMilestone
from trcpoints.points.streaks.rules import Judgement

_COLUMNS = ("member_id", "streak_since", "days", "reached_on", "run_id")

_Recorded = tuple[int, str, int, str, str | None]
"""Id, first day of the streak, days, when they were reached, and the run that reported it."""


def record_milestones(engine: Engine, judgements: Mapping[int, Judgement]) -> set[int]:
    """Record what members have reached, by member id; the members for whom that changed anything.

    What is on record follows its streak where a repair has moved the first day of it, so that
    it is not reported again.
    """
    changed: set[int] = set()
    for member_ids in portions(judgements):
        recorded = _read(engine, member_ids)
        gone: list[int] = []
        new: list[Row] = []
        for member_id in member_ids:
            stale, fresh = _reconcile(recorded.get(member_id, []), judgements[member_id])
            gone += stale
            new += [(member_id, *row) for row in fresh]
            if stale or fresh:
                changed.add(member_id)
        if gone:
            Milestone.delete().where(engine.is_among(Milestone.id, gone)).execute()
        engine.insert_rows("milestone", _COLUMNS, new)
    return changed


def report_milestones(run_id: str) -> list[StreakMilestone]:
    """The milestones that no run has reported yet; from now on this run has."""
    unreported = Milestone.run_id.is_null()
    query = (
        Milestone.select(Milestone.member, Member.name, Milestone.days)
        .join(Member)
        .where(unreported)
        .order_by(Milestone.member, Milestone.reached_on, Milestone.days)
        .tuples()
    )
    found = [StreakMilestone(str(member), name, days) for member, name, days in query.iterator()]
    if found:
        Milestone.update(run_id=run_id).where(unreported).execute()
    return found


def _read(engine: Engine, member_ids: list[int]) -> dict[int, list[_Recorded]]:
    query = (
        Milestone.select(
            Milestone.member,
            Milestone.id,
            Milestone.streak_since,
            Milestone.days,
            Milestone.reached_on,
            Milestone.run_id,
        )
        .where(engine.is_among(Milestone.member, member_ids))
        .tuples()
    )
    found: defaultdict[int, list[_Recorded]] = defaultdict(list)
    for member_id, *row in query.iterator():
        found[member_id].append(tuple(row))
    return found


def _reconcile(
    recorded: list[_Recorded], judgement: Judgement
) -> tuple[list[int], list[tuple[str, int, str, str | None]]]:
    """The ids of records that are wrong now, and the records to make instead or anew."""
    stale: list[int] = []
    fresh: list[tuple[str, int, str, str | None]] = []
    taken: set[tuple[str, int]] = set()
    # Where two streaks have become one, what was reported stays.
    for key, since, days, on, run_id in sorted(recorded, key=lambda row: (row[4] is None, row[3])):
        streak = _streak_of(on, since, judgement.begun)
        if (streak, days) in taken:
            stale.append(key)
            continue
        taken.add((streak, days))
        if streak != since:
            stale.append(key)
            fresh.append((streak, days, on, run_id))
    for reached in judgement.reached:
        since = reached.since.isoformat()
        if (since, reached.days) not in taken:
            fresh.append((since, reached.days, reached.on.isoformat(), None))
    return stale, fresh


def _streak_of(reached_on: str, since: str, begun: list[date]) -> str:
    """The first day of the streak that holds an active day; `since` where it was not judged now."""
    index = bisect_right(begun, date.fromisoformat(reached_on))
    return begun[index - 1].isoformat() if index else since
