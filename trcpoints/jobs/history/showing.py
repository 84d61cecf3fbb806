"""Everything about one run. The cost follows what the run did, not the books. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Literal

from peewee import Field, ModelSelect, fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import HAS_LEFT, Activity, LedgerEntry, Member, Milestone, Run
from trcpoints.documents.history import (
    HistoryAward,
    HistoryMember,
    HistoryRecord,
    HistoryRun,
    HistoryShowDocument,
)
from trcpoints.documents.streaks import StreakMilestone
from trcpoints.errors import DataRefused, NotFound
from trcpoints.jobs.history.conflicts import conflicts_of
from trcpoints.jobs.history.holds import holds_begun, holds_ended
from trcpoints.jobs.history.reading import COLUMNS, run_of
from trcpoints.jobs.memory import FEDERATION_JOB, SYNC_JOB
from trcpoints.records import quoted, why_unstorable

_RANGES = (Run.entries_after, Run.entries_through, Run.records_after, Run.records_through)
_LIKELY = 200
"""Of so many runs, the newest, a mistyped id may be one."""

_NAMED = 5
_LIST = "trcpoints history list"

Range = tuple[int | None, int | None]
"""Ids above the first, up to the second; None: there are none."""


def show_run(engine: Engine, reference: str) -> HistoryShowDocument:
    """The run of an id, or of the beginning of only one; what it did to whom.

    Raises NotFound, and DataRefused where the ids of several runs begin so.
    """
    with engine.snapshot():
        run_id = _find(reference.strip())
        (row,) = engine.raw_rows(Run.select(*COLUMNS, *_RANGES).where(Run.id == run_id))
        run, ranges = run_of(row[: len(COLUMNS)]), row[len(COLUMNS) :]
        records = list(_records(engine, ranges[2:]))
        return HistoryShowDocument(
            run=run,
            awards=list(_awards(engine, ranges[:2], records)),
            records=records,
            left=list(_left(engine, run)) if run.job == SYNC_JOB else [],
            milestones=list(_milestones(engine, run_id)),
            conflicts=conflicts_of(run_id) if run.job == FEDERATION_JOB else [],
            held=holds_begun(run_id) if run.job == SYNC_JOB else [],
            released=holds_ended(run_id) if run.job == SYNC_JOB else [],
        )


def _awards(engine: Engine, made: Range, records: list[HistoryRecord]) -> Iterator[HistoryAward]:
    seen = {record.member_id: record for record in records}
    query = LedgerEntry.select(
        LedgerEntry.member,
        LedgerEntry.id,
        Member.discord_id,
        Member.name,
        LedgerEntry.source,
        LedgerEntry.points,
    )
    rows = _of_members(engine, query, LedgerEntry.id, made)
    for member, key, discord_id, name, source, points in rows:
        record = seen.get(str(member))
        yield HistoryAward(
            member_id=str(member),
            discord_id=record.discord_id if record else discord_id,
            name=name,
            entry_id=str(key),
            source=source,
            points=points,
            xp_delta=record.xp_delta if record else None,
        )


def _records(engine: Engine, made: Range) -> Iterator[HistoryRecord]:
    query = Activity.select(
        Activity.member, Activity.discord_id, Member.name, Activity.xp_delta, Activity.xp_total
    )
    rows = _of_members(engine, query, Activity.id, made)
    for member, discord_id, name, delta, total in rows:
        yield HistoryRecord(
            member_id=str(member),
            discord_id=discord_id,
            name=name,
            outcome=_outcome(delta),
            xp_delta=delta,
            xp_total=total,
        )


def _outcome(xp_delta: int | None) -> Literal["baselined", "gained", "lost", "quiet"]:
    if xp_delta is None:
        return "baselined"
    if xp_delta == 0:
        return "quiet"
    return "gained" if xp_delta > 0 else "lost"


def _left(engine: Engine, run: HistoryRun) -> Iterator[HistoryMember]:
    """Those who bear the mark of this sync: its start (design, section 2.3)."""
    query = (
        Member.select(Member.id, Member.discord_id, Member.name)
        .where(HAS_LEFT & (Member.left_at == run.started_at))
        .order_by(Member.id)
    )
    for member, discord_id, name in engine.raw_rows(query):
        yield HistoryMember(member_id=str(member), discord_id=discord_id, name=name)


def _milestones(engine: Engine, run_id: str) -> Iterator[StreakMilestone]:
    query = (
        Milestone.select(Milestone.member, Member.name, Milestone.days)
        .join(Member)
        .where(Milestone.run_id == run_id)
        .order_by(Milestone.member, Milestone.reached_on, Milestone.days)
    )
    for member, name, days in engine.raw_rows(query):
        yield StreakMilestone(str(member), name, days)


def _of_members(
    engine: Engine, query: ModelSelect[Any], key: Field[Any], made: Range
) -> list[tuple[Any, ...]]:
    """Rows that the run made, each with its member, whose id comes first and orders them."""
    after, through = made
    if after is None:
        return []
    # Sorted here: asked for this order, a database may take the way over all members.
    rows = engine.raw_rows(query.join(Member).where((key > after) & (key <= through)))
    return sorted(rows, key=itemgetter(0))


def _find(reference: str) -> str:
    if not reference:
        raise DataRefused("The id of a run is empty.", hint=f"See what there is: {_LIST}")
    if why_unstorable(reference):
        raise _not_found(reference, [])
    if _ids(Run.select(Run.id).where(Run.id == reference)):
        return reference
    begins = fn.SUBSTR(Run.id, 1, len(reference)) == reference
    found = _ids(Run.select(Run.id).where(begins).order_by(Run.id.desc()).limit(_NAMED + 1))
    if len(found) == 1:
        return found[0]
    if found:
        more = ", …" if len(found) > _NAMED else ""
        raise DataRefused(
            f"The ids of several runs begin with {quoted(reference)}: "
            f"{', '.join(found[:_NAMED])}{more}.",
            hint=f"Say more of the id; see them all: {_LIST}",
        )
    newest = Run.select(Run.id).order_by(Run.started_at.desc()).limit(_LIKELY)
    raise _not_found(reference, _ids(newest))


def _not_found(reference: str, known: list[str]) -> NotFound:
    import difflib

    near = difflib.get_close_matches(reference, known, n=1)
    hint = f"See what there is: {_LIST}"
    if near:
        hint = f"Is it this one? trcpoints history show {near[0]}  {hint}"
    return NotFound(f"There is no run {quoted(reference)}.", hint=hint)


def _ids(query: ModelSelect[Any]) -> list[str]:
    return [run.id for run in query]
