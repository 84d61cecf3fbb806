"""Keeping deliveries and counting refusals in the database (design, section 8)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from peewee import fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob, WebhookDelivery, WebhookRefusal
from trcpoints.errors import DatabaseLocked, TrcpointsError
from trcpoints.federation.config import Connector
from trcpoints.federation.webhook.connection import Database
from trcpoints.federation.webhook.enqueuing import enqueue
from trcpoints.federation.webhook.events import Event, Refusal
from trcpoints.federation.webhook.receiving import Delivery, Outcome, RateLimited, Reason

MOST = 100
"""Verified deliveries of a connector in a sliding minute, and as many repeats."""

_MINUTE = timedelta(minutes=1)
COUNT_WAIT = 0.5
"""Seconds to wait for a lock with a count of what nobody has signed, which holds a worker."""

LOCK_WAIT = 10.0
"""Seconds to wait for the books lock: some senders give up after 15."""


class DatabaseRegister:
    """The register of all processes; `tell` is told why a refusal is not counted."""

    def __init__(self, database: Database, url: str, tell: Callable[[str], None]) -> None:
        self._database = database
        self._url = url
        self._tell = tell

    def take(self, delivery: Delivery, now: datetime) -> Outcome | RateLimited:
        """One transaction: the limit, the log, the queue. Raises what `open_database` raises."""
        return self._database.run(self._url, lambda engine: take(engine, delivery, now))

    def count(self, connector: str | None, reason: Reason, now: datetime) -> None:
        """Count a refusal; where the database cannot, the answer is the same without it."""
        end = time.monotonic() + COUNT_WAIT
        while True:
            try:
                return self._database.run(self._url, lambda _: count(connector, reason, now))
            except TrcpointsError as fault:
                if not isinstance(fault, DatabaseLocked) or time.monotonic() >= end:
                    return self._tell(fault.message)


def take(engine: Engine, delivery: Delivery, now: datetime) -> Outcome | RateLimited:
    """Keep a delivery and enqueue its work; nothing where the connector has had its share.

    A repeat of an id is a duplicate. So is one of a body that is signed by itself while the same,
    the last word about that member, waits in the queue: it has no time, so what is meant anew
    later looks the same.
    """
    engine.lock_wait = LOCK_WAIT
    with engine.books():
        connector, says = delivery.connector, delivery.says
        known = None if isinstance(says, Refusal) else _known_job(delivery, says)
        limited = _limit(connector, now, repeats=known is not None)
        if limited is not None:
            return limited
        if isinstance(says, Refusal):
            return _keep(delivery, "rejected", None, now)
        if known is not None:
            return _keep(delivery, "duplicate", known, now)
        return _keep(delivery, "queued", enqueue(engine, connector, says, now), now)


def count(connector: str | None, reason: Reason, now: datetime) -> None:
    """One more refusal of this minute; "" stands for all connectors that there are not."""
    refusal = WebhookRefusal
    refusal.insert(
        connector=connector or "",
        reason=reason,
        minute=now.replace(second=0, microsecond=0),
        count=1,
    ).on_conflict(
        conflict_target=[refusal.connector, refusal.reason, refusal.minute],
        update={refusal.count: refusal.count + 1},
    ).execute()


def _limit(connector: Connector, now: datetime, *, repeats: bool) -> RateLimited | None:
    """Repeats have a share of their own: a copy of one delivery shall lock out no other."""
    row = WebhookDelivery
    is_alike = (row.outcome == "duplicate") == repeats
    # Not beyond a minute ahead: a clock that was wrong once shall not shut anybody out.
    within = (row.received_at > now - _MINUTE) & (row.received_at < now + _MINUTE)
    recent = (
        row.select(row.received_at)
        .where((row.connector == connector.name) & within & is_alike)
        .order_by(row.received_at.desc())
        .limit(MOST)
    )
    times = [one.received_at for one in recent]
    if len(times) < MOST:
        return None
    return RateLimited(max(1, math.ceil((times[-1] + _MINUTE - now).total_seconds())))


def _known_job(delivery: Delivery, event: Event) -> int | None:
    """The job of a delivery that this one repeats."""
    row, job = WebhookDelivery, FederationJob
    queued = row.select(row.delivery_id, row.form, row.job_id).where(
        (row.connector == delivery.connector.name) & (row.outcome == "queued")
    )
    if delivery.form == "headers":
        is_same = (row.delivery_id == delivery.delivery_id) & (row.form == "headers")
        known = queued.where(is_same).first()
        return None if known is None else known.job_id
    is_theirs = (row.organization == event.organization) & (row.external_id == event.external_id)
    last = queued.where(is_theirs).order_by(row.id.desc()).first()
    if last is None or (last.form, last.delivery_id) != ("body", delivery.delivery_id):
        return None
    waits = job.select(fn.COUNT(job.id)).where((job.id == last.job_id) & (job.status == "pending"))
    return last.job_id if waits.scalar() else None


def _keep(delivery: Delivery, outcome: Outcome, job_id: int | None, now: datetime) -> Outcome:
    says = delivery.says
    WebhookDelivery.insert(
        connector=delivery.connector.name,
        form=delivery.form,
        delivery_id=delivery.delivery_id,
        received_at=now,
        organization=says.organization,
        external_id=says.external_id,
        event=says.kind if isinstance(says, Event) else None,
        outcome=outcome,
        reason=says.reason if isinstance(says, Refusal) else None,
        job_id=job_id,
    ).execute()
    return outcome
