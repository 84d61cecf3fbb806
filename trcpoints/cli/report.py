"""`trcpoints report`: the page people look at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.session import Session, session_of
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from trcpoints.report.page import Page

app = single()


@command(app, example="trcpoints report --output public/index.html --public")
def report(
    context: typer.Context,
    *,
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="Write this HTML file, as a whole.")
    ],
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="For everybody: the leaderboard, streaks and points per week; else for "
            "operators, and only you can read the file.",
        ),
    ] = False,
) -> None:
    """Write one HTML page of how things stand, which needs no network and no script.

    Reads only. Members marked inactive are left out, as on the leaderboard.
    """
    from trcpoints.cli.output import PRIVATE, PUBLIC, atomic_output
    from trcpoints.cli.text import storable
    from trcpoints.documents.report import ReportDocument
    from trcpoints.report.page import render

    session = session_of(context)
    page = _read(session, datetime.now(UTC), public=public)
    text = render(page, harmless)
    with atomic_output(output, mode=PUBLIC if public else PRIVATE) as file:
        file.write(text)
    document = ReportDocument(
        output=storable(str(output)),
        public=public,
        generated_at=page.generated_at,
        members=page.community.board.total,
        size_bytes=len(text.encode()),
    )
    session.show(
        document,
        lambda: (
            f"{harmless(document.output)}: a page of {counted(document.members, 'member')} written"
        ),
    )


def _read(session: Session, now: datetime, *, public: bool) -> Page:
    from trcpoints.db.database import Access, open_database
    from trcpoints.report.page import read_operators_page, read_page

    url = session.settings.database_url
    if public:
        with open_database(url, Access.READ) as engine:
            return read_page(engine, now)
    from trcpoints.cli.connectors import configured_connectors

    connectors, problems = configured_connectors(session)
    with open_database(url, Access.READ) as engine:
        return read_operators_page(engine, session.settings, now, connectors, problems)
