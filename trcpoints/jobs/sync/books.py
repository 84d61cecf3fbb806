"""The sync's side of the database: whom to look for, what is known of them, what is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import starmap

from trcpoints.db.engine import Engine, Row
from trcpoints.db.fields import from_driver, to_text
from trcpoints.db.models import Member
from trcpoints.errors import KeyConflict
from trcpoints.jobs.sync.plan import MemberState, SyncPlan, Verdict
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
)
_IS_SYNCED = Member.discord_id.is_null(False) & Member.active
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


def read_wanted(engine: Engine) -> set[str]:
    """The Discord ids of the members who are synced (design, section 2.2)."""
    query = Member.select(Member.discord_id).where(_IS_SYNCED)
    return {discord_id for (discord_id,) in engine.raw_rows(query)}


def read_states(engine: Engine) -> Iterator[MemberState]:
    """The state of the members who are synced, in one query."""
    return starmap(MemberState, engine.raw_rows(Member.select(*_STATE).where(_IS_SYNCED)))


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


def _is_newest(verdict: Verdict, occurred_at: datetime) -> bool:
    """Whether the verdict's award is the last that the member was active for."""
    if verdict.awarded <= 0:
        return False
    known = from_driver(verdict.after.last_active_at)
    return known is None or known < occurred_at
