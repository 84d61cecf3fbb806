"""`trcpoints members held|accept|rebaseline`: changes of XP that wait, and what is decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.session import session_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.members import HeldMember, MembersHeldDocument

References = Annotated[
    list[str], typer.Argument(metavar="REF...", help="Member ids, discord:ID or e-mails.")
]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who sets this; else your login name."),
]


def held(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many.")] = 100,
) -> None:
    """List the members whose XP has changed more than they can have earned or been given.

    Nothing of that is booked before a decision: `members accept` books it, `members
    rebaseline` keeps the points. A hold ends by itself once the XP is plausible again.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.members.holds import list_held

    session = session_of(context)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = list_held(engine, limit)
    session.show(document, lambda: _render_held(document))


def accept(context: typer.Context, references: References, *, by: By = None) -> None:
    """Book what is held of these members, at the next sync that sees them."""
    from trcpoints.cli.text import counted
    from trcpoints.db.database import Access, open_database
    from trcpoints.members.edits import editor
    from trcpoints.members.holds import accept_held

    session = session_of(context)
    who = editor(by)
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        document = accept_held(engine, references, datetime.now(UTC), by=who)
    told = f"The next sync books what is held of {counted(len(document.members), 'member')}:"
    session.show(document, lambda: _group(told, _table(document.members)))


def rebaseline(context: typer.Context, references: References, *, by: By = None) -> None:
    """Take the next XP that is seen of these members as their new baseline: no points move.

    What is held of them is over, and is never booked.
    """
    from trcpoints.cli.members_shown import title
    from trcpoints.db.database import Access, open_database
    from trcpoints.documents.members import MembersRebaselineDocument
    from trcpoints.members.changing import rebaseline_members
    from trcpoints.members.edits import editor
    from trcpoints.members.views import detail

    session = session_of(context)
    who = editor(by)
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        members = rebaseline_members(engine, references, datetime.now(UTC), by=who)
        details = [detail(member) for member in members]
    document = MembersRebaselineDocument(member=details[0], members=details)
    lines = [f"{title(one)}: the next XP that is seen is the baseline" for one in details]
    session.show(document, lambda: "\n".join(lines))


COMMANDS = (
    (held, "trcpoints members held"),
    (accept, "trcpoints members accept ada@example.org"),
    (rebaseline, "trcpoints members rebaseline ada@example.org"),
)
"""The commands of the group, each with its example."""


def _render_held(document: MembersHeldDocument) -> RenderableType:
    from trcpoints.cli.text import counted

    if not document.members:
        return "No member is held."
    shown = f"{len(document.members):,} of {counted(document.total, 'member')}"
    stake = f"{document.to_award:,} points to award, {document.to_deduct:,} to deduct"
    return _group(
        _table(document.members),
        f"{shown}; {stake}",
        "To book it: trcpoints members accept REF; to keep the points: "
        "trcpoints members rebaseline REF",
    )


def _table(members: list[HeldMember]) -> RenderableType:
    from trcpoints.cli.tables import moment, table
    from trcpoints.cli.text import harmless

    headings = ("member!", "name", "Discord id|", "held since (UTC)|", "XP!", "XP seen!", "points!")
    rows = table(*headings, "accepted")
    for one in members:
        rows.add_row(
            one.member_id,
            harmless(one.name or ""),
            one.discord_id,
            moment(one.since),
            f"{one.xp_tracked:,}",
            f"{one.xp_seen:,}",
            f"{one.points:+,}",
            f"by {harmless(one.accepted_by)}" if one.accepted_by else "",
        )
    return rows


def _group(*parts: RenderableType) -> RenderableType:
    from rich.console import Group

    return Group(*parts)
