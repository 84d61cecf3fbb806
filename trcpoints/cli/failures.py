"""Failures in words: the one place that tells them, to a person or to a script."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import typer

from trcpoints.cli.text import harmless, storable
from trcpoints.errors import Interrupted, OutputFailed, TrcpointsError, TryLater

if TYPE_CHECKING:
    from trcpoints.cli.session import Session
    from trcpoints.documents import ErrorInfo

EXIT_BUG = 70
EXIT_BROKEN_PIPE = 128 + signal.SIGPIPE


@dataclass(frozen=True, slots=True)
class Failure:
    """How a command ended, and what to say of it; `document` where it had one of its own."""

    exit_code: int
    info: ErrorInfo
    document: object | None = None


def report(session: Session, fault: BaseException) -> int:
    """Tell what ended a command; its exit code (design, section 6)."""
    if isinstance(fault, BrokenPipeError):
        # Whoever read our output has gone, as `head` does; nothing can be said any more.
        _abandon(sys.stdout)
        return EXIT_BROKEN_PIPE
    if isinstance(fault, OSError):
        # Files, network and database have errors of their own: this is what we print to.
        _abandon(sys.stdout)
        session.json = False
        fault = OutputFailed(f"The output cannot be written: {fault}.")
    if session.quiet and isinstance(fault, TryLater) and not session.json:
        return fault.exit_code
    if session.verbose and not isinstance(fault, TrcpointsError | Interrupted):
        import traceback

        traceback.print_exception(fault, file=sys.stderr)
    failure = _describe(fault)
    try:
        _tell(session, failure)
    except OSError:
        # There is nobody left to tell; the exit code still says it.
        _abandon(sys.stdout)
        _abandon(sys.stderr)
    return failure.exit_code


def _describe(fault: BaseException) -> Failure:
    from trcpoints.documents import ErrorDocument, ErrorInfo

    match fault:
        case TrcpointsError():
            info = ErrorInfo(fault.code, fault.message, fault.hint)
            return Failure(fault.exit_code, info, fault.document)
        case Interrupted():
            name = signal.Signals(fault.signal_number).name
            info = ErrorInfo("interrupted", f"Stopped by {name}; nothing was left half done.", "")
            document = fault.document or ErrorDocument(status="interrupted", error=info)
            return Failure(fault.exit_code, info, document)
        case typer.TyperException():
            context = getattr(fault, "ctx", None)
            path = "trcpoints" if context is None else context.command_path
            message = storable(fault.format_message())
            return Failure(fault.exit_code, ErrorInfo("usage", message, f"{path} --help"))
        case _:
            message = f"trcpoints met a fault of its own: {type(fault).__name__}: {fault}"
            hint = "Run the command again with -v, and report what it prints."
            return Failure(EXIT_BUG, ErrorInfo("internal_error", storable(message), hint))


def _tell(session: Session, failure: Failure) -> None:
    """To a person on stderr; to a script on stdout, unless a document is there already."""
    if session.json and not session.begun:
        from trcpoints.documents import ErrorDocument

        session.print_json(failure.document or ErrorDocument(error=failure.info))
        return
    if session.begun:
        # The rest of a document that was broken off may wait for a reader for ever.
        _abandon(sys.stdout)
    typer.echo(_words(failure.info), err=True)


def _words(info: ErrorInfo) -> str:
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


def _abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: Python would fail on it once more at its end."""
    # Without a descriptor there is nothing that could fail.
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
