"""`trcpoints members import`: members from a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.asking import Yes, asker
from trcpoints.cli.session import Session, session_of
from trcpoints.cli.tables import table
from trcpoints.cli.text import counted, harmless
from trcpoints.errors import MassChangeRefused

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.members import MembersImportChange, MembersImportDocument
    from trcpoints.guards import Consent

EXAMPLE = "trcpoints members import members.csv"

By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who sets this; else your login name."),
]

_SHOWN = 50


def import_(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV with a header, JSON or NDJSON; - for stdin.")
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show each change; write nothing.")
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option(
            "--accept-changes", help="Import it, even if most members get another Discord account."
        ),
    ] = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Create and change members from a file: all of it, or nothing where a line is wrong.

    A member is found by member_id, else by discord_id, else by email; whoever
    is not found is created. A column that is absent leaves what is there, an
    empty cell clears it. Further columns: name, subscription_status, first_name,
    last_name, date_of_birth, phone, address.

    What `members export` writes can be imported again; points and XP in it are
    passed over.
    """
    from trcpoints.db.database import Access, access_to_create, open_database
    from trcpoints.guards import Consent, ask_first
    from trcpoints.members.edits import editor
    from trcpoints.members.import_guard import ACCEPT_CHANGES
    from trcpoints.members.importing import import_members, preview_import, read_members
    from trcpoints.records import read_input

    session = session_of(context)
    settings = session.settings
    who = editor(by)
    percent = settings.mass_change_percent
    accepted = (ACCEPT_CHANGES,) * accept_changes
    with _importing(session):
        data, name = read_input(file)
        records = read_members(data, name)

    def preview(consent: Consent) -> MembersImportDocument:
        with open_database(settings.database_url, Access.READ) as engine:
            return preview_import(engine, records, percent=percent, consent=consent)

    if dry_run:
        with _shown(session, name):
            document = preview(Consent(accepted))
    else:
        consent = ask_first(preview, accepted, asker(yes=yes))
        with (
            _importing(session),
            open_database(settings.database_url, access_to_create(settings.trigger)) as engine,
        ):
            document = import_members(
                engine, records, datetime.now(UTC), by=who, percent=percent, consent=consent
            )
    session.show(document, lambda: _render(document, name))


@contextmanager
def _importing(session: Session) -> Iterator[None]:
    with session.progress() as progress:
        if progress is not None:
            progress.add_task("Importing", total=None)
        yield


@contextmanager
def _shown(session: Session, name: str) -> Iterator[None]:
    """Show a person the changes that a guard refuses; a script finds them in its document."""
    from trcpoints.documents.members import MembersImportDocument

    try:
        yield
    except MassChangeRefused as refusal:
        document = refusal.document
        if isinstance(document, MembersImportDocument) and not session.json:
            session.show(document, lambda: _render(document, name))
        raise


def _render(document: MembersImportDocument, name: str) -> RenderableType:
    from rich.console import Group

    told = (
        f"{harmless(name)}: {counted(document.records, 'record')}; {document.created:,} created, "
        f"{document.updated:,} updated, {document.unchanged:,} unchanged"
    )
    told += "".join(_links(document))
    if not document.dry_run:
        return told
    what = "with --accept-changes" if document.error is not None else "now"
    heading = f"Dry run: this is what the import would do {what}; nothing was written."
    changes = document.changes or []
    more = len(changes) - _SHOWN
    return Group(
        heading,
        told,
        *([_changes(changes[:_SHOWN])] if changes else []),
        *([f"and {more:,} more; all of them with --json"] if more > 0 else []),
    )


def _links(document: MembersImportDocument) -> Iterator[str]:
    """What the import means for the accounts that members had, where it means anything."""
    if document.relinked:
        yield (
            f"; {counted(document.relinked, 'member')} with another Discord account, to be "
            "baselined again by the next sync"
        )
    if document.unlinked:
        yield f"; {counted(document.unlinked, 'member')} without a Discord account now"


def _changes(changes: list[MembersImportChange]) -> RenderableType:
    shown = table("record!", "member!", "name", "field|", "ours", "theirs")
    for change in changes:
        shown.add_row(
            str(change.record),
            change.member_id or "new",
            harmless(change.name or ""),
            change.field,
            harmless(change.ours or ""),
            harmless(change.theirs or ""),
        )
    return shown
