"""`trcpoints federation`: members from outside membership systems."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from trcpoints.cli import federation_unlink
from trcpoints.cli.app import command, group
from trcpoints.cli.federation_conflicts import app as conflicts_app
from trcpoints.cli.federation_deliveries import EXAMPLE, deliveries
from trcpoints.cli.session import Session, session_of
from trcpoints.errors import TrcpointsError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents import Document
    from trcpoints.jobs.status_federation import Configured

_NOT_SET_UP = "No federation is set up: FEDERATION_CONFIG is not set."

D = TypeVar("D", bound="Document")

app = group(
    "Take the members from outside membership systems.", example="trcpoints federation check"
)
app.add_typer(conflicts_app, name="conflicts")
command(app, example=EXAMPLE)(deliveries)
command(app, example=federation_unlink.EXAMPLE)(federation_unlink.unlink)


@command(app, example="trcpoints federation sync --dry-run")
def sync(
    context: typer.Context,
    *,
    connector: Annotated[
        str | None, typer.Option("--connector", metavar="NAME", help="Only this connector.")
    ] = None,
    organization: Annotated[
        str | None, typer.Option("--organization", metavar="NAME", help="Only this organization.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what a sync would do; write nothing.")
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Take it, even if most members change at once."),
    ] = False,
) -> None:
    """Read the members of every organization, and take what has changed.

    Each is one transaction: all or nothing. One that fails keeps no other from being synced, and
    is tried again by `federation retry`.
    """
    session = session_of(context)
    settings = session.settings
    if settings.federation_config is None:
        from trcpoints.federation.absent import nothing_to_sync

        nothing = nothing_to_sync(settings.trigger, _now(), dry_run=dry_run)
        session.show(nothing, lambda: _NOT_SET_UP)
        return
    from trcpoints.cli.federation_shown import render_sync
    from trcpoints.documents.federation import FederationSyncDocument
    from trcpoints.federation import commands
    from trcpoints.federation.config import load_federations

    options = commands.SyncOptions(connector, organization, dry_run, accept_changes)
    federations = load_federations(settings.federation_config, _environ(session))
    shown = _shown(session, FederationSyncDocument, render_sync, lambda x: x.runs or x.stuck)
    with shown, _progress(session) as tick:
        document = commands.sync(settings, federations, options, clock=_now, tick=tick)
    session.show(document, lambda: render_sync(document))


@command(app, example="trcpoints federation retry")
def retry(
    context: typer.Context,
    *,
    now: Annotated[
        int | None,
        typer.Option(
            "--now", metavar="JOB", help="Do this job now, though it waits or has failed for good."
        ),
    ] = None,
) -> None:
    """Do what is due in the queue: failed jobs after 2, 4 and 8 minutes, and those of webhooks.

    A job whose process is gone, or was silent for 30 minutes, has failed. Leaves no record when
    there was nothing to do.
    """
    session = session_of(context)
    settings = session.settings
    if settings.federation_config is None:
        from trcpoints.federation.absent import nothing_to_retry, refuse_job

        if now is not None:
            raise refuse_job(now)
        session.show(nothing_to_retry(_now()), lambda: _NOT_SET_UP)
        return
    from trcpoints.cli.federation_shown import render_retry
    from trcpoints.documents.federation import FederationRetryDocument
    from trcpoints.federation import commands
    from trcpoints.federation.config import load_federations

    federations = load_federations(settings.federation_config, _environ(session))
    shown = _shown(session, FederationRetryDocument, render_retry, lambda x: x.runs or x.stuck)
    with shown, _progress(session) as tick:
        document = commands.retry(settings, federations, now, clock=_now, tick=tick)
    session.show(document, lambda: render_retry(document))


@command(app, example="trcpoints federation queue --status failed")
def queue(
    context: typer.Context,
    *,
    status: Annotated[
        Literal["pending", "running", "completed", "failed"] | None,
        typer.Option("--status", help="Only those that stand so."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Jobs on a page.")
    ] = 50,
    page: Annotated[
        int, typer.Option("--page", metavar="N", min=1, max=1_000_000_000, help="Which page.")
    ] = 1,
) -> None:
    """Show the jobs of the queue, the newest first."""
    from trcpoints.cli.federation_shown import render_queue
    from trcpoints.db.database import Access, open_database
    from trcpoints.federation.queue.listing import list_jobs

    session = session_of(context)
    connectors = _configured(session)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = list_jobs(engine, status, connectors, limit=limit, page=page)
    session.show(document, lambda: render_queue(document))


@command(app, example="trcpoints federation check")
def check(context: typer.Context) -> None:
    """See whether every federation can be read, and how its first records map; write nothing.

    All faults of the file are told at once. Secrets are named, never shown.
    """
    from trcpoints.cli.federation_shown import render_check
    from trcpoints.documents.federation import FederationCheckDocument
    from trcpoints.federation import checking

    session = session_of(context)
    shown = _shown(session, FederationCheckDocument, render_check, lambda x: x.sources)
    with shown, _progress(session) as tick:
        document = checking.check(session.settings, _environ(session), clock=_now, tick=tick)
    session.show(document, lambda: render_check(document))


def _environ(session: Session) -> Mapping[str, str]:
    from trcpoints.config import environment

    return environment(os.environ, session.env_file)


def _configured(session: Session) -> Sequence[Configured] | None:
    """The connectors of the file; None where it cannot be read, which is another command's."""
    if session.settings.federation_config is None:
        return []
    from trcpoints.federation.checking import configured

    connectors, wrong = configured(session.settings, _environ(session))
    return None if wrong else connectors


@contextmanager
def _shown(
    session: Session,
    kind: type[D],
    render: Callable[[D], RenderableType],
    done: Callable[[D], Sequence[object]],
) -> Iterator[None]:
    """Show a person what was done before a failure, if anything was.

    A script finds it in the failure's document.
    """
    try:
        yield
    except TrcpointsError as fault:
        document = fault.document
        if isinstance(document, kind) and not session.json and done(document):
            session.show(document, partial(render, document))
        raise


@contextmanager
def _progress(session: Session) -> Iterator[Callable[[str], None]]:
    with session.progress() as progress:
        if progress is None:
            yield lambda _scope: None
            return
        from trcpoints.cli.text import harmless

        task = progress.add_task("reading", total=None)
        yield lambda scope: progress.update(task, description=f"reading {harmless(scope)}")


def _now() -> datetime:
    return datetime.now(UTC)
