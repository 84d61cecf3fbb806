"""`federation sync` and `federation retry` from beginning to end (design, section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.documents.federation import (
    FederationRetryDocument,
    FederationRunRow,
    FederationSyncDocument,
)
from trcpoints.errors import Interrupted, LeaseHeld, NotFound, TrcpointsError
from trcpoints.federation.config import Connector, Federations
from trcpoints.federation.connectors import open_source
from trcpoints.federation.draining import Drained, Tick, drain, end_stuck
from trcpoints.federation.queue.claiming import Wanted
from trcpoints.federation.queue.enqueuing import (
    enqueue_organizations,
    hurry,
    hurry_removed,
    unreached,
)
from trcpoints.federation.queue.listing import open_jobs
from trcpoints.federation.work import Work, describe
from trcpoints.jobs.record import error_info
from trcpoints.jobs.run import Clock, explained, status_of
from trcpoints.records import quoted

D = TypeVar("D", FederationSyncDocument, FederationRetryDocument)


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What `federation sync` was asked for; None: all connectors, all organizations."""

    connector: str | None = None
    organization: str | None = None
    dry_run: bool = False
    accept_changes: bool = False


def sync(
    settings: Settings,
    federations: Federations,
    options: SyncOptions,
    *,
    clock: Clock,
    tick: Tick,
) -> FederationSyncDocument:
    """Enqueue a job for each enabled organization, and work the queue until nothing is due.

    Raises the first failure when all is done, with the document of the whole.
    """
    began = clock()
    document = FederationSyncDocument(
        status="completed",
        dry_run=options.dry_run,
        trigger=settings.trigger,
        started_at=began,
        finished_at=began,
        duration_seconds=0.0,
        enqueued=0,
        runs=[],
        stuck=[],
        waiting=[],
    )
    chosen = _chosen(federations, options)
    with _told(document, clock) as drained:
        if options.dry_run:
            _preview(settings, chosen, options, drained, clock=clock, tick=tick)
        else:
            _sync(settings, federations, chosen, options, drained, document, clock, tick)
    return document


def retry(
    settings: Settings,
    federations: Federations,
    job_id: int | None,
    *,
    clock: Clock,
    tick: Tick,
) -> FederationRetryDocument:
    """Do what is due in the queue, or one job now. Raises as `sync`; and NotFound, DataRefused.

    Where there is nothing to do, nothing is written.
    """
    began = clock()
    document = FederationRetryDocument(
        status="completed",
        started_at=began,
        finished_at=began,
        duration_seconds=0.0,
        runs=[],
        stuck=[],
    )
    wanted = Wanted(job_id=job_id, switched_off=_switched_off(federations))
    with _told(document, clock) as drained:
        if job_id is not None:
            end_stuck(settings, federations, drained, clock=clock)
            with open_database(settings.database_url, Access.WRITE) as engine:
                hurry(engine, federations, job_id)
        drain(settings, federations, wanted, drained, clock=clock, tick=tick)
    if job_id is not None and not drained.runs:
        raise LeaseHeld(
            f"Job {job_id} is due now, and could not be begun: it is at work elsewhere, or as many "
            "jobs as may be are.",
            hint="See who is at work: trcpoints federation queue --status running",
        )
    return document


def _sync(
    settings: Settings,
    federations: Federations,
    chosen: list[tuple[Connector, str]],
    options: SyncOptions,
    drained: Drained,
    document: FederationSyncDocument,
    clock: Clock,
    tick: Tick,
) -> None:
    wanted = Wanted(
        options.connector, options.organization, switched_off=_switched_off(federations)
    )
    end_stuck(settings, federations, drained, clock=clock)
    with open_database(settings.database_url, Access.WRITE) as engine:
        hurry_removed(engine, federations)
        enqueued = enqueue_organizations(
            engine,
            chosen,
            trigger=settings.trigger,
            accept_changes=options.accept_changes,
            now=clock(),
        )
    document.enqueued = enqueued.new
    drained.faults += [
        (f"{job.connector}/{job.organization}", unreached(job)) for job in enqueued.unreached
    ]
    drain(settings, federations, wanted, drained, clock=clock, tick=tick)
    with open_database(settings.database_url, Access.READ):
        document.waiting = open_jobs(wanted)


