"""`trcpoints members`: import, add, show and change members."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli import members_held, members_import
from trcpoints.cli.app import command, group
from trcpoints.cli.members_import import By
from trcpoints.cli.session import session_of
from trcpoints.errors import UsageFault

if TYPE_CHECKING:
    from typing import TextIO

    from trcpoints.documents.members import MemberDetail

app = group("Import, add, show and change members.", example="trcpoints members list")

command(app, "import", example=members_import.EXAMPLE)(members_import.import_)

Reference = Annotated[str, typer.Argument(metavar="REF", help="Member id, discord:ID or e-mail.")]
Name = Annotated[str | None, typer.Option("--name", help="The name to show.")]
DiscordId = Annotated[
    str | None, typer.Option("--discord-id", metavar="ID", help="The id of their Discord account.")
]
Email = Annotated[str | None, typer.Option("--email", metavar="ADDRESS", help="E-mail.")]
Status = Annotated[
    str | None,
    typer.Option("--status", help="Subscription: NONE, TRIALING, ACTIVE, PAST_DUE or CANCELLED."),
]
FirstName = Annotated[str | None, typer.Option("--first-name", help="First name.")]
LastName = Annotated[str | None, typer.Option("--last-name", help="Last name.")]
BirthDate = Annotated[
    str | None, typer.Option("--date-of-birth", metavar="YYYY-MM-DD", help="Date of birth.")
]
Phone = Annotated[str | None, typer.Option("--phone", help="Phone number.")]
Address = Annotated[str | None, typer.Option("--address", help="Postal address.")]


@command(app, example='trcpoints members add --discord-id 159962941502783488 --name "Ada"')
def add(
    context: typer.Context,
    *,
    discord_id: DiscordId = None,
    name: Name = None,
    email: Email = None,
    status: Status = None,
    first_name: FirstName = None,
    last_name: LastName = None,
    date_of_birth: BirthDate = None,
    phone: Phone = None,
    address: Address = None,
    by: By = None,
) -> None:
    """Add one member. The next sync takes their XP of then as the baseline."""
    from trcpoints.cli.members_shown import render_detail
    from trcpoints.db.database import access_to_create, open_database
    from trcpoints.documents.members import MembersAddDocument
    from trcpoints.members.changing import add_member
    from trcpoints.members.edits import editor
    from trcpoints.members.views import detail

    given = _given(
        discord_id=discord_id,
        name=name,
        email=email,
        subscription_status=status,
        first_name=first_name,
        last_name=last_name,
        date_of_birth=date_of_birth,
        phone=phone,
        address=address,
    )
    session = session_of(context)
    who = editor(by)
    access = access_to_create(session.settings.trigger)
    with open_database(session.settings.database_url, access) as engine:
        member = add_member(engine, given, datetime.now(UTC), by=who)
        document = MembersAddDocument(member=detail(member))
    session.show(document, lambda: render_detail(document.member))


@command(app, "list", example="trcpoints members list --unlinked")
def list_(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many.")] = 100,
    inactive: Annotated[
        bool, typer.Option("--inactive", help="Those that a federation marked inactive.")
    ] = False,
    left: Annotated[
        bool, typer.Option("--left", help="Those who left Discord, as far as is known.")
    ] = False,
    unlinked: Annotated[
        bool, typer.Option("--unlinked", help="Those without a Discord account.")
    ] = False,
    awaiting_baseline: Annotated[
        bool,
        typer.Option(
            "--awaiting-baseline", help="Those whose next XP that a sync sees is a baseline."
        ),
    ] = False,
) -> None:
    """List members, in the order of their ids."""
    from trcpoints.cli.members_shown import render_list
    from trcpoints.db.database import Access, open_database
    from trcpoints.members.views import Filters, list_members

    session = session_of(context)
    filters = Filters(
        inactive=inactive, left=left, unlinked=unlinked, awaiting_baseline=awaiting_baseline
    )
    with open_database(session.settings.database_url, Access.READ):
        document = list_members(filters, limit)
    session.show(document, lambda: render_list(document))


@command(app, example="trcpoints members show discord:159962941502783488")
def show(
    context: typer.Context,
    reference: Reference,
    *,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Entries and records of activity to show.")
    ] = 10,
) -> None:
    """Show one member: the newest of their ledger and activity, their federations, who set what."""
    from trcpoints.cli.members_shown import render_show
    from trcpoints.db.database import Access, open_database
    from trcpoints.members.views import show_member

    session = session_of(context)
    with open_database(session.settings.database_url, Access.READ):
        document = show_member(reference, limit)
    session.show(document, lambda: render_show(document))


@command(app, "set", example="trcpoints members set 17 --email ada@example.org --phone ''")
def set_(
    context: typer.Context,
    reference: Reference,
    *,
    discord_id: DiscordId = None,
    name: Name = None,
    email: Email = None,
    status: Status = None,
    first_name: FirstName = None,
    last_name: LastName = None,
    date_of_birth: BirthDate = None,
    phone: Phone = None,
    address: Address = None,
    by: By = None,
) -> None:
    """Change one member; an empty value clears a field.

    With another Discord account the next sync takes a new baseline; points and carry stay.
    """
    from trcpoints.cli.members_shown import render_set
    from trcpoints.db.database import Access, open_database
    from trcpoints.documents.members import MembersSetDocument
    from trcpoints.members.changing import set_member
    from trcpoints.members.edits import editor
    from trcpoints.members.views import detail

    given = _given(
        discord_id=discord_id,
        name=name,
        email=email,
        subscription_status=status,
        first_name=first_name,
        last_name=last_name,
        date_of_birth=date_of_birth,
        phone=phone,
        address=address,
    )
    if not given:
        raise UsageFault("Nothing is to be set.", hint="trcpoints members set --help")
    session = session_of(context)
    who = editor(by)
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        member, changed = set_member(engine, reference, given, datetime.now(UTC), by=who)
        document = MembersSetDocument(changed=changed, member=detail(member))
    session.show(document, lambda: render_set(document))


@command(app, example="trcpoints members export --output members.csv")
def export(
    context: typer.Context,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write this file, which only you can read then."
        ),
    ] = None,
) -> None:
    """Write all members as CSV, or with --json as JSON; `members import` reads both."""
    from trcpoints.cli.output import PRIVATE, atomic_output
    from trcpoints.cli.text import counted, harmless, storable
    from trcpoints.db.database import Access, open_database
    from trcpoints.documents import OutputDocument
    from trcpoints.members.views import exported_members

    session = session_of(context)
    with (
        open_database(session.settings.database_url, Access.READ) as engine,
        exported_members(engine) as (total, found),
    ):
        # What is wrong with the database shows before anything is written.
        members: Iterable[MemberDetail] = itertools.chain(list(itertools.islice(found, 1)), found)
        if output is None:
            session.begun = session.json
            _write(sys.stdout, members, as_json=session.json)
            return
        with session.progress() as progress, atomic_output(output, mode=PRIVATE) as file:
            if progress is not None:
                members = progress.track(members, total=total, description="exporting")
            _write(file, members, as_json=session.json)
    written = OutputDocument(
        output=storable(str(output)), format="json" if session.json else "csv", records=total
    )
    session.show(
        written, lambda: f"{harmless(written.output)}: {counted(written.records, 'member')} written"
    )


for _declared, _example in members_held.COMMANDS:
    command(app, example=_example)(_declared)


def _write(file: TextIO, members: Iterable[MemberDetail], *, as_json: bool) -> None:
    import msgspec

    from trcpoints.cli.rows import write_csv, write_json_items
    from trcpoints.documents.members import MemberDetail, MembersExportDocument

    if as_json:
        write_json_items(file, MembersExportDocument(members=[]), members)
        return
    # The same spelling of times as in JSON.
    rows = (msgspec.to_builtins(member).values() for member in members)
    write_csv(file, MemberDetail.__struct_fields__, rows)


def _given(**options: str | None) -> dict[str, str | None]:
    """The options that were said."""
    return {name: value for name, value in options.items() if value is not None}
