"""Which job does what a webhook tells: a new one, or one that waits (design, section 8)."""

from __future__ import annotations

from datetime import datetime

from peewee import Expression

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob, WebhookDelivery
from trcpoints.federation.config import Connector
from trcpoints.federation.queue.enqueuing import enqueue_member, enqueue_organizations
from trcpoints.federation.sources import HttpJson
from trcpoints.federation.webhook.events import Event


def enqueue(engine: Engine, connector: Connector, event: Event, now: datetime) -> int:
    """The id of a job for the member; where the federation cannot be asked for one, of a job
    that reads the organization. Of these at most one waits, whether it is being read or not.
    """
    if _can_ask(connector):
        return _for_member(engine, connector, event, now)
    if event.kind == "deleted":
        job_id = _for_member(engine, connector, event, now)
        _read_for_others(engine, connector, event, now)
        return job_id
    return _reading(engine, connector, event, now)


def _can_ask(connector: Connector) -> bool:
    return isinstance(connector.source, HttpJson) and connector.source.member_url is not None


def _for_member(engine: Engine, connector: Connector, event: Event, now: datetime) -> int:
    return enqueue_member(
        engine, connector, event.organization, event.external_id, event.kind, now=now
    )


def _reading(engine: Engine, connector: Connector, event: Event, now: datetime) -> int:
    last = _last_events(connector, event.organization)
    # After a deletion that waits: a reading before it would be undone by it.
    if _is_deleted(last.get(event.external_id)):
        return _for_member(engine, connector, event, now)
    waiting = _organization_job(engine, connector, event.organization, now)
    if waiting is not None:
        return waiting
    # It is being read now, perhaps past this member already. Only one such job may be open: the
    # first member who was told of since then has a job that reads everybody.
    readings = [job.id for job in last.values() if not _is_deleted(job)]
    return min(readings) if readings else _for_member(engine, connector, event, now)


def _read_for_others(engine: Engine, connector: Connector, deleted: Event, now: datetime) -> None:
    """See that what a job of this member was to read for others, another one reads: it is done
    with the deletion, which reads nothing.
    """
    row, job = WebhookDelivery, FederationJob
    theirs = job.select(job.id).where(
        _waiting(connector, deleted.organization), job.external_id == deleted.external_id
    )
    is_other = row.job_id.in_(theirs) & (row.external_id != deleted.external_id)
    last = _last_events(connector, deleted.organization)
    for other in row.select().where(is_other).order_by(row.id):
        told = Event(deleted.organization, str(other.external_id), "updated")
        if not _is_deleted(last.get(told.external_id)):
            _reading(engine, connector, told, now)
            return


def _organization_job(
    engine: Engine, connector: Connector, organization: str, now: datetime
) -> int | None:
    """The job that waits to read an organization; None where it is being read now."""
    enqueue_organizations(
        engine, [(connector, organization)], trigger="webhook", accept_changes=False, now=now
    )
    job = FederationJob
    is_theirs = (job.connector == connector.name) & (job.organization == organization)
    waiting = job.get_or_none(is_theirs & job.external_id.is_null() & (job.status == "pending"))
    return None if waiting is None else waiting.id


def _last_events(connector: Connector, organization: str) -> dict[str, FederationJob]:
    """Of each member who is waited for, the last job: those before it are done as it says."""
    job = FederationJob
    waiting = job.select().where(_waiting(connector, organization)).order_by(job.id)
    return {str(one.external_id): one for one in waiting}


def _is_deleted(job: FederationJob | None) -> bool:
    return job is not None and job.event == "deleted"


def _waiting(connector: Connector, organization: str) -> Expression:
    """The condition of the jobs for one member that wait."""
    job = FederationJob
    return (
        (job.connector == connector.name)
        & (job.organization == organization)
        & job.external_id.is_null(False)
        & (job.status == "pending")
    )
