"""Members as the documents show them. Reads only."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from peewee import Expression, ModelSelect

from trcpoints.db.engine import Engine
from trcpoints.db.fields import from_driver
from trcpoints.db.models import (
    IS_AWAITING_BASELINE,
    Activity,
    FederationSource,
    LedgerEntry,
    Member,
    MemberEdit,
    MemberLink,
)
from trcpoints.documents.members import (
    ActivityRow,
    MemberDetail,
    MemberEditRow,
    MemberLinkRow,
    MemberRow,
    MembersListDocument,
    MembersShowDocument,
)
from trcpoints.documents.points import LedgerRow
from trcpoints.members.holds import holds_of
from trcpoints.members.judged import is_judged, job_judged_through
from trcpoints.members.lookup import find_member

_COMPUTED = {"member_id", "streak_paused", "awaiting_baseline"}
_ROW_FIELDS = [name for name in MemberRow.__struct_fields__ if name not in _COMPUTED]
_KEPT = ["id", *(name for name in MemberDetail.__struct_fields__ if name not in _COMPUTED)]
_TRUTHS = ("active", "rebaseline")
_MOMENTS = ("left_at", "held_at", "last_active_at", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which members to list: those for whom everything that is set holds."""

    inactive: bool = False
    left: bool = False
    unlinked: bool = False
    awaiting_baseline: bool = False


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
        links=_links(member),
        edits=_edits(member),
        holds=holds_of(member, limit),
    )


@contextmanager
def exported_members(engine: Engine) -> Iterator[tuple[int, Iterator[MemberDetail]]]:
    """How many members there are, and these, in the order of their ids, never all in memory."""
    fields = [getattr(Member, name) for name in _KEPT]
    query = Member.select(*fields).order_by(Member.id)
    # Closed before the database is, also where nobody reads to the end.
    with engine.snapshot(), closing(_stream(engine, query)) as rows:
        judged = job_judged_through()
        yield (
            Member.select().count(),
            (_detail(dict(zip(_KEPT, row, strict=True)), judged) for row in rows),
        )


def _stream(engine: Engine, query: ModelSelect[Any]) -> Generator[tuple[Any, ...], None, None]:
    yield from engine.stream(query)


def detail(member: Member) -> MemberDetail:
    """Everything that is kept of a member."""
    return _detail({name: getattr(member, name) for name in _KEPT}, job_judged_through())


def _detail(kept: dict[str, Any], job_judged: str | None) -> MemberDetail:
    """A member from the columns that are kept of one, as the driver or a model gives them."""
    for name in _TRUTHS:
        kept[name] = bool(kept[name])
    for name in _MOMENTS:
        kept[name] = from_driver(kept[name])
    return MemberDetail(
        member_id=str(kept.pop("id")),
        streak_paused=not is_judged(kept["subscription_status"], active=kept["active"]),
        awaiting_baseline=_is_awaiting_baseline(
            rebaseline=kept["rebaseline"], discord_id=kept["discord_id"], active=kept["active"]
        ),
        judged_through=kept.pop("judged_through") or job_judged,
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
    if filters.awaiting_baseline:
        conditions.append(IS_AWAITING_BASELINE)
    return conditions


def _row(member: Member) -> MemberRow:
    kept = {name: getattr(member, name) for name in _ROW_FIELDS}
    awaiting = _is_awaiting_baseline(
        rebaseline=member.rebaseline, discord_id=member.discord_id, active=member.active
    )
    return MemberRow(member_id=str(member.id), awaiting_baseline=awaiting, **kept)


def _is_awaiting_baseline(*, rebaseline: bool, discord_id: str | None, active: bool) -> bool:
    """Return whether a sync will baseline such a member, as `IS_AWAITING_BASELINE` says in SQL."""
    return rebaseline and discord_id is not None and active


def _activity_row(record: Activity) -> ActivityRow:
    return msgspec.convert(record, ActivityRow, from_attributes=True)


def _links(member: Member) -> list[MemberLinkRow]:
    links = list(
        MemberLink.select()
        .where(MemberLink.member == member.id)
        .order_by(MemberLink.connector, MemberLink.organization, MemberLink.id)
    )
    scopes = [f"{link.connector}/{link.organization}" for link in links]
    read = {
        source.scope: source.last_synced_at
        for source in FederationSource.select().where(FederationSource.scope.in_(scopes))
    }
    return [_link_row(link, read.get(scope)) for link, scope in zip(links, scopes, strict=True)]


def _link_row(link: MemberLink, read_at: datetime | None) -> MemberLinkRow:
    # A record that was read and had not changed is not written anew; of one that is rejected the
    # digest is empty.
    seen_at = link.synced_at
    if link.missing_since is None and link.digest and read_at is not None:
        seen_at = max(seen_at, read_at)
    return MemberLinkRow(
        connector=link.connector,
        organization=link.organization,
        external_id=link.external_id,
        last_synced_at=seen_at,
        missing_since=link.missing_since,
    )


def _edits(member: Member) -> list[MemberEditRow]:
    edits = MemberEdit.select().where(MemberEdit.member == member.id).order_by(MemberEdit.field)
    return [msgspec.convert(edit, MemberEditRow, from_attributes=True) for edit in edits]
