"""`trcpoints status`: is it working, what is wrong, and which command mends it?"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.connectors import configured_connectors
from trcpoints.cli.session import Session, session_of
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from trcpoints.documents.status import StatusDocument

app = single()

EXIT_UNHEALTHY = 1


@command(app, example="trcpoints status --check")
def status(
    context: typer.Context,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Say it in one line; exit 1 when something is wrong."),
    ] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="Print metrics in Prometheus's text format.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="With --prometheus: write this file, as a whole."
        ),
    ] = None,
) -> None:
    """Show whether all is well, what is not and which command mends it, and how things stand.

    Reads only, and costs little however large the books are.
    """
    session = session_of(context)
    if check and prometheus:
        raise typer.BadParameter("--check and --prometheus exclude each other")
    if output is not None and not prometheus:
        raise typer.BadParameter("--output goes with --prometheus")
    if prometheus and session.json and output is None:
        raise typer.BadParameter("--prometheus and --json exclude each other without --output")

    from trcpoints.db.database import Access, open_database
    from trcpoints.jobs.status import read_charts, read_status

    now = datetime.now(UTC)
    connectors, problems = configured_connectors(session)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = read_status(engine, session.settings, now, connectors, problems)
        with_charts = not (session.json or check or prometheus)
        charts = read_charts(engine, now) if with_charts else None
    if prometheus:
        _write_metrics(session, document, output)
    elif session.json:
        session.print_json(document)
    elif not (session.quiet and document.healthy):
        if charts is None:
            typer.echo(_line(document))
        else:
            from trcpoints.cli.status_shown import render

            session.console.print(render(document, charts, now))
    if check and not document.healthy:
        raise typer.Exit(EXIT_UNHEALTHY)


def _line(document: StatusDocument) -> str:
    """The whole status on one line."""
    if document.healthy:
        members, points = document.members, document.points
        return (
            f"healthy: {counted(members.tracked, 'member')} tracked, "
            f"{counted(points.balance, 'point')}"
        )
    told = "; ".join(f"{problem.message} {problem.hint}" for problem in document.problems)
    return f"unhealthy: {harmless(told)}"


def _write_metrics(session: Session, document: StatusDocument, output: Path | None) -> None:
    from trcpoints.cli.output import PUBLIC, atomic_output
    from trcpoints.cli.text import storable
    from trcpoints.documents import OutputDocument
    from trcpoints.monitoring.prometheus import exposition

    text = exposition(document)
    if output is None:
        sys.stdout.write(text)
        return
    with atomic_output(output, mode=PUBLIC) as file:
        file.write(text)
    samples = sum(not line.startswith("#") for line in text.splitlines())
    written = OutputDocument(output=storable(str(output)), format="prometheus", records=samples)
    session.show(
        written, lambda: f"{harmless(written.output)}: {counted(written.records, 'metric')} written"
    )
