"""The program: from arguments to an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, ClassVar, NoReturn

import typer

from trcpoints import __version__, garbage, signals
from trcpoints.cli.app import LazyGroup, build_app
from trcpoints.cli.failures import report
from trcpoints.cli.session import Session
from trcpoints.cli.streams import open_streams
from trcpoints.errors import Interrupted


class Commands(LazyGroup):
    """Every command, the core ones first."""

    lazy: ClassVar = {
        "sync": ("trcpoints.cli.sync", "Read the leaderboard; award and deduct points."),
        "streaks": ("trcpoints.cli.streaks", "Judge the weekdays; excuse a day."),
        "status": ("trcpoints.cli.status", "See whether all is well, and what mends it."),
        "backfill-dry-run": (
            "trcpoints.cli.backfill",
            "See what paying all history would cost; write nothing.",
        ),
        "members": ("trcpoints.cli.members", "Import, add, show and change members."),
        "points": (
            "trcpoints.cli.points",
            "Award points from elsewhere; read and verify the books.",
        ),
        "leaderboard": (
            "trcpoints.cli.leaderboard",
            "Members by points, for people and web pages.",
        ),
        "report": ("trcpoints.cli.report", "Write the page people look at: one HTML file."),
        "history": (
            "trcpoints.cli.history",
            "Every run of every job, and who was awarded what.",
        ),
        "federation": (
            "trcpoints.cli.federation",
            "Take the members from outside membership systems.",
        ),
        "doctor": ("trcpoints.cli.doctor", "See whether everything is set up; what to mend first."),
        "crontab": ("trcpoints.cli.crontab", "Print the crontab that has every job."),
        "db": ("trcpoints.cli.db", "Upgrade, check, copy and back up the database."),
        "schema": ("trcpoints.cli.schema", "Print the JSON Schema of a document."),
        "demo": ("trcpoints.cli.demo", "See the whole loop at work against a simulated MEE6."),
    }


app = build_app(Commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trcpoints {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            metavar="",
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Turn the XP of a MEE6 leaderboard into points, and keep the books.

    Start with: trcpoints demo
    """


def run() -> NoReturn:
    """The console command."""
    garbage.collect_seldom()
    open_streams()
    signals.install()
    try:
        code = main(sys.argv[1:])
        signals.finish()
    except Interrupted as stop:
        # It came while the end was told of.
        signals.finish()
        code = stop.exit_code
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """Run one command; its exit code (design, section 6)."""
    signals.begin()
    session = Session(json="--json" in arguments)
    try:
        code = _invoke(arguments or ["--help"], session)
        sys.stdout.flush()
    except (Exception, Interrupted) as fault:  # noqa: BLE001 (the one place that tells of all)
        return report(session, fault)
    return code


def _invoke(arguments: list[str], session: Session) -> int:
    command = typer.main.get_command(app)
    if "_TRCPOINTS_COMPLETE" in os.environ:
        # Typer's own shell completion, which exits.
        command.main(prog_name="trcpoints", obj=session)
    try:
        with command.make_context("trcpoints", arguments, obj=session) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0
