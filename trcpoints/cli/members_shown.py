"""What `trcpoints members` shows a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trcpoints.cli.text import counted, harmless
from trcpoints.documents import (
    ActivityRow,
    LedgerRow,
    MemberDetail,
    MemberRow,
    MembersListDocument,
    MembersSetDocument,
    MembersShowDocument,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def title(member: MemberRow) -> str:
    """A member in a few words."""
    name = member.name or member.email or ""
    return f"member {member.member_id} {harmless(name)}".rstrip()


def render_list(document: MembersListDocument) -> RenderableType:
    """A table, and how many of how many it shows."""
    from rich.console import Group

    table = _table("id!", "name", "e-mail", "Discord id", "subscription", "points!", "XP!", "state")
    for member in document.members:
        table.add_row(
            member.member_id,
            harmless(member.name or ""),
            harmless(member.email or ""),
            member.discord_id or "",
            member.subscription_status,
            f"{member.points:,}",
            _number(member.xp_total),
            _state(member),
        )
    return Group(table, f"{len(document.members):,} of {counted(document.total, 'member')}")


def render_detail(member: MemberDetail) -> RenderableType:
    """Everything that is kept of a member, what is empty left out."""
    from rich.table import Table

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
        ("XP", _number(member.xp_total)),
        ("carry", f"{member.carry:+d}" if member.carry else None),
        ("last active", _moment(member.last_active_at)),
        ("created", _moment(member.created_at)),
    ]
    grid = Table.grid(padding=(0, 2))
    grid.add_row("member", member.member_id)
    for label, value in lines:
        if value:
            grid.add_row(label, harmless(value))
    return grid


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
    )


def _ledger(entries: Sequence[LedgerRow]) -> RenderableType:
    if not entries:
        return "no entries in the ledger"
    table = _table("happened", "points!", "source", "key", "note")
    for entry in entries:
        table.add_row(
            _moment(entry.occurred_at),
            f"{entry.points:+,}",
            entry.source,
            harmless(entry.idempotency_key),
            harmless(entry.note or ""),
        )
    return table


def _activity(records: Sequence[ActivityRow]) -> RenderableType:
    if not records:
        return "no activity seen by a sync"
    table = _table("synced", "XP!", "change!", "activity", "sync")
    for record in records:
        table.add_row(
            _moment(record.synced_at),
            f"{record.xp_total:,}",
            "baseline" if record.xp_delta is None else f"{record.xp_delta:+,}",
            record.activity_type,
            harmless(record.sync_id),
        )
    return table


def _table(*headings: str) -> Table:
    """A plain table; a heading with `!` at its end is of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        is_number = heading.endswith("!")
        table.add_column(
            heading.rstrip("!"),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    return table


def _state(member: MemberRow) -> str:
    words = [
        "" if member.active else "inactive",
        "" if member.discord_id else "unlinked",
        f"left {_moment(member.left_at)}" if member.left_at else "",
        "to be baselined" if isinstance(member, MemberDetail) and member.rebaseline else "",
    ]
    return ", ".join(word for word in words if word)


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
