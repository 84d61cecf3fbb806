"""Conflicts with federations as the documents show them (design, section 8). Reads only."""

from __future__ import annotations

from typing import cast

from trcpoints.db.models import Conflict, Member
from trcpoints.documents.federation import FederationConflictRow, Side


def conflicts_of(run_id: str) -> list[FederationConflictRow]:
    """Those that a run found, in the order in which it did."""
    found = Conflict.select(Conflict, Member.id, Member.name).join(Member)
    query = found.where(Conflict.run_id == run_id).order_by(Conflict.id)
    return [conflict_row(one) for one in query]


def conflict_row(conflict: Conflict) -> FederationConflictRow:
    """One conflict, which was read with its member."""
    return FederationConflictRow(
        conflict_id=str(conflict.id),
        run_id=conflict.run_id,
        member_id=str(conflict.member_id),
        name=conflict.member.name,
        connector=conflict.connector,
        organization=conflict.organization,
        field=conflict.field,
        base=conflict.base,
        federation=conflict.federation,
        ours=conflict.ours,
        resolved=conflict.resolved,
        strategy=conflict.strategy,
        note=conflict.note,
        created_at=conflict.created_at,
        kept=cast("Side | None", conflict.kept),
        kept_at=conflict.kept_at,
        kept_by=conflict.kept_by,
    )
