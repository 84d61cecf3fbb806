"""Conflicts with federations as the documents show them (design, section 8). Reads only."""

from __future__ import annotations

from typing import cast

from peewee import Case, ColumnBase, Expression, fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import PROFILE_FIELDS, Conflict, Member, MemberLink
from trcpoints.documents.federation import FederationConflictRow, Side

_FIELDS = ("discord_id", "email", "subscription_status", *PROFILE_FIELDS)
"""What a conflict may be over, by the member's column."""


def conflicts_of(run_id: str) -> list[FederationConflictRow]:
    """Those that a run found, in the order in which it did."""
    found = Conflict.select(Conflict, Member.id, Member.name).join(Member)
    query = found.where(Conflict.run_id == run_id).order_by(Conflict.id)
    return [conflict_row(one) for one in query]


def is_waiting(engine: Engine) -> Expression:
    """The condition of the conflicts, joined with their members, that wait for a decision.

    Nobody has decided them, and somebody still can: the field is as they left it, the federation
    still says what it said then, and there is no newer conflict over it.
    """
    newer = Conflict.alias()
    overtaken = newer.select(newer.id).where(
        (newer.member == Conflict.member)
        & (newer.field == Conflict.field)
        & (newer.id > Conflict.id)
    )
    now = Case(Conflict.field, [(name, getattr(Member, name)) for name in _FIELDS])
    as_left = (now == Conflict.resolved) | (now.is_null() & Conflict.resolved.is_null())
    said = engine.json_text(MemberLink.base, Conflict.field)
    # What is empty is NULL on both sides; a member without a link has heard nothing since. The
    # two names as one text: by an index of them, every link would be read for each conflict.
    moved = MemberLink.select(MemberLink.id).where(
        (MemberLink.member == Conflict.member)
        & (_place(MemberLink) == _place(Conflict))
        & (fn.COALESCE(said, "") != fn.COALESCE(Conflict.federation, ""))
    )
    waiting: Expression = (
        Conflict.kept.is_null() & as_left & ~fn.EXISTS(overtaken) & ~fn.EXISTS(moved)
    )
    return waiting


def _place(model: type[MemberLink | Conflict]) -> ColumnBase:
    place: ColumnBase = model.connector.concat("/").concat(model.organization)
    return place


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
