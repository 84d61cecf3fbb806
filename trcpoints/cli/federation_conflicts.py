"""`trcpoints federation conflicts`: where both sides changed a field, and who is right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from trcpoints.cli.app import command, group
from trcpoints.cli.session import session_of

app = group(
    "See where both sides changed a field, and decide who is right.",
    example="trcpoints federation conflicts list",
)

Id = Annotated[int, typer.Argument(metavar="ID", help="The id of a conflict.")]


@command(app, "list", example="trcpoints federation conflicts list --all")
def list_(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those too that wait no more.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Conflicts on a page.")
    ] = 50,
    page: Annotated[
        int, typer.Option("--page", metavar="N", min=1, max=1_000_000_000, help="Which page.")
    ] = 1,
) -> None:
    """List the conflicts that wait for a decision, the newest first.

    Each was resolved by the connector's strategy when it was found. One whose field has changed
    since waits no more.
    """
    from trcpoints.cli.federation_conflicts_shown import render_conflicts
    from trcpoints.db.database import Access, open_database
    from trcpoints.federation.disputes import list_conflicts

    session = session_of(context)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = list_conflicts(engine, everything=everything, limit=limit, page=page)
    session.show(document, lambda: render_conflicts(document))


@command(app, example="trcpoints federation conflicts show 12")
def show(context: typer.Context, *, conflict_id: Id) -> None:
    """Show one conflict: what each side says, and what was made of it."""
    from trcpoints.cli.federation_conflicts_shown import render_conflict
    from trcpoints.db.database import Access, open_database
    from trcpoints.federation.disputes import show_conflict

    session = session_of(context)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = show_conflict(engine, conflict_id)
    session.show(document, lambda: render_conflict(document))


@command(app, example="trcpoints federation conflicts keep 12 ours")
def keep(
    context: typer.Context,
    *,
    conflict_id: Id,
    side: Annotated[
        Literal["ours", "theirs"],
        typer.Argument(metavar="ours|theirs", help="Whose value the member is to have."),
    ],
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="NAME", help="Who decides this; else your login name."),
    ] = None,
) -> None:
    """Decide a conflict: keep our value, or take theirs, whatever the strategy made of it.

    Refused when the field has changed since, or has a newer conflict. To keep what the strategy
    made of it says that somebody has looked. It can be decided again, the other way round.
    """
    from trcpoints.cli.federation_conflicts_shown import render_conflict
    from trcpoints.db.database import Access, open_database
    from trcpoints.federation.disputes import decide_conflict
    from trcpoints.members.edits import editor

    session = session_of(context)
    who, now = editor(by), datetime.now(UTC)
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        document = decide_conflict(engine, conflict_id, side, who, now)
    session.show(document, lambda: render_conflict(document))
