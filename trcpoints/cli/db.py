"""`trcpoints db`: the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from trcpoints.cli.app import command, group
from trcpoints.cli.session import session_of
from trcpoints.cli.tables import grid, number

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents import DbCheckDocument

app = group("Upgrade and check the database.", example="trcpoints db check")


@command(app, example="trcpoints db upgrade")
def upgrade(context: typer.Context) -> None:
    """Make the database, or bring its schema up to what this program needs.

    Safe to repeat. Commands that write do it by themselves; commands that only read ask for it.
    """
    from trcpoints.db import schema
    from trcpoints.db.database import Access, connected
    from trcpoints.documents import DbUpgradeDocument

    session = session_of(context)
    with connected(session.settings.database_url, Access.WRITE) as engine:
        applied = schema.upgrade(engine)
        document = DbUpgradeDocument(
            url=engine.public_url,
            applied=applied,
            schema_version=schema.inspect(engine).version,
        )
    done = f"upgraded ({', '.join(applied)})" if applied else "up to date"
    session.show(
        document, lambda: f"{document.url}: {done}, schema version {document.schema_version}"
    )


@command(app, example="trcpoints db check")
def check(context: typer.Context) -> None:
    """See whether the database can be used by this program; change nothing."""
    from trcpoints.db.check import check_database
    from trcpoints.db.database import Access, open_database

    session = session_of(context)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = check_database(engine)
    session.show(document, lambda: _render_check(document))


def _render_check(document: DbCheckDocument) -> RenderableType:
    return grid(
        [
            ("database", document.url),
            ("schema version", str(document.schema_version)),
            ("size", f"{document.size_bytes / 1e6:,.1f} MB"),
            ("members", number(document.members)),
            ("ledger entries", number(document.entries)),
            ("activity records", number(document.activities)),
        ]
    )
