"""Members as the documents show them. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from peewee import Expression

from trcpoints.db.models import Activity, LedgerEntry, Member
from trcpoints.documents.members import (
    ActivityRow,
    MemberDetail,
    MemberRow,
    MembersExportDocument,
    MembersListDocument,
    MembersShowDocument,
)
from trcpoints.documents.points import LedgerRow
from trcpoints.members.judged import is_judged, job_judged_through
from trcpoints.members.lookup import find_member

_ROW_FIELDS = [name for name in MemberRow.__struct_fields__ if name != "member_id"]
_COMPUTED = {"member_id", "streak_paused", "judged_through"}
_DETAIL_FIELDS = [name for name in MemberDetail.__struct_fields__ if name not in _COMPUTED]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which members to list: those for whom everything that is set holds."""

    inactive: bool = False
    left: bool = False
    unlinked: bool = False


def list_members(filters: Filters, limit: int) -> MembersListDocument:
    """The first members that the filters let through, and the number of all of these."""
    query = Member.select()
    for condition in _conditions(filters):
        query = query.where(condition)
    members = [_row(member) for member in query.order_by(Member.id).limit(limit)]
    return MembersListDocument(total=query.count(), members=members)


def show_member(reference: str, limit: int) -> MembersShowDocument:
    """One member, with at most `limit` entries and records; raises what `find_member` raises."""
    member = find_member(reference)
    ledger = (
        LedgerEntry.select()
        .where(LedgerEntry.member == member.id)
        .order_by(LedgerEntry.occurred_at.desc(), LedgerEntry.id.desc())
        .limit(limit)
    )
    activity = (
        Activity.select()
        .where(Activity.member == member.id)
        .order_by(Activity.id.desc())
        .limit(limit)
    )
    return MembersShowDocument(
        member=detail(member),
        ledger=[ledger_row(entry) for entry in ledger],
        activity=[_activity_row(record) for record in activity],
    )


def export_members() -> MembersExportDocument:
    """All members, in the order of their ids."""
    judged = job_judged_through()
    members = Member.select().order_by(Member.id)
    return MembersExportDocument(members=[_detail(member, judged) for member in members])


def detail(member: Member) -> MemberDetail:
    """Everything that is kept of a member."""
    return _detail(member, job_judged_through())


def _detail(member: Member, job_judged: str | None) -> MemberDetail:
    kept = {name: getattr(member, name) for name in _DETAIL_FIELDS}
    return MemberDetail(
        member_id=str(member.id),
        streak_paused=not is_judged(member),
        judged_through=member.judged_through or job_judged,
        **kept,
    )


def ledger_row(entry: LedgerEntry) -> LedgerRow:
    """One entry of the ledger."""
    return LedgerRow(
        entry_id=str(entry.id),
        member_id=str(entry.member_id),
        source=entry.source,
        points=entry.points,
        idempotency_key=entry.idempotency_key,
        occurred_at=entry.occurred_at,
        created_at=entry.created_at,
        note=entry.note,
        sync_id=entry.sync_id,
    )


def _conditions(filters: Filters) -> list[Expression]:
    conditions: list[Expression] = []
    if filters.inactive:
        conditions.append(Member.active == False)  # noqa: E712 (SQL, not Python)
    if filters.left:
        conditions.append(Member.left_at.is_null(False))
    if filters.unlinked:
        conditions.append(Member.discord_id.is_null())
    return conditions


def _row(member: Member) -> MemberRow:
    kept = {name: getattr(member, name) for name in _ROW_FIELDS}
    return MemberRow(member_id=str(member.id), **kept)


def _activity_row(record: Activity) -> ActivityRow:
    return msgspec.convert(record, ActivityRow, from_attributes=True)
