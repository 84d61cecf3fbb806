"""The answer to a webhook: one function, whichever way it came in (design, sections 8 and 14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from trcpoints.federation.config import Connector, Federations
from trcpoints.federation.webhook import signatures
from trcpoints.federation.webhook.events import (
    Body,
    Event,
    Malformed,
    Refusal,
    read_body,
    read_event,
)

Form = Literal["headers", "body"]

Reason = Literal[
    "too_large",
    "content_type",
    "malformed",
    "unknown_connector",
    "disabled",
    "no_secret",
    "missing_signature",
    "wrong_signature",
    "stale",
    "rate_limited",
]
"""Why nothing was done for a request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; its document is `{"status": …}`, with a reason for a verified sender."""

    code: int
    status: str
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified webhook. `delivery_id` is its sender's, or a digest where the body is signed."""

    connector: Connector
    form: Form
    delivery_id: str
    says: Event | Refusal


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The connector has had its share of this minute; `retry_after` is in seconds."""

    retry_after: int


Outcome = Literal["queued", "duplicate", "rejected"]


class Register(Protocol):
    """Where deliveries and refusals are kept."""

    def take(self, delivery: Delivery, now: datetime) -> Outcome | RateLimited:
        """Keep a verified delivery, and enqueue what there is to do, all or nothing."""

    def count(self, connector: str | None, reason: Reason, now: datetime) -> None:
        """Count a refusal; None: of a connector that there is not. Raises nothing."""


UNAUTHORIZED = Answer(401, "unauthorized")
MALFORMED = Answer(400, "malformed")


def receive(
    body: bytes,
    headers: Mapping[str, str],
    now: datetime,
    federations: Federations,
    register: Register,
) -> Answer:
    """Answer a webhook; `headers` have lower-case names.

    What is not verified changes nothing but a count. Whatever is wrong with the sender or the
    signature, the answer and the time it takes are the same.
    """
    try:
        read = read_body(body)
    except Malformed:
        register.count(None, "malformed", now)
        return MALFORMED
    connector = federations.connectors.get(read.connector or "")
    verified = _verify(body, read, headers, now, connector)
    if not isinstance(verified, tuple):
        register.count(connector.name if connector else None, verified, now)
        return UNAUTHORIZED
    sender, form, delivery_id = verified
    says = read_event(read.members, sender.organizations)
    taken = register.take(Delivery(sender, form, delivery_id, says), now)
    if isinstance(taken, RateLimited):
        register.count(sender.name, "rate_limited", now)
        return Answer(429, "rate_limited", headers={"Retry-After": str(taken.retry_after)})
    if isinstance(says, Refusal):
        return Answer(422, taken, says.reason)
    return Answer(200, taken)


def _verify(
    body: bytes,
    read: Body,
    headers: Mapping[str, str],
    now: datetime,
    connector: Connector | None,
) -> tuple[Connector, Form, str] | Reason:
    """Whose it is, and by what it is recognised; or why that cannot be said."""
    secret = connector.webhook_secret if connector else None
    if signatures.has_envelope(headers):
        envelope = signatures.read_envelope(headers)
        if envelope is None:
            return "missing_signature"
        is_signed = signatures.is_signed_by_headers(envelope, body, secret)
        if connector is None or not is_signed:
            return _why(connector)
        return (connector, "headers", envelope.delivery_id) if envelope.is_timely(now) else "stale"
    if read.signature is None:
        return "missing_signature"
    is_signed = signatures.is_signed_by_body(read.canonical, read.signature, secret)
    if connector is None or not is_signed:
        return _why(connector)
    return connector, "body", signatures.digest(read.canonical)


def _why(connector: Connector | None) -> Reason:
    if connector is None:
        return "unknown_connector"
    if not connector.enabled:
        return "disabled"
    return "wrong_signature" if connector.webhook_secret else "no_secret"
