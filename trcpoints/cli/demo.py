"""`trcpoints demo`: the whole loop on a scratch database."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.session import session_of
from trcpoints.cli.tables import number, table
from trcpoints.cli.text import harmless
from trcpoints.config import sqlite_url
from trcpoints.errors import UsageFault

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from trcpoints.documents.demo import DemoDocument

app = single()


@command(app, example="trcpoints demo --members 40 --days 28 --database demo.db")
def demo(
    context: typer.Context,
    *,
    members: Annotated[
        int, typer.Option("--members", min=1, max=1000, help="How many members to import.")
    ] = 12,
    days: Annotated[
        int, typer.Option("--days", min=1, max=366, help="How many days to simulate.")
    ] = 14,
    database: Annotated[
        Path | None,
        typer.Option(
            "--database", metavar="FILE", help="Keep the books here, not in a scratch file."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another story.")] = 1,
) -> None:
    """Live through a fortnight of a simulated community in a few seconds.

    A simulated MEE6 is asked over real HTTP, and a scratch SQLite database is written; your own
    settings and database are left alone.
    """
    from trcpoints.db.database import access_to_create
    from trcpoints.demo.play import TICKS_PER_DAY, play

    session = session_of(context)
    if database is not None and database.exists():
        raise UsageFault(
            f"{database} exists already; the demo makes a database of its own.",
            hint="Name a file that does not exist: trcpoints demo --database demo.db",
        )
    path = database or Path(tempfile.mkdtemp(prefix="trcpoints-demo-")) / "demo.db"
    with session.progress() as progress:
        task = None
        if progress is not None:
            task = progress.add_task(f"{days} days", total=days * TICKS_PER_DAY)

        def on_tick() -> None:
            if progress is not None and task is not None:
                progress.advance(task)

        document = play(
            sqlite_url(path.absolute()),
            access_to_create(session.trigger),
            members=members,
            days=days,
            seed=seed,
            today=datetime.now(UTC),
            on_tick=on_tick,
        )
    session.show(document, lambda: _render(document))


def _render(document: DemoDocument) -> RenderableType:
    from rich.console import Group

    points = document.points
    program = _program()
    return Group(
        f"{document.members} members, {document.syncs} syncs in {len(document.days)} days: "
        f"{points.awarded:,} points awarded, {points.deducted:,} deducted.",
        "",
        _days(document),
        "",
        _leaderboard(document),
        "",
        "The books are in a SQLite database. Have a look:",
        f"  export DATABASE_URL={document.database_url}",
        f"  {program} members list",
        f"  {program} points history --limit 10",
        f"  {program} points verify",
        f"Your own community next: {program} sync --help",
    )


def _program() -> str:
    """The program as the reader can type it: a virtual environment need not be on the PATH."""
    if shutil.which("trcpoints"):
        return "trcpoints"
    called = Path(sys.argv[0])
    return str(called) if called.name == "trcpoints" else f"{sys.executable} -m trcpoints"


def _days(document: DemoDocument) -> Table:
    rows = table("day|", "syncs!", "awarded!", "deducted!", "what happened")
    for day in document.days:
        missed = day.skipped + day.failed
        rows.add_row(
            day.date,
            f"{day.completed}" + (f" of {day.completed + missed}" if missed else ""),
            number(day.awarded),
            number(day.deducted),
            harmless("; ".join(day.events)),
        )
    return rows


def _leaderboard(document: DemoDocument) -> Table:
    rows = table("#!", "member", "points!", "carry!", "XP!")
    for row in document.leaderboard:
        rows.add_row(
            str(row.rank),
            harmless(row.name),
            number(row.points),
            f"{row.carry:+d}",
            number(row.xp_total),
        )
    return rows
