"""`trcpoints federation unlink`: when a record was taken for the wrong member."""

from __future__ import annotations

from typing import Annotated

import typer

from trcpoints.cli.session import session_of

EXAMPLE = "trcpoints federation unlink ada@example.org --connector gaa --organization st-judes"


def unlink(
    context: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="Member id, discord:ID or e-mail.")
    ],
    *,
    connector: Annotated[
        str, typer.Option("--connector", metavar="NAME", help="The connector of the record.")
    ],
    organization: Annotated[
        str, typer.Option("--organization", metavar="NAME", help="The organization of the record.")
    ],
) -> None:
    """Forget which record of an organization a member is; the next sync matches the record anew.

    It would find the same member by the same Discord id or e-mail: mend these first.
    """
    from trcpoints.cli.text import harmless
    from trcpoints.db.database import Access, open_database
    from trcpoints.documents.federation import FederationUnlinkDocument
    from trcpoints.federation.engine.unlinking import unlink as forget
    from trcpoints.records import quoted

    session = session_of(context)
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        member, link = forget(engine, reference, connector, organization)
    document = FederationUnlinkDocument(
        member_id=str(member.id),
        name=member.name,
        connector=link.connector,
        organization=link.organization,
        external_id=link.external_id,
    )
    who = f"member {member.id} {member.name or ''}".rstrip()
    place = f"{link.connector}/{link.organization}"
    told = f"{who} is no longer record {quoted(link.external_id)} of {place}"
    session.show(document, lambda: harmless(told))
