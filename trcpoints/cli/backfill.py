"""`trcpoints backfill-dry-run`: what paying all history would cost."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.board import Complete, FromFile, Guild, live, saved, saved_board
from trcpoints.cli.session import session_of
from trcpoints.cli.tables import number, table
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.leaderboard import BackfillDocument

app = single()

_SHOWN = 20


@command(app, "backfill-dry-run", example="trcpoints backfill-dry-run --all")
def backfill_dry_run(
    context: typer.Context,
    *,
    from_file: FromFile = None,
    complete: Complete = False,
    guild: Guild = None,
    show_all: Annotated[
        bool, typer.Option("--all", help=f"Show every member, not the {_SHOWN} largest.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print every member as CSV.")] = False,
) -> None:
    """Show what all XP that members ever earned would be worth in points; write nothing.

    History is never paid: this only says what it would cost, and who would stand where.
    """
    session = session_of(context)
    board = saved_board(from_file, complete, guild)
    if as_csv and session.json:
        raise typer.BadParameter("--csv and --json exclude each other")

    from trcpoints.jobs.backfill import preview

    mee6 = session.settings.mee6
    document = preview(
        session.settings,
        saved=None if board is None else saved(mee6, session, board),
        live=live(mee6, session),
        now=datetime.now(UTC),
    )
    if as_csv:
        _write_csv(document)
    else:
        session.show(document, lambda: _render(document, show_all))


def _write_csv(document: BackfillDocument) -> None:
    import msgspec

    from trcpoints.cli.rows import write_csv
    from trcpoints.documents.leaderboard import BackfillResult

    rows = (msgspec.structs.astuple(result) for result in document.results)
    write_csv(sys.stdout, BackfillResult.__struct_fields__, rows)


def _render(document: BackfillDocument, show_all: bool) -> RenderableType:
    from rich.console import Group

    if not document.results:
        return "No member is linked yet: trcpoints members import FILE"
    shown = document.results if show_all else document.results[:_SHOWN]
    rows = table("then!", "now!", "name", "Discord id", "XP!", "points!", "carry!")
    for result in shown:
        rows.add_row(
            number(result.rank_then),
            number(result.rank_now),
            harmless(result.name or ""),
            result.discord_id,
            "unknown" if result.xp_total is None else number(result.xp_total),
            number(result.points),
            number(result.carry),
        )
    return Group(rows, "", *_totals(document, len(shown)))


def _totals(document: BackfillDocument, shown: int) -> list[str]:
    known = [result.xp_total for result in document.results if result.xp_total is not None]
    lines = [
        f"Dry run: all history of {counted(document.members, 'member')}, {sum(known):,} XP, "
        f"would cost {counted(document.points, 'point')}. Nothing was written."
    ]
    if len(known) < document.members:
        unknown = document.members - len(known)
        lines.append(f"The XP of {counted(unknown, 'member')} is not known; counted as 0.")
    if shown < document.members:
        lines.append(f"These are the {shown} largest; all with --all.")
    return lines
