"""Conflicts as documents, and what somebody decides about one."""

from __future__ import annotations

from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.db.models import Conflict, Member
from trcpoints.documents.federation import (
    FederationConflictsKeepDocument,
    FederationConflictsListDocument,
    FederationConflictsShowDocument,
    Side,
)
from trcpoints.errors import NotFound
from trcpoints.federation.engine import keep
from trcpoints.jobs.history.conflicts import conflict_row, is_waiting
from trcpoints.members.lookup import LARGEST_ID


def list_conflicts(
    engine: Engine, *, everything: bool, limit: int, page: int
) -> FederationConflictsListDocument:
    """A page of the conflicts, the newest first: those that wait for a decision, or all."""
    with engine.snapshot():
        query = Conflict.select(Conflict, Member.id, Member.name).join(Member)
        if not everything:
            query = query.where(is_waiting(engine))
        found = query.order_by(Conflict.id.desc()).paginate(page, limit)
        return FederationConflictsListDocument(
            total=query.count(),
            page=page,
            limit=limit,
            conflicts=[conflict_row(one) for one in found],
        )


def show_conflict(engine: Engine, conflict_id: int) -> FederationConflictsShowDocument:
    """One conflict; raises NotFound."""
    with engine.snapshot():
        found = _found(conflict_id)
        return FederationConflictsShowDocument(conflict=conflict_row(found), now=_now(found))


def decide_conflict(
    engine: Engine, conflict_id: int, side: Side, by: str, now: datetime
) -> FederationConflictsKeepDocument:
    """Let one side have its way. Raises as `keep`."""
    keep(engine, conflict_id, side, by, now)
    shown = show_conflict(engine, conflict_id)
    return FederationConflictsKeepDocument(conflict=shown.conflict, now=shown.now)


def _found(conflict_id: int) -> Conflict:
    is_key = 0 < conflict_id <= LARGEST_ID
    query = Conflict.select(Conflict, Member).join(Member).where(Conflict.id == conflict_id)
    found: Conflict | None = query.first() if is_key else None
    if found is None:
        raise NotFound(
            f"There is no conflict {conflict_id}.",
            hint="See what there is: trcpoints federation conflicts list --all",
        )
    return found


def _now(conflict: Conflict) -> str | None:
    value: str | None = getattr(conflict.member, conflict.field)
    return value
