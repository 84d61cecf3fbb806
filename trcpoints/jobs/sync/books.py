"""The sync's side of the database: whom to look for, what is known of them, what is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import starmap

from peewee import Case, Expression, fn

from trcpoints.db.engine import Engine, Row, portions
from trcpoints.db.fields import from_driver, to_text
from trcpoints.db.models import IS_UNTRACKED, LedgerEntry, Member, Run
from trcpoints.errors import KeyConflict
from trcpoints.jobs.memory import SYNC_JOB
from trcpoints.jobs.sync import hold_rows
from trcpoints.jobs.sync.plan import SyncPlan
from trcpoints.jobs.sync.verdicts import MemberState, Verdict
from trcpoints.mee6.leaderboard import Leaderboard
from trcpoints.points.conversion import SYNC_SOURCE
from trcpoints.points.daily import add_to_days
from trcpoints.points.streaks.repair import repair_late

ACTIVITY_TYPE = "MESSAGE"

_STATE = (
    Member.id,
    Member.discord_id,
    Member.name,
    Member.xp_total,
    Member.carry,
    Member.points,
    Member.quiet,
    Member.left_at,
    Member.absences,
    Member.deferrals,
    Member.rebaseline,
    Member.last_active_at,
    Member.known_at,
    Member.held_at,
)
_IS_SYNCED = Member.discord_id.is_null(False) & Member.active
_IS_SETTLED = (
    # Without XP they would not be at risk (section 2.5), as all are who are not looked at.
    (Member.xp_total > 0)
    & Member.quiet
    & Member.left_at.is_null()
    & ~Member.rebaseline
    & (Member.deferrals == 0)
    & Member.known_at.is_null()
    & Member.held_at.is_null()
)
"""Nothing is to be written of whom the board has with the XP known.

Only a sync settles members, and there is one at a time; whatever else changes their account or
their XP, or makes them active again, unsettles them (`trcpoints.members.fields.UNLINKED`,
`trcpoints.federation.engine.applying`). So who is settled when a sync writes was so when it began
to read the board, with the same account and the same XP.
"""

_LOOKED_UP = 200_000
"""Members looked up by one query, during which no signal is heard before its first row."""

_UPDATED = (
    "id",
    "xp_total",
    "carry",
    "points",
    "quiet",
    "left_at",
    "absences",
    "deferrals",
    "rebaseline",
    "last_active_at",
)
_MARKED = ("id", "known_at", "held_at")
_RECORDED = (
    "member_id",
    "discord_id",
    "activity_type",
    "xp_delta",
    "xp_total",
    "synced_at",
    "sync_id",
)
_ENTERED = (
    "member_id",
    "source",
    "points",
    "idempotency_key",
    "occurred_at",
    "created_at",
    "sync_id",
)


def read_known(engine: Engine) -> dict[int, int | None]:
    """The Discord ids of the members who are synced (design, section 2.2), with the XP of those
    of whom there is nothing to write while it stays so."""
    xp = Case(None, [(_IS_SETTLED, Member.xp_total)])
    query = Member.select(Member.discord_id, xp).where(_IS_SYNCED)
    return {int(discord_id): known for discord_id, known in engine.raw_rows(query)}


def read_states(engine: Engine, board: Leaderboard, *, everybody: bool) -> Iterator[MemberState]:
    """The states of the members of whom something may be written; of all, with `everybody`.

    The others are settled, and have the XP known. The board must have been read for `read_known`,
    and no sync may have been completed since; nobody may write members meanwhile, as nobody can
    who waits for the books lock.
    """
    if everybody:
        yield from _states(engine, _IS_SYNCED)
        return
    yield from _states(engine, _IS_SYNCED & ~_IS_SETTLED)
    unlike = itertools.chain(board.news, board.missing, board.unreadable)
    settled_then = (str(key) for key in unlike if board.known[key] is not None)
    for keys in portions(settled_then, _LOOKED_UP):
        is_looked_up = engine.is_among(Member.discord_id, keys)
        yield from _states(engine, _IS_SYNCED & _IS_SETTLED & is_looked_up)


def count_synced() -> int:
    """How many members are synced."""
    untracked: int = Member.select().where(IS_UNTRACKED).count()
    return int(Member.select().count()) - untracked


def count_awarded() -> int:
    """How many points syncs have awarded in all; what they deducted is not taken off."""
    query = LedgerEntry.select(fn.SUM(LedgerEntry.points))
    awarded = query.where((LedgerEntry.source == SYNC_SOURCE) & (LedgerEntry.points > 0)).scalar()
    return int(awarded or 0)


def latest_sync(started_at: datetime, previous: datetime | None) -> datetime | None:
    """Return when the sync before this one began, by any clock that may have been right.

    `previous` is when the one that was completed last began. Where it went by a clock that was far
    behind, the time since then would make any gain plausible: the newest sync on record that did
    not begin after this one began later.
    """
    is_before = (Run.job == SYNC_JOB) & (Run.status == "completed") & (Run.started_at <= started_at)
    newest = Run.select(Run.started_at).where(is_before).order_by(Run.started_at.desc()).first()
    known = [previous, None if newest is None else newest.started_at]
    return max((moment for moment in known if moment is not None), default=None)


def _states(engine: Engine, condition: Expression) -> Iterator[MemberState]:
    return starmap(MemberState, engine.raw_rows(Member.select(*_STATE).where(condition)))


def apply(
    engine: Engine, plan: SyncPlan, *, sync_id: str, started_at: datetime, occurred_at: datetime
) -> None:
    """Write a plan, inside the caller's transaction (`Engine.books`). Raises KeyConflict."""
    verdicts = plan.verdicts
    try:
        engine.insert_rows("discord_activity", _RECORDED, _records(verdicts, sync_id, started_at))
    except Exception as fault:
        if not engine.is_duplicate(fault):
            raise
        raise KeyConflict(
            f"{sync_id} is the id of an earlier sync, whose record was pruned.",
            hint="Choose another id.",
        ) from fault
    engine.insert_rows("ledger", _ENTERED, _entries(verdicts, sync_id, started_at, occurred_at))
    engine.update_rows("member", _UPDATED, _updates(verdicts, started_at, occurred_at))
    engine.update_rows("member", _MARKED, _marks(verdicts))
    hold_rows.write(engine, verdicts, sync_id=sync_id, started_at=started_at)
    add_to_days((occurred_at, points) for points in (plan.points.awarded, -plan.points.deducted))
    gained = (verdict for verdict in verdicts if verdict.awarded > 0)
    repair_late(engine, ((verdict.after.member_id, occurred_at) for verdict in gained))


