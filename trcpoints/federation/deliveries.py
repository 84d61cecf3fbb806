"""The deliveries of webhooks on record, and the refusals. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from peewee import Expression, fn

from trcpoints.db.engine import Engine
from trcpoints.db.fields import from_driver
from trcpoints.db.models import WebhookDelivery, WebhookRefusal
from trcpoints.documents.deliveries import (
    DeliveryOutcome,
    FederationDeliveriesDocument,
    FederationDeliveryRow,
    FederationRefusalRow,
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which to read: those with an outcome ("refused": only the refusals), from `since` on."""

    outcome: DeliveryOutcome | Literal["refused"] | None = None
    since: datetime | None = None


def list_deliveries(
    engine: Engine, filters: Filters, *, limit: int, page: int
) -> FederationDeliveriesDocument:
    """One page (from 1) of the deliveries, and all refusals by connector and reason."""
    row = WebhookDelivery
    with engine.snapshot():
        refusals = _refusals(engine, filters) if filters.outcome in {None, "refused"} else []
        condition = _condition(filters)
        newest = row.select().where(condition).order_by(row.received_at.desc(), row.id.desc())
        is_asked = filters.outcome != "refused"
        return FederationDeliveriesDocument(
            total=row.select().where(condition).count() if is_asked else 0,
            refused=sum(refusal.count for refusal in refusals),
            page=page,
            limit=limit,
            deliveries=[_row(one) for one in newest.paginate(page, limit)] if is_asked else [],
            refusals=refusals,
        )


def _condition(filters: Filters) -> Expression:
    row = WebhookDelivery
    condition = row.id.is_null(False)
    if filters.outcome is not None:
        condition &= row.outcome == filters.outcome
    if filters.since is not None:
        condition &= row.received_at >= filters.since
    return condition


def _refusals(engine: Engine, filters: Filters) -> list[FederationRefusalRow]:
    row = WebhookRefusal
    count = fn.SUM(row.count)
    query = (
        row.select(row.connector, row.reason, count, fn.MIN(row.minute), fn.MAX(row.minute))
        .group_by(row.connector, row.reason)
        .order_by(row.connector, row.reason)
    )
    if filters.since is not None:
        query = query.where(row.minute >= filters.since.replace(second=0, microsecond=0))
    return [
        FederationRefusalRow(
            connector=connector or None,
            reason=reason,
            count=int(number),
            first_at=cast("datetime", from_driver(first)),  # the column is never empty
            last_at=cast("datetime", from_driver(last)),
        )
        for connector, reason, number, first, last in engine.raw_rows(query)
    ]


def _row(one: WebhookDelivery) -> FederationDeliveryRow:
    return FederationDeliveryRow(
        received_at=one.received_at,
        connector=one.connector,
        organization=one.organization,
        external_id=one.external_id,
        event=one.event,
        outcome=cast("DeliveryOutcome", one.outcome),
        reason=one.reason,
        job_id=None if one.job_id is None else str(one.job_id),
        signed_by=cast("Literal['headers', 'body']", one.form),
        delivery_id=one.delivery_id,
    )
