"""One invocation: how it was asked to speak, its settings, and its two ways out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import typer

from trcpoints import logs
from trcpoints.cli.text import escaped, harmless
from trcpoints.config import Settings, load_settings, read_settings
from trcpoints.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress

    from trcpoints.documents import Document

WIDE = 1000


@dataclass
class Session:
    """What the common options of a command say (`trcpoints.cli.app`)."""

    json: bool = False
    quiet: bool = False
    verbose: int = 0
    env_file: Path | None = None
    command_path: str = "trcpoints"
    """The command that was read last, as it is typed: the hint of wrong usage names its help."""
    begun: bool = False
    """Whether a document is on stdout, or a part of one."""

    @cached_property
    def settings(self) -> Settings:
        """The checked settings; raises ConfigurationInvalid."""
        return load_settings(os.environ, self.env_file)

    @cached_property
    def log_format(self) -> logs.Format:
        """How lines of the log are written; text where the settings cannot be read."""
        return "text" if self._any_settings is None else self._any_settings.log_format

    @cached_property
    def trigger(self) -> str:
        """What started the command, for one that goes by no other setting."""
        return "manual" if self._any_settings is None else self._any_settings.trigger

    @cached_property
    def _any_settings(self) -> Settings | None:
        """The settings, right or wrong; None where they cannot be read."""
        try:
            settings, _ = read_settings(os.environ, self.env_file)
        except ConfigurationInvalid:
            return None
        return settings

    def start_logging(self) -> None:
        """Logs go to stderr: warnings, more with -v, most with -vv; errors and notices with -q.

        Only ours: what libraries log may quote a server, tracebacks and all.
        """
        levels = [logging.WARNING, logging.INFO, logging.DEBUG]
        logs.begin_command()
        logger = logging.getLogger("trcpoints")
        logger.setLevel(logging.ERROR if self.quiet else levels[min(self.verbose, 2)])
        logger.propagate = False
        logger.handlers = [_Stderr(lambda: self.log_format)]
        logging.getLogger().addHandler(logging.NullHandler())

    def show(self, document: Document, render: Callable[[], RenderableType]) -> None:
        """Print the document as JSON, or what `render` makes of it for a person."""
        if self.json:
            self.print_json(document)
        elif not self.quiet:
            self.console.print(render())

    def notice(self, message: str, hint: str = "") -> None:
        """Log what a person must learn of although nothing failed, with --quiet too."""
        text = f"{message} -> {hint}" if hint else message
        logging.getLogger("trcpoints").log(logs.NOTICE, "%s", text)

    def print_json(self, document: object) -> None:
        """Print the one document on stdout."""
        self.begun = True
        write_json(document, sys.stdout)

    @cached_property
    def console(self) -> Console:
        """A person's screen: stdout. Markup and emoji codes in texts mean nothing."""
        from rich.console import Console

        class Screen(Console):
            def on_broken_pipe(self) -> None:
                # Rich would exit with 1, which means something else here.
                raise BrokenPipeError

        # Without a terminal there is no edge to wrap lines at.
        width = None if sys.stdout.isatty() else WIDE
        return Screen(markup=False, emoji=False, highlight=False, width=width)

    @contextmanager
    def progress(self) -> Iterator[Progress | None]:
        """A progress bar on stderr while the block runs; None unless stderr is a terminal."""
        if self.quiet or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console
        from rich.progress import Progress

        screen = Console(stderr=True, markup=False, emoji=False, highlight=False)
        with Progress(console=screen, transient=True) as progress:
            yield progress


class _Stderr(logging.Handler):
    """Writes to stderr as it is at the moment: a progress bar takes it over while it is shown.

    The settings, which say how, may not have been read yet, and perhaps are never needed.
    """

    def __init__(self, log_format: Callable[[], logs.Format]) -> None:
        super().__init__()
        self._log_format = log_format

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{harmless(logs.line(record, self._log_format()))}\n")


def session_of(context: typer.Context) -> Session:
    """The session that `trcpoints.cli.main` put into the root context."""
    return cast("Session", context.obj)


def write_json(document: object, file: TextIO) -> None:
    """Write a document, readable to a person too."""
    import msgspec

    encoded = msgspec.json.format(msgspec.json.encode(document), indent=2)
    file.write(escaped(encoded.decode()) + "\n")
    file.flush()
