"""`trcpoints points`: awards from elsewhere, the ledger, and the proof that it adds up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, group
from trcpoints.cli.session import session_of
from trcpoints.cli.tables import moment, table
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.points import (
        PointsAwardDocument,
        PointsHistoryDocument,
        PointsImportDocument,
        PointsVerifyDocument,
    )

app = group(
    "Award points from elsewhere; read and verify the books.",
    example="trcpoints points history --limit 10",
)


def _moment(text: str) -> datetime:
    from trcpoints.points.awards import parse_moment

    try:
        return parse_moment(text)
    except ValueError as fault:
        raise typer.BadParameter(f"{fault}.") from fault


def _source(text: str) -> str:
    from trcpoints.points.awards import is_source

    if not is_source(text):
        raise typer.BadParameter("a source is a lower-case word like benchmark.")
    return text


@command(
    app,
    example="trcpoints points award ada@example.org --points 5 --source benchmark --key run-17",
)
def award(
    context: typer.Context,
    *,
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="The member: id, discord:ID or e-mail.")
    ],
    points: Annotated[
        int, typer.Option("--points", metavar="N", help="How many; negative for an adjustment.")
    ],
    source: Annotated[
        str,
        typer.Option(
            "--source", metavar="S", help="benchmark, download, intro, adjustment, or a word."
        ),
    ],
    key: Annotated[
        str,
        typer.Option("--key", metavar="K", help="What makes this award unique in its source."),
    ],
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at", metavar="TIME", parser=_moment, help="When it was earned (UTC); else now."
        ),
    ] = None,
    note: Annotated[
        str | None,
        typer.Option("--note", metavar="TEXT", help="Why; an adjustment needs a reason."),
    ] = None,
) -> None:
    """Award points to a member, once: the same key again changes nothing.

    The source 'adjustment' corrects the books: its points may be negative.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.points.awards import Award, clean_note
    from trcpoints.points.ledger import award_points

    session = session_of(context)
    wanted = Award(source=source, points=points, key=key, occurred_at=at, note=clean_note(note))
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        document = award_points(engine, reference, wanted, datetime.now(UTC))
    session.show(document, lambda: _render_award(document))


@command(app, "import", example="trcpoints points import downloads.csv")
def import_(
    context: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, JSON or NDJSON; - for stdin.")],
) -> None:
    """Award points from a file, all or nothing.

    Columns: member (id, discord:ID or e-mail) or discord_id; points, source, key; and at (a time)
    and note where they are wanted. Importing a file again changes nothing.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.points.imports import import_awards
    from trcpoints.records import read_input

    session = session_of(context)
    data, name = read_input(file)
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        document = import_awards(engine, data, name, datetime.now(UTC))
    session.show(document, lambda: _render_import(document))


@command(app, example="trcpoints points history discord:159962941502783488 --since 2026-01-01")
def history(
    context: typer.Context,
    *,
    reference: Annotated[
        str | None,
        typer.Argument(metavar="REF", help="One member: id, discord:ID or e-mail; else all."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="S", parser=_source, help="Only entries of this source."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", metavar="TIME", parser=_moment, help="From this time on (UTC)."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", metavar="TIME", parser=_moment, help="Before this time (UTC)."),
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="At most so many entries."),
    ] = 50,
) -> None:
    """Show entries of the ledger, the newest first."""
    from trcpoints.db.database import Access, open_database
    from trcpoints.points.ledger import Filters, read_history

    session = session_of(context)
    filters = Filters(reference=reference, source=source, since=since, until=until)
    with open_database(session.settings.database_url, Access.READ):
        document = read_history(filters, limit)
    session.show(document, lambda: _render_history(document))


@command(app, example="trcpoints points verify")
def verify(context: typer.Context) -> None:
    """Prove that the books add up, from the raw rows; change nothing.

    Exits 65 and names every member whose balance, carry, XP or awards do not agree.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.points.verification import verify as verify_books

    session = session_of(context)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = verify_books(engine)
    session.show(document, lambda: _render_verify(document))


def _render_award(document: PointsAwardDocument) -> RenderableType:
    entry = document.entry
    if document.status == "duplicate":
        told = f"Nothing to do: {entry.source} {harmless(entry.idempotency_key)} was booked before"
    else:
        told = f"{entry.points:+,} points for {entry.source} {harmless(entry.idempotency_key)}"
    return f"{told}. Member {entry.member_id} has {document.balance:,} points."


def _render_import(document: PointsImportDocument) -> RenderableType:
    return (
        f"{counted(document.records, 'record')}: {document.awarded:,} awarded, "
        f"{document.points:+,} points; "
        f"{document.duplicates:,} booked before."
    )


def _render_history(document: PointsHistoryDocument) -> RenderableType:
    from rich.console import Group

    if not document.entries:
        return "No entries."
    rows = table("when (UTC)|", "member!", "name", "points!", "source", "key", "note")
    for entry in document.entries:
        rows.add_row(
            moment(entry.occurred_at),
            entry.member_id,
            harmless(entry.name or ""),
            f"{entry.points:+,}",
            entry.source,
            harmless(entry.idempotency_key),
            harmless(entry.note or ""),
        )
    shown = len(document.entries)
    if shown == document.total:
        return rows
    return Group(rows, f"The newest {shown:,} of {document.total:,} entries; more with --limit.")


def _render_verify(document: PointsVerifyDocument) -> RenderableType:
    return (
        f"The books add up: {document.members:,} members, {document.entries:,} ledger entries, "
        f"{document.activities:,} activity records."
    )
