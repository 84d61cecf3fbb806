"""`trcpoints federation deliveries`: what webhooks brought, and what was refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trcpoints.cli.session import session_of
from trcpoints.cli.tables import moment, number, table
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.deliveries import FederationDeliveriesDocument

EXAMPLE = "trcpoints federation deliveries --outcome refused --since 7d"


def _moment(text: str) -> datetime:
    from trcpoints.jobs.history.times import moment_or_age

    try:
        return moment_or_age(text, datetime.now(UTC))
    except ValueError as fault:
        raise typer.BadParameter(f"{fault}.") from fault


def deliveries(
    context: typer.Context,
    *,
    outcome: Annotated[
        Literal["queued", "duplicate", "rejected", "refused"] | None,
        typer.Option("--outcome", help="Only those of which this became; refused: only counts."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            parser=_moment,
            help="Received at this time (UTC) or later; 7d or 12h: so long ago.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Deliveries on a page.")
    ] = 50,
    page: Annotated[
        int, typer.Option("--page", metavar="N", min=1, max=1_000_000_000, help="Which page.")
    ] = 1,
) -> None:
    """List what webhooks brought, the newest first, and count what was refused.

    Of what was refused nothing is kept but how often, for which connector, and why.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.federation.deliveries import Filters, list_deliveries

    session = session_of(context)
    filters = Filters(outcome, since)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = list_deliveries(engine, filters, limit=limit, page=page)
    session.show(document, lambda: _render(document))


def _render(document: FederationDeliveriesDocument) -> RenderableType:
    from rich.console import Group

    shown: list[RenderableType] = []
    if document.deliveries:
        listed = table(
            "received (UTC)|", "connector", "organization", "member", "event", "outcome", "job!"
        )
        for row in document.deliveries:
            came = f"{row.outcome} ({row.reason})" if row.reason else row.outcome
            who = (row.connector, row.organization, row.external_id, row.event)
            listed.add_row(
                moment(row.received_at), *(harmless(x or "") for x in who), came, row.job_id or ""
            )
        shown.append(listed)
    shown.append(counted(document.total, "webhook"))
    if document.refusals:
        refused = table("refused for", "connector", "times!", "first (UTC)|", "last (UTC)|")
        for one in document.refusals:
            refused.add_row(
                one.reason.replace("_", " "),
                harmless(one.connector or ""),
                number(one.count),
                moment(one.first_at),
                moment(one.last_at),
            )
        shown += ["", refused]
    return Group(*shown)
