"""What `trcpoints members` shows a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trcpoints.cli.tables import grid, moment, number, table
from trcpoints.cli.text import counted, harmless
from trcpoints.documents.members import (
    ActivityRow,
    MemberDetail,
    MemberEditRow,
    MemberHold,
    MemberLinkRow,
    MemberRow,
    MembersListDocument,
    MembersSetDocument,
    MembersShowDocument,
)
from trcpoints.documents.points import LedgerRow

if TYPE_CHECKING:
    from rich.console import RenderableType


def title(member: MemberRow) -> str:
    """A member in a few words."""
    name = member.name or member.email or ""
    return f"member {member.member_id} {harmless(name)}".rstrip()


def render_list(document: MembersListDocument) -> RenderableType:
    """A table, and how many of how many it shows."""
    from rich.console import Group

    shown = table("id!", "name", "e-mail", "Discord id|", "status|", "points!", "XP!", "state")
    for member in document.members:
        shown.add_row(
            member.member_id,
            harmless(member.name or ""),
            harmless(member.email or ""),
            member.discord_id or "",
            member.subscription_status,
            f"{member.points:,}",
            number(member.xp_total),
            _state(member),
        )
    return Group(shown, f"{len(document.members):,} of {counted(document.total, 'member')}")


def render_detail(member: MemberDetail) -> RenderableType:
    """Everything that is kept of a member, what is empty left out."""
    lines = [
        ("name", member.name),
        ("Discord id", member.discord_id),
        ("e-mail", member.email),
        ("subscription", member.subscription_status),
        ("first name", member.first_name),
        ("last name", member.last_name),
        ("date of birth", member.date_of_birth),
        ("phone", member.phone),
        ("address", member.address),
        ("state", _state(member)),
        ("points", f"{member.points:,}"),
        ("XP", number(member.xp_total)),
        ("carry", f"{member.carry:+d}" if member.carry else None),
        ("streak", _streak(member)),
        ("last active", moment(member.last_active_at)),
        ("created", moment(member.created_at)),
    ]
    kept = [(label, harmless(value)) for label, value in lines if value]
    return grid([("member", member.member_id), *kept])


def render_set(document: MembersSetDocument) -> RenderableType:
    """What was changed, and the member as they are now."""
    from rich.console import Group

    changed = ", ".join(document.changed) or "nothing, it was so already"
    return Group(f"changed: {changed}", render_detail(document.member))


def render_show(document: MembersShowDocument) -> RenderableType:
    """A member with their newest entries and records."""
    from rich.console import Group

    return Group(
        render_detail(document.member),
        "",
        _ledger(document.ledger),
        "",
        _activity(document.activity),
        *_links(document.links),
        *_edits(document.edits),
        *_holds(document.holds),
    )


def _ledger(entries: Sequence[LedgerRow]) -> RenderableType:
    if not entries:
        return "no entries in the ledger"
    shown = table("when (UTC)|", "points!", "source", "key", "note")
    for entry in entries:
        shown.add_row(
            moment(entry.occurred_at),
            f"{entry.points:+,}",
            entry.source,
            harmless(entry.idempotency_key),
            harmless(entry.note or ""),
        )
    return shown


def _activity(records: Sequence[ActivityRow]) -> RenderableType:
    if not records:
        return "no activity seen by a sync"
    shown = table("when (UTC)|", "XP!", "change!", "activity", "sync")
    for record in records:
        shown.add_row(
            moment(record.synced_at),
            f"{record.xp_total:,}",
            "baseline" if record.xp_delta is None else f"{record.xp_delta:+,}",
            record.activity_type,
            harmless(record.sync_id),
        )
    return shown


def _links(links: Sequence[MemberLinkRow]) -> Iterator[RenderableType]:
    if not links:
        return
    shown = table("federation", "record", "last synced (UTC)|", "missing since (UTC)|")
    for link in links:
        shown.add_row(
            harmless(f"{link.connector}/{link.organization}"),
            harmless(link.external_id),
            moment(link.last_synced_at),
            moment(link.missing_since),
        )
    yield ""
    yield shown


def _edits(edits: Sequence[MemberEditRow]) -> Iterator[RenderableType]:
    if not edits:
        return
    shown = table("set by hand", "by", "when (UTC)|")
    for edit in edits:
        name = edit.field.replace("_", " ")
        shown.add_row(name, harmless(edit.modified_by), moment(edit.modified_at))
    yield ""
    yield shown


def _holds(holds: Sequence[MemberHold]) -> Iterator[RenderableType]:
    if not holds:
        return
    shown = table("held since (UTC)|", "XP!", "XP seen!", "points!", "state")
    for hold in holds:
        state = f"accepted by {hold.accepted_by}" if hold.accepted_by else "waits"
        if hold.ending:
            state = f"{hold.ending} by {hold.made_by}, {moment(hold.ended_at)}"
        figures = (f"{hold.xp_tracked:,}", f"{hold.xp_seen:,}", f"{hold.points:+,}")
        shown.add_row(moment(hold.since), *figures, harmless(state))
    yield ""
    yield shown


def _streak(member: MemberDetail) -> str | None:
    if not (member.longest_streak or member.judged_through):
        return None
    told = f"{counted(member.current_streak, 'weekday')}, the longest {member.longest_streak:,}"
    if member.judged_through:
        told += f"; judged through {member.judged_through}"
    return f"{told}, paused" if member.streak_paused else told


def _state(member: MemberRow) -> str:
    words = [
        "" if member.active else "inactive",
        "" if member.discord_id else "unlinked",
        f"left {moment(member.left_at)}" if member.left_at else "",
        "awaiting baseline" if member.awaiting_baseline else "",
        f"held since {moment(member.held_at)}" if member.held_at else "",
    ]
    return ", ".join(word for word in words if word)
