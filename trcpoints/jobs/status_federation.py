"""How the federations stand, for `trcpoints status` (design, section 5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from peewee import fn

from trcpoints.db.engine import Engine
from trcpoints.db.fields import from_driver
from trcpoints.db.models import Conflict, FederationJob, FederationSource, Member, Run
from trcpoints.documents import ErrorInfo
from trcpoints.documents.status import StatusConnector, StatusFederation, StatusOrganization
from trcpoints.jobs.history.conflicts import is_waiting
from trcpoints.monitoring import health
from trcpoints.monitoring.health import JobHealth, Rejections


@dataclass(frozen=True, slots=True)
class Configured:
    """A connector as the file of the federations has it."""

    name: str
    enabled: bool
    organizations: Sequence[str]


def read_federation(
    engine: Engine, connectors: Sequence[Configured], now: datetime, *, is_known: bool
) -> tuple[StatusFederation, list[ErrorInfo]]:
    """How the connectors and the queue stand, and what is wrong with them.

    Not `is_known`: the file cannot be read, so there is no saying what is gone from it.
    """
    synced = {one.scope: one.last_synced_at for one in FederationSource.select()}
    begun = _first_jobs(engine)
    rejected = _rejected(engine)
    shown = [_connector(one, synced, begun, rejected, now) for one in connectors]
    configured = {f"{one.name}/{name}" for one in connectors for name in one.organizations}
    enabled = {
        f"{one.name}/{name}" for one in connectors if one.enabled for name in one.organizations
    }
    failed = [one for one in _failed() if one[0] in configured]
    document = StatusFederation(
        connectors=shown,
        pending=_count("pending"),
        running=_count("running"),
        failed=len(failed),
        conflicts=Conflict.select().join(Member).where(is_waiting(engine)).count(),
        removed=_waiting_beside(configured) if is_known else 0,
    )
    overdue = [
        f"{connector.name}/{one.name}"
        for connector in shown
        for one in connector.organizations
        if one.overdue
    ]
    problems = health.federation_problems(
        overdue,
        list({scope: message for scope, message in failed if scope in enabled}.items()),
        [one for scope, one in rejected.items() if scope in enabled],
        never_ran=bool(enabled) and not enabled & (synced.keys() | begun.keys()),
    )
    return document, list(problems)


def _connector(
    connector: Configured,
    synced: dict[str, datetime],
    begun: dict[str, datetime],
    rejected: dict[str, Rejections],
    now: datetime,
) -> StatusConnector:
    organizations = []
    for name in connector.organizations:
        scope = f"{connector.name}/{name}"
        known = JobHealth(first_run_at=begun.get(scope), last_success_at=synced.get(scope))
        late = connector.enabled and health.is_overdue(known, health.FEDERATION_LIMIT, now)
        organizations.append(
            StatusOrganization(
                name=name,
                last_synced_at=known.last_success_at,
                overdue=late,
                rejected=rejected[scope].rejected if scope in rejected else 0,
            )
        )
    times = [one.last_synced_at for one in organizations if one.last_synced_at is not None]
    return StatusConnector(
        name=connector.name,
        enabled=connector.enabled,
        last_synced_at=min(times) if len(times) == len(organizations) else None,
        overdue=any(one.overdue for one in organizations),
        organizations=organizations,
    )


def _first_jobs(engine: Engine) -> dict[str, datetime]:
    """When the first job of each organization was enqueued."""
    job = FederationJob
    query = job.select(job.connector, job.organization, fn.MIN(job.created_at)).group_by(
        job.connector, job.organization
    )
    found = {}
    for connector, organization, first in engine.raw_rows(query):
        at = from_driver(first)
        if at is not None:
            found[f"{connector}/{organization}"] = at
    return found


def _failed() -> list[tuple[str, str]]:
    """The jobs that failed for good with no later sync of their organization, and why."""
    job, later = FederationJob, FederationJob.alias()
    made_up_for = later.select(later.id).where(
        (later.status == "completed")
        & later.external_id.is_null()
        & (later.id > job.id)
        & (later.connector == job.connector)
        & (later.organization == job.organization)
    )
    query = job.select().where((job.status == "failed") & ~fn.EXISTS(made_up_for)).order_by(job.id)
    return [(f"{x.connector}/{x.organization}", x.error_message or "") for x in query]


class _Records(msgspec.Struct):
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0


class _Stats(msgspec.Struct):
    records: _Records


def _rejected(engine: Engine) -> dict[str, Rejections]:
    """What the last full read of each organization rejected, where it rejected anything."""
    query = FederationSource.select(FederationSource.scope, Run.id, Run.stats).join(
        Run, on=(Run.id == FederationSource.last_run)
    )
    found = {}
    for scope, run_id, stats in engine.raw_rows(query.where(Run.status == "completed")):
        counts = msgspec.json.decode(stats, type=_Stats).records
        read = counts.created + counts.updated + counts.unchanged + counts.rejected
        if counts.rejected:
            found[scope] = Rejections(scope, run_id, counts.rejected, read)
    return found


def _waiting_beside(configured: Collection[str]) -> int:
    """How many jobs wait for an organization that the file does not have."""
    waiting = FederationJob.select().where(FederationJob.status == "pending")
    return sum(f"{job.connector}/{job.organization}" not in configured for job in waiting)


def _count(status: str) -> int:
    return FederationJob.select().where(FederationJob.status == status).count()
