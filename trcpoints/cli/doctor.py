"""`trcpoints doctor`: is everything set up? What to mend, in order."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.session import Session, session_of
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.jobs.doctor.check import Check

app = single()

_MARKS = {
    "ok": ("ok", "green"),
    "warning": ("warn", "yellow"),
    "fault": ("FAULT", "bold red"),
    "skipped": ("skip", "dim"),
}


@command(app, example="trcpoints doctor")
def doctor(
    context: typer.Context,
    *,
    send_test: Annotated[
        bool,
        typer.Option("--send-test", help="Send a test to everybody who would be told of trouble."),
    ] = False,
) -> None:
    """See whether everything is set up, and what to mend first; change nothing.

    Exits with the code of the first fault; warnings are for you to judge.
    """
    from trcpoints.jobs.doctor.examination import document_of, first_fault

    session = session_of(context)
    checks = _examined(session, send_test)
    first = first_fault(checks)
    if session.quiet and not session.json:
        _tell_faults(checks)
    else:
        session.show(document_of(checks), lambda: _render(checks))
    if first is not None:
        raise typer.Exit(first.exit_code)


def _examined(session: Session, send_test: bool) -> list[Check]:
    from trcpoints.federation.examining import look as look_at_federations
    from trcpoints.jobs.doctor.examination import examine

    checks = []
    with session.progress() as progress:
        task = None if progress is None else progress.add_task("looking", total=None)
        for check in examine(
            os.environ,
            session.env_file,
            send_test=send_test,
            wall_clock=lambda: datetime.now(UTC),
            others=[look_at_federations],
        ):
            checks.append(check)
            if progress is not None and task is not None:
                progress.update(task, description=f"looking, after {check.name}")
    return checks


def _tell_faults(checks: Sequence[Check]) -> None:
    """To whoever reads the log, as cron mails it."""
    log = logging.getLogger("trcpoints.doctor")
    for check in checks:
        if check.status == "fault":
            first, *more = check.message.split("\n")
            told = " ".join([first, "; ".join(line.strip() for line in more)]).rstrip()
            log.error("%s: %s -> %s", check.name, told, check.hint)


def _render(checks: Sequence[Check]) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, 2))
    for check in checks:
        mark, style = _MARKS[check.status]
        first, *more = check.message.split("\n")
        shown.add_row(Text(mark, style), check.name, harmless(first))
        for line in more:
            shown.add_row("", "", Padding.indent(Text(harmless(line.strip())), 2))
        if check.hint:
            shown.add_row("", "", Text(f"-> {harmless(check.hint)}", style="bold"))
    return Group(shown, "", _verdict(checks))


def _verdict(checks: Sequence[Check]) -> str:
    faults = sum(check.status == "fault" for check in checks)
    warnings = sum(check.status == "warning" for check in checks)
    if faults:
        return f"{counted(faults, 'fault')}. Mend the first, and look again: trcpoints doctor"
    return f"All is well, with {counted(warnings, 'warning')}." if warnings else "All is well."
