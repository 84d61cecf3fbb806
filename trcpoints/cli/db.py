"""`trcpoints db`: the database itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, group
from trcpoints.cli.session import Session, session_of
from trcpoints.cli.tables import grid, moment, number, table
from trcpoints.cli.text import harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.db import (
        DbBackupDocument,
        DbCheckDocument,
        DbCopyDocument,
        DbLeasesDocument,
        LeaseRow,
    )

app = group("Upgrade, check, copy and back up the database.", example="trcpoints db check")


def _job(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("the name of the job is empty.")
    return text


def _target_url(text: str) -> str:
    from trcpoints.config import database_url, has_password

    try:
        url = database_url(text)
    except ValueError as fault:
        raise typer.BadParameter(f"{fault}.") from fault
    if has_password(url):
        raise typer.BadParameter(
            "everybody on this machine can read a password in a command; "
            "leave it out and put it in ~/.pgpass or PGPASSWORD."
        )
    return url


@command(app, example="trcpoints db upgrade")
def upgrade(context: typer.Context) -> None:
    """Make the database, or bring its schema up to what this program needs.

    Safe to repeat. Commands that write upgrade a database that is there by
    themselves; commands that only read ask for it. None is made when cron starts
    it (TRCPOINTS_TRIGGER=scheduled).
    """
    from trcpoints.db import schema
    from trcpoints.db.database import access_to_create, connected
    from trcpoints.db.database import upgrade as upgrade_schema
    from trcpoints.documents.db import DbUpgradeDocument

    session = session_of(context)
    access = access_to_create(session.settings.trigger)
    with connected(session.settings.database_url, access) as engine:
        applied = upgrade_schema(engine, access)
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


@command(app, example="trcpoints db copy --to postgresql:///trcpoints")
def copy(
    context: typer.Context,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            parser=_target_url,
            help="A database that is empty or not there yet, like those of DATABASE_URL.",
        ),
    ],
) -> None:
    """Copy everything into another database, of either engine, then count and verify it.

    It copies one moment: what is written meanwhile is not in the copy, so stop
    cron first. When it fails, the other database is left empty. A password goes
    into ~/.pgpass or PGPASSWORD.
    """
    from trcpoints.db.database import access_to_create
    from trcpoints.points.moving import copy_database

    session = session_of(context)
    access = access_to_create(session.settings.trigger)
    with _progress(session, "copying") as tick:
        document = copy_database(session.settings.database_url, to, access, tick)
    session.show(document, lambda: _render_copy(document))


@command(app, example="trcpoints db backup backup.db")
def backup(
    context: typer.Context,
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to write; an older backup is replaced.")
    ],
) -> None:
    """Back the database up while everything runs: one SQLite file, also from PostgreSQL.

    The file is there as a whole or not at all, and for you only. Copy it back to
    restore it:
    DATABASE_URL=sqlite:///FILE trcpoints db copy --to URL
    """
    from trcpoints.db.backup import back_up

    session = session_of(context)
    with _progress(session, "backing up") as tick:
        document = back_up(session.settings.database_url, file, tick)
    session.show(document, lambda: _render_backup(document))


@command(app, example="trcpoints db leases")
def leases(
    context: typer.Context,
    *,
    release: Annotated[
        str | None,
        typer.Option(
            "--release",
            metavar="JOB",
            parser=_job,
            help="Take the lease of this job from its run, which can then write nothing more.",
        ),
    ] = None,
) -> None:
    """See which jobs are at work, where, and since when.

    A job at work holds its lease until its run ends; the lease of a process
    that is gone is taken over by the next run. --release is for a run that hangs.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.jobs.leases import list_leases
    from trcpoints.jobs.leases import release as take_away
    from trcpoints.jobs.owner import this_process

    session = session_of(context)
    us, now = this_process(session.settings.host_id), datetime.now(UTC)
    access = Access.READ if release is None else Access.WRITE
    with open_database(session.settings.database_url, access) as engine:
        if release is None:
            document = list_leases(engine, us, now)
        else:
            document = take_away(engine, release, us, now)
    session.show(document, lambda: _render_leases(document))


@contextmanager
def _progress(session: Session, what: str) -> Iterator[Callable[[int, int], None]]:
    with session.progress() as progress:
        if progress is None:
            yield lambda _done, _total: None
            return
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _render_copy(document: DbCopyDocument) -> RenderableType:
    return grid(
        [
            ("from", harmless(document.source)),
            ("to", harmless(document.target)),
            *((name, number(rows)) for name, rows in document.tables.items()),
            ("books", "they add up"),
        ]
    )


def _render_backup(document: DbBackupDocument) -> RenderableType:
    return (
        f"{harmless(document.output)}: {document.size_bytes / 1e6:,.1f} MB, "
        f"{sum(document.tables.values()):,} rows of {harmless(document.source)}"
    )


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


def _render_leases(document: DbLeasesDocument) -> RenderableType:
    from rich.console import Group

    held = table("job", "machine", "process!", "since", "last heard of", "run|", "")
    for row in document.leases:
        held.add_row(
            harmless(row.lease),
            harmless(row.machine),
            str(row.pid),
            moment(row.acquired_at),
            moment(row.heartbeat_at),
            harmless(row.run_id),
            "at work" if row.live else "gone: the next run takes over",
        )
    shown: RenderableType = held if document.leases else "No job is at work."
    if document.released is None:
        return shown
    return Group(_released(document.released), shown)


def _released(row: LeaseRow) -> str:
    process = f"process {row.pid} on {harmless(row.machine)}"
    told = f"Released: {harmless(row.lease)}. Its run {harmless(row.run_id)} is abandoned;"
    if row.live:
        return (
            f"{told} {process} goes on, but can write nothing more. To end it there: kill {row.pid}"
        )
    return f"{told} {process} is gone or silent."
