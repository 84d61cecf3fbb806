"""The program: from arguments to an exit code. The one place where failures become words."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated, ClassVar, NoReturn

import typer

from trcpoints import __version__
from trcpoints.cli.app import LazyGroup
from trcpoints.cli.session import Session, write_json
from trcpoints.cli.text import harmless, storable
from trcpoints.errors import Interrupted, OutputFailed, TrcpointsError, TryLater

if TYPE_CHECKING:
    from types import FrameType

    from trcpoints.documents import ErrorInfo

EXIT_BUG = 70
EXIT_USAGE = 2
EXIT_BROKEN_PIPE = 128 + signal.SIGPIPE


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
        "db": ("trcpoints.cli.db", "Upgrade, check, copy and back up the database."),
        "schema": ("trcpoints.cli.schema", "Print the JSON Schema of a document."),
        "demo": ("trcpoints.cli.demo", "See the whole loop at work against a simulated MEE6."),
    }


app = typer.Typer(cls=Commands)


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
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Turn the XP of a MEE6 leaderboard into points, and keep the books.

    Start with: trcpoints demo
    """


def run() -> NoReturn:
    """The console command."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command; its exit code (design, section 6)."""
    session = Session(json="--json" in arguments)
    try:
        code = _invoke(arguments or ["--help"], session)
        sys.stdout.flush()
    except typer.TyperException as fault:
        code = _report(session, fault.exit_code, _usage_error(fault))
    except TrcpointsError as fault:
        code = _report_known(session, fault)
    except Interrupted as stop:
        code = _report_interrupted(session, stop)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; nothing can be said any more.
        _abandon_stdout()
        code = EXIT_BROKEN_PIPE
    except OSError as fault:
        # Files, network and database have errors of their own: this is what we print to.
        _abandon_stdout()
        session.json = False
        code = _report_known(session, OutputFailed(f"The output cannot be written: {fault}."))
    except Exception as fault:  # noqa: BLE001 (the last resort: a bug is reported, not thrown)
        code = _report_bug(session, fault)
    return code


def _invoke(arguments: list[str], session: Session) -> int:
    command = typer.main.get_command(app)
    if "_TRCPOINTS_COMPLETE" in os.environ:
        command.main(prog_name="trcpoints")  # Typer's own shell completion, which exits
    try:
        with command.make_context("trcpoints", arguments, obj=session) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0


def _abandon_stdout() -> None:
    """Let what is still buffered go nowhere: Python would fail on it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(signal_number: int, _frame: FrameType | None) -> None:
    # A second signal is for somebody who will not wait.
    signal.signal(signal_number, signal.SIG_DFL)
    raise Interrupted(signal_number)


def _usage_error(fault: typer.TyperException) -> ErrorInfo:
    from trcpoints.documents import ErrorInfo

    message = fault.format_message()
    context = getattr(fault, "ctx", None)
    path = context.command_path if context is not None else "trcpoints"
    return ErrorInfo("usage", message, f"{path} --help")


def _report_known(session: Session, fault: TrcpointsError) -> int:
    from trcpoints.documents import ErrorInfo

    if session.quiet and isinstance(fault, TryLater) and not session.json:
        return fault.exit_code
    info = ErrorInfo(fault.code, storable(fault.message), storable(fault.hint))
    return _report(session, fault.exit_code, info, fault.document)


def _report_interrupted(session: Session, stop: Interrupted) -> int:
    from trcpoints.documents import ErrorDocument, ErrorInfo

    name = signal.Signals(stop.signal_number).name
    info = ErrorInfo("interrupted", f"Stopped by {name}; nothing was half done.", "")
    document = stop.document or ErrorDocument(status="interrupted", error=info)
    return _report(session, stop.exit_code, info, document)


def _report_bug(session: Session, fault: Exception) -> int:
    from trcpoints.documents import ErrorInfo

    if session.verbose:
        import traceback

        traceback.print_exception(fault, file=sys.stderr)
    message = f"trcpoints met a fault of its own: {type(fault).__name__}: {fault}"
    hint = "Run the command again with -v and report what it prints; the database is as it was."
    return _report(session, EXIT_BUG, ErrorInfo("internal_error", storable(message), hint))


def _report(
    session: Session, exit_code: int, info: ErrorInfo, document: object | None = None
) -> int:
    """Say what failed: to a person on stderr, to a script on stdout."""
    if session.json:
        from trcpoints.documents import ErrorDocument

        write_json(document or ErrorDocument(error=info))
    else:
        typer.echo(_told(info), err=True)
    return exit_code


def _told(info: ErrorInfo) -> str:
    """A failure for a person: what happened, what it happened to, and the way on."""
    first, *more = info.message.split("\n")
    lines = [f"trcpoints: error: {harmless(first)}", *(f"  {harmless(x.strip())}" for x in more)]
    if info.hint:
        lines.append(f"  -> {harmless(info.hint)}")
    if not sys.stderr.isatty():
        return "\n".join(lines)
    import shutil
    import textwrap

    width = max(shutil.get_terminal_size().columns, 40)
    return "\n".join(textwrap.fill(line, width, subsequent_indent="     ") for line in lines)
