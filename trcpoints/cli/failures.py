"""Failures in words: the one place that tells them, to a person or to a script."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import typer

from trcpoints import logs, signals
from trcpoints.cli.text import harmless, storable
from trcpoints.errors import (
    InternalError,
    Interrupted,
    LeaseLost,
    OutputFailed,
    TrcpointsError,
    TryLater,
)

if TYPE_CHECKING:
    from trcpoints.cli.session import Session
    from trcpoints.documents import ErrorInfo

EXIT_BROKEN_PIPE = 128 + signal.SIGPIPE


@dataclass(frozen=True, slots=True)
class Failure:
    """How a command ended, and what to say of it: to a person, and as the one document."""

    exit_code: int
    info: ErrorInfo
    document: object


def report(session: Session, fault: BaseException) -> int:
    """Tell what ended a command; its exit code (design, section 6)."""
    if isinstance(fault, BrokenPipeError):
        # Whoever read our output has gone, as `head` does; nothing can be said any more.
        _abandon(sys.stdout)
        return EXIT_BROKEN_PIPE
    if isinstance(fault, OSError):
        # Files, network and database have errors of their own, and stderr has none
        # (`trcpoints.cli.streams`): this is what we print to.
        _abandon(sys.stdout)
        session.json = False
        fault = OutputFailed(f"The output cannot be written: {fault}.")
    # Whose lease was taken while it worked is no run that was not needed.
    is_silent = session.quiet and not session.json
    if is_silent and isinstance(fault, TryLater) and not isinstance(fault, LeaseLost):
        return fault.exit_code
    if not isinstance(fault, TrcpointsError | Interrupted | typer.TyperException):
        fault = signals.raised() or InternalError.of(fault)
    if session.verbose and isinstance(fault, InternalError):
        import traceback

        traceback.print_exception(fault.__cause__, file=sys.stderr)
    failure = _describe(session, fault)
    try:
        _tell(session, failure)
    except OSError:
        # There is nobody left to tell; the exit code still says it.
        _abandon(sys.stdout)
    return failure.exit_code


def _describe(
    session: Session, fault: TrcpointsError | Interrupted | typer.TyperException
) -> Failure:
    from trcpoints.documents import ErrorDocument, ErrorInfo

    if isinstance(fault, typer.TyperException):
        message = storable(fault.format_message())
        usage = ErrorInfo("usage", message, f"{session.command_path} --help")
        return Failure(fault.exit_code, usage, ErrorDocument(error=usage))
    info = ErrorInfo(fault.code, fault.message, fault.hint)
    if fault.document is not None:
        return Failure(fault.exit_code, info, fault.document)
    if isinstance(fault, Interrupted):
        return Failure(fault.exit_code, info, ErrorDocument(status="interrupted", error=info))
    return Failure(fault.exit_code, info, ErrorDocument(error=info))


def _tell(session: Session, failure: Failure) -> None:
    """To a person on stderr; to a script on stdout, unless a document is there already."""
    if session.json and not session.begun:
        session.print_json(failure.document)
        return
    if session.begun:
        # The rest of a document that was broken off may wait for a reader for ever.
        _abandon(sys.stdout)
    words = _words if session.log_format == "text" else _log_line
    typer.echo(words(failure.info), err=True)


def _log_line(info: ErrorInfo) -> str:
    """A failure for whoever collects the log."""
    text = f"{info.message} -> {info.hint}" if info.hint else info.message
    record = logging.LogRecord("trcpoints", logging.ERROR, "", 0, text, None, None)
    return logs.line(record, "json")


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
    fill = textwrap.TextWrapper(
        width, subsequent_indent="     ", break_on_hyphens=False, break_long_words=False
    ).fill
    return "\n".join(map(fill, lines))


def _abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: Python would fail on it once more at its end."""
    # Without a descriptor there is nothing that could fail.
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