def _records(verdicts: Iterable[Verdict], sync_id: str, started_at: datetime) -> Iterator[Row]:
    synced_at = to_text(started_at)
    for verdict in verdicts:
        if verdict.recorded:
            after = verdict.after
            yield (
                after.member_id,
                after.discord_id,
                ACTIVITY_TYPE,
                verdict.xp_delta,
                after.xp_total,
                synced_at,
                sync_id,
            )


def _entries(
    verdicts: Iterable[Verdict], sync_id: str, started_at: datetime, occurred_at: datetime
) -> Iterator[Row]:
    occurred, created = to_text(occurred_at), to_text(started_at)
    for verdict in verdicts:
        if verdict.awarded:
            member_id = verdict.after.member_id
            key = f"{sync_id}:{member_id}"
            yield (member_id, SYNC_SOURCE, verdict.awarded, key, occurred, created, sync_id)


def _updates(
    verdicts: Iterable[Verdict], started_at: datetime, occurred_at: datetime
) -> Iterator[Row]:
    left, occurred = to_text(started_at), to_text(occurred_at)
    for verdict in verdicts:
        after = verdict.after
        if after == verdict.before and not verdict.leaving:
            continue
        yield (
            after.member_id,
            after.xp_total,
            after.carry,
            after.points,
            after.quiet,
            left if verdict.leaving else after.left_at,
            after.absences,
            after.deferrals,
            after.rebaseline,
            occurred if _is_newest(verdict, occurred_at) else after.last_active_at,
        )


def _marks(verdicts: Iterable[Verdict]) -> Iterator[Row]:
    """The marks of the few whose hold begins or ends, or who were not seen or are seen again."""
    for verdict in verdicts:
        before, after = verdict.before, verdict.after
        if after.known_at != before.known_at or after.held_at != before.held_at:
            yield (after.member_id, after.known_at, after.held_at)


def _is_newest(verdict: Verdict, occurred_at: datetime) -> bool:
    """Whether the verdict's award is the last that the member was active for."""
    if verdict.awarded <= 0:
        return False
    known = from_driver(verdict.after.last_active_at)
    return known is None or known < occurred_at
