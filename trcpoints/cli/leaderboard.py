"""`trcpoints leaderboard`: members by points, for people and web pages."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.session import session_of, write_json
from trcpoints.cli.tables import moment, number, table
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.leaderboard import LeaderboardDocument

app = single()

_COLUMNS = ("rank", "name", "points", "current_streak", "longest_streak", "last_active_at")


@command(app, example="trcpoints leaderboard --since 2026-01-01 --limit 10")
def leaderboard(
    context: typer.Context,
    *,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="At most so many members."),
    ] = 50,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="Count the points earned from this day on (UTC).",
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Write this file, as a whole; its name ends in .csv or .json.",
        ),
    ] = None,
) -> None:
    """Show members by points; equal points share a rank. Members marked inactive are left out."""
    session = session_of(context)
    if as_csv and session.json:
        raise typer.BadParameter("--csv and --json exclude each other")
    form = None if output is None else _format(output, as_csv=as_csv, as_json=session.json)

    from trcpoints.db.database import Access, open_database
    from trcpoints.jobs.leaderboard import read_leaderboard

    start = None if since is None else since.replace(tzinfo=UTC)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = read_leaderboard(engine, start, limit)
    if output is None or form is None:
        if as_csv:
            _write_csv(sys.stdout, document)
        else:
            session.show(document, lambda: _render(document))
        return

    from trcpoints.cli.output import PUBLIC, atomic_output
    from trcpoints.cli.text import storable
    from trcpoints.documents import OutputDocument

    with atomic_output(output, mode=PUBLIC) as file:
        if form == "csv":
            _write_csv(file, document)
        else:
            write_json(document, file)
    written = OutputDocument(
        output=storable(str(output)), format=form, records=len(document.members)
    )
    session.show(
        written, lambda: f"{harmless(written.output)}: {counted(written.records, 'member')} written"
    )


def _format(output: Path, *, as_csv: bool, as_json: bool) -> Literal["csv", "json"]:
    """What to write: as the options say, else as the file's name says."""
    suffix = output.suffix.lower()
    if as_csv or (suffix == ".csv" and not as_json):
        return "csv"
    if as_json or suffix == ".json":
        return "json"
    raise typer.BadParameter("say --csv or --json, or name a file that ends in .csv or .json")


def _write_csv(file: TextIO, document: LeaderboardDocument) -> None:
    import msgspec

    from trcpoints.cli.rows import write_csv

    # The same spelling of times as in JSON.
    members = (msgspec.to_builtins(member) for member in document.members)
    write_csv(file, _COLUMNS, ([member[column] for column in _COLUMNS] for member in members))


def _render(document: LeaderboardDocument) -> RenderableType:
    from rich.console import Group

    if not document.members:
        return "No active members yet: trcpoints members import FILE"
    rows = table("rank!", "name", "points!", "streak!", "longest!", "last active (UTC)|")
    for member in document.members:
        rows.add_row(
            number(member.rank),
            harmless(member.name or f"member {member.member_id}"),
            number(member.points),
            number(member.current_streak),
            number(member.longest_streak),
            moment(member.last_active_at),
        )
    shown = len(document.members)
    if shown == document.total:
        return rows
    return Group(rows, f"The first {shown:,} of {document.total:,} members; more with --limit.")
