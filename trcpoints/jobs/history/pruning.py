"""Deleting the records of old runs, jobs and webhooks (design, section 9: housekeeping).

What they did stays: ledger, activity records and conflicts are never deleted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from peewee import SQL, Expression, Field, Model, ModelSelect, fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob, Run, WebhookDelivery, WebhookRefusal
from trcpoints.documents.history import HistoryPruneDocument
from trcpoints.jobs.streaks.sync_runs import is_needed

BATCH = 1_000
"""Records deleted in one transaction: what waits for the books lock meanwhile waits for that."""

REPEATS = timedelta(days=7)
"""So long a delivery is kept in any case: by it a repeat is told, and the limit is counted. A
signature is good for minutes, but some senders try again for days, and sign each time anew.
"""

_NUMBER = fn.COUNT(SQL("*"))


def prune(
    engine: Engine, before: datetime, now: datetime, *, dry_run: bool
) -> HistoryPruneDocument:
    """Delete what is from before a time, each batch in a transaction. A dry run counts.

    Of runs are kept those under way, the newest completed one of each job and scope, and those of
    the sync that outages are found from; of jobs of the queue those that wait or are at work; of
    webhooks those of the last seven days.
    """
    job, delivery, refusal = FederationJob, WebhookDelivery, WebhookRefusal
    is_over = job.status.in_(["completed", "failed"])
    repeatable = min(before, now - REPEATS)
    pruned = [
        _delete(engine, Run.id, Run.started_at, _prunable(before), dry_run),
        _delete(engine, job.id, job.id, is_over & (job.created_at < before), dry_run),
        _delete(engine, delivery.id, delivery.id, delivery.received_at < repeatable, dry_run),
        _delete(engine, refusal.id, refusal.id, refusal.minute < repeatable, dry_run),
    ]
    runs, jobs, deliveries, refusals = pruned
    return HistoryPruneDocument(
        dry_run=dry_run,
        before=before,
        pruned=runs,
        jobs=jobs,
        deliveries=deliveries,
        refusals=refusals,
    )


def _delete(
    engine: Engine, key: Field[Any], order: Field[Any], condition: Expression, dry_run: bool
) -> int:
    """How many rows of the key's table were, or would be, deleted. Any: keys are of two types."""
    model: type[Model] = key.model
    if dry_run:
        return int(model.select(_NUMBER).where(condition).scalar())
    number = 0
    while deleted := _delete_batch(
        engine, key, model.select(key).where(condition).order_by(order).limit(BATCH)
    ):
        number += deleted
    return number


def _delete_batch(engine: Engine, key: Field[Any], oldest: ModelSelect[Any]) -> int:
    with engine.books():
        ids = [found for (found,) in engine.raw_rows(oldest)]
        if ids:
            key.model.delete().where(key.in_(ids)).execute()
    return len(ids)


def _prunable(before: datetime) -> Expression:
    """The condition of the runs to delete."""
    later: Any = Run.alias()  # which peewee's stubs take for a table without columns
    same_scope = (later.scope == Run.scope) | (later.scope.is_null() & Run.scope.is_null())
    has_later = fn.EXISTS(
        later.select(SQL("1")).where(
            (later.job == Run.job)
            & (later.status == "completed")
            & (later.started_at >= Run.started_at)
            & ((later.started_at > Run.started_at) | (later.id > Run.id))
            & same_scope
        )
    )
    condition: Expression = (
        (Run.started_at < before)
        & (Run.status != "running")
        & ((Run.status != "completed") | has_later)
        & ~is_needed()
    )
    return condition
