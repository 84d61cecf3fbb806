"""What webhooks brought, and how many were refused."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from trcpoints.documents import Document, Moment

DeliveryOutcome = Literal["queued", "duplicate", "rejected"]
"""What became of a verified delivery."""


class FederationDeliveryRow(Struct, kw_only=True):
    """A verified delivery.

    `signed_by` says which signature it had: that in its headers, with `delivery_id` its sender's,
    or the one in its body, of which `delivery_id` is the digest. `job_id` is the job that does it;
    for a duplicate, the one of the first. One that is rejected has a `reason`, and what of its
    body could be kept.
    """

    received_at: Moment
    connector: str
    organization: str | None
    external_id: str | None
    event: str | None
    outcome: DeliveryOutcome
    reason: str | None
    job_id: str | None
    signed_by: Literal["headers", "body"]
    delivery_id: str


class FederationRefusalRow(Struct, kw_only=True):
    """How many were refused for a reason, from its first minute to its last.

    `connector` is None for those that named none that there is.
    """

    connector: str | None
    reason: str
    count: int
    first_at: Moment
    last_at: Moment


class FederationDeliveriesDocument(Document, kw_only=True, tag="trcpoints.federation.deliveries/1"):
    """Deliveries, the newest first; `total` counts all that the filters let through.

    `refused` is the sum of the `refusals`, of whose content nothing is kept.
    """

    total: int
    refused: int
    page: int
    limit: int
    deliveries: list[FederationDeliveryRow]
    refusals: list[FederationRefusalRow]
