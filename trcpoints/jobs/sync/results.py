"""What a plan makes of each member, as the document of the sync names them."""

from __future__ import annotations

from trcpoints.documents.sync import SyncHeldMember, SyncResult
from trcpoints.jobs.sync.plan import SyncPlan


def results(plan: SyncPlan) -> list[SyncResult]:
    """The members whose XP is new: baselined, gained or lost."""
    return [
        SyncResult(
            member_id=str(verdict.after.member_id),
            discord_id=verdict.after.discord_id,
            name=verdict.after.name,
            xp_before=verdict.before.xp_total if verdict.xp_delta is not None else None,
            xp_after=verdict.after.xp_total or 0,
            xp_delta=verdict.xp_delta,
            points=verdict.awarded,
            carry=verdict.after.carry,
        )
        for verdict in plan.verdicts
        if verdict.recorded and verdict.xp_delta != 0
    ]


def held(plan: SyncPlan) -> list[SyncHeldMember]:
    """The members who are held after the sync."""
    return [
        SyncHeldMember(
            member_id=str(verdict.before.member_id),
            discord_id=verdict.before.discord_id,
            name=verdict.before.name,
            kind=verdict.hold.kind,
            xp_tracked=verdict.before.xp_total or 0,
            xp_seen=verdict.hold.xp_seen,
            points=verdict.hold.points,
            is_new=verdict.hold.hold_id is None,
        )
        for verdict in plan.held
        if verdict.hold is not None
    ]
