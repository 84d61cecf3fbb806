"""Deleting the records of old runs (design, section 9: housekeeping).

What the runs did stays: ledger and activity records are never deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from peewee import SQL, ModelSelect, fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import Run
from trcpoints.documents.history import HistoryPruneDocument

BATCH = 1_000
"""Records deleted in one transaction: what waits for the books lock meanwhile waits for that."""


def prune(engine: Engine, before: datetime, *, dry_run: bool) -> HistoryPruneDocument:
    """Delete the records of the runs that began before a time, each batch in a transaction.

    Kept are runs under way, and the newest completed one of each job and scope. A dry run counts.
    """
    if dry_run:
        pruned = int(_prunable(before, fn.COUNT(SQL("*"))).scalar())
    else:
        pruned = 0
        while deleted := _prune_batch(engine, before):
            pruned += deleted
    return HistoryPruneDocument(dry_run=dry_run, before=before, pruned=pruned)


def _prune_batch(engine: Engine, before: datetime) -> int:
    with engine.books():
        oldest = _prunable(before, Run.id).order_by(Run.started_at).limit(BATCH)
        ids = [run_id for (run_id,) in engine.raw_rows(oldest)]
        if ids:
            Run.delete().where(Run.id.in_(ids)).execute()
    return len(ids)


def _prunable(before: datetime, column: Any) -> ModelSelect[Any]:
    """A query over the runs to delete. Any: a field or a function of peewee's."""
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
    return Run.select(column).where(
        (Run.started_at < before)
        & (Run.status != "running")
        & ((Run.status != "completed") | has_later)
    )