def _preview(
    settings: Settings,
    chosen: list[tuple[Connector, str]],
    options: SyncOptions,
    drained: Drained,
    *,
    clock: Clock,
    tick: Tick,
) -> None:
    """What a sync would do now; the connection to the database cannot write."""
    with open_database(settings.database_url, Access.READ) as engine:
        for connector, organization in chosen:
            tick(connector.scope(organization))
            work = Work(connector, organization, connector.strategy, options.accept_changes)
            _try_out(engine, work, drained, clock)


def _try_out(engine: Engine, work: Work, drained: Drained, clock: Clock) -> None:
    connector, began = work.connector, clock()
    row = FederationRunRow(
        run_id=None,
        job_id=None,
        connector=connector.name,
        organization=work.organization,
        external_id=None,
        status="completed",
        strategy=work.strategy,
    )
    drained.runs.append(row)
    try:
        with open_source(connector, clock) as source:
            fetched = work.fetch(engine, source, lambda: None)
        with engine.snapshot():
            plan = work.settle(engine, fetched, run_id="", now=clock())
        describe(plan.counts, row)
    except TrcpointsError as fault:
        row.status, row.error = status_of(fault), error_info(fault)
        drained.faults.append((connector.scope(work.organization), fault))
    row.duration_seconds = round((clock() - began).total_seconds(), 3)


def _chosen(federations: Federations, options: SyncOptions) -> list[tuple[Connector, str]]:
    """The organizations that are asked for; raises NotFound where there are none."""
    chosen = [
        (connector, organization)
        for connector in federations.connectors.values()
        if connector.enabled and options.connector in {None, connector.name}
        for organization in connector.organizations
        if options.organization in {None, organization}
    ]
    named = [name for name in (options.connector, options.organization) if name is not None]
    if not chosen and named:
        asked = "/".join(map(quoted, named))
        known = ", ".join(
            connector.scope(organization)
            for connector in federations.connectors.values()
            if connector.enabled
            for organization in connector.organizations
        )
        raise NotFound(
            f"There is no {asked} among the federations that are enabled: {known or 'none'}.",
            hint="See what is set up: trcpoints federation check",
        )
    return chosen


def _switched_off(federations: Federations) -> frozenset[str]:
    return frozenset(one.name for one in federations.connectors.values() if not one.enabled)


@contextmanager
def _told(document: D, clock: Clock) -> Iterator[Drained]:
    """Fill in a document by what the block has done; raises its first failure at the end."""
    drained = Drained()
    try:
        yield drained
    except (Exception, Interrupted) as raised:
        fault = explained(raised)
        _close(document, drained, clock)
        document.status, document.error = status_of(fault), error_info(fault)
        fault.document = document
        if fault is raised:
            raise
        raise fault from raised
    _close(document, drained, clock)
    if drained.faults:
        fault = _first(drained.faults)
        document.status, document.error = status_of(fault), error_info(fault)
        fault.document = document
        raise fault


def _close(document: D, drained: Drained, clock: Clock) -> None:
    document.runs, document.stuck = drained.runs, drained.stuck
    document.finished_at = clock()
    elapsed = document.finished_at - document.started_at
    document.duration_seconds = round(elapsed.total_seconds(), 3)


def _first(faults: list[tuple[str, TrcpointsError]]) -> TrcpointsError:
    """The failure to raise: the first one, before any that only came at a bad time.

    Its message says of what; where there are several it names them all.
    """
    scope, first = min(faults, key=lambda one: status_of(one[1]) != "failed")
    if len(faults) > 1:
        told = [f"{scope}: {fault.message}" for scope, fault in faults]
        first.message = "\n".join([f"{len(faults)} tries came to nothing:", *told])
        first.hint = "See them all: trcpoints federation queue"
    elif scope not in first.message:
        first.message = f"{scope}: {first.message}"
    return first
