"""Copying a whole database into another, row by row, whatever engines the two have (section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import peewee

from trcpoints.db import schema
from trcpoints.db.database import Access, connected, open_database, translated, upgrade
from trcpoints.db.engine import Engine, portions
from trcpoints.db.fields import TimeField, to_text
from trcpoints.db.models import MODELS, FederationJob, Lease, Run
from trcpoints.errors import DatabaseUnavailable, TargetNotEmpty

Tick = Callable[[int, int], None]
"""Told of progress: rows copied so far, and rows in all."""

COPIED = [model for model in MODELS if model is not Lease]
"""What a copy has. Who is at work in the one database is not at work in the other."""


@contextmanager
def both_ends(
    source_url: str, target_url: str, target_access: Access
) -> Iterator[tuple[Engine, Engine]]:
    """The source, which cannot be written, and the target, empty and with today's schema.

    The models are bound to the target. Raises TargetNotEmpty before anything is changed there,
    and what `open_database` raises.
    """
    with (
        open_database(source_url, Access.READ) as source,
        connected(target_url, target_access) as target,
    ):
        _require_empty(target)
        upgrade(target, target_access)
        yield source, target


def copy_rows(source: Engine, target: Engine, tick: Tick) -> dict[str, int]:
    """Copy the tables, ids included, from one snapshot in one transaction; rows by table.

    Leases stay behind; in the copy, runs that were under way are abandoned, and jobs of the queue
    that were at work wait again. What is written to the source meanwhile is not in the copy. After
    any failure the target is as empty as before.
    Raises TargetNotEmpty, DatabaseUnavailable.
    """
    with source.snapshot(), target.books():
        _require_empty(target)
        with translated(source):
            expected = {_table(model): _count(model, source) for model in COPIED}
        total, done = sum(expected.values()), 0
        for model in COPIED:
            columns = [field.column_name for field in model._meta.sorted_fields]
            for portion in portions(_rows(model, source)):
                target.insert_rows(_table(model), columns, portion)
                done += len(portion)
                tick(done, total)
            _continue_ids(model, target)
        _put_down()
        _require_complete(target, expected, {_table(m): _count(m, target) for m in COPIED})
    return expected


def _put_down() -> None:
    """End what was at work in the source, in the copy: nobody there will."""
    Run.update(status="abandoned", finished_at=datetime.now(UTC)).where(
        Run.status == "running"
    ).execute()
    FederationJob.update(status="pending", started_at=None).where(
        FederationJob.status == "running"
    ).execute()


def _rows(model: type[peewee.Model], source: Engine) -> Iterator[Sequence[object]]:
    query = model.select().order_by(model._meta.primary_key).bind(source)
    fields = model._meta.sorted_fields
    times = [at for at, field in enumerate(fields) if isinstance(field, TimeField)]
    with translated(source):
        for row in source.stream(query):
            cells = list(row)
            for at in times:
                if isinstance(cells[at], datetime):
                    cells[at] = to_text(cells[at])
            yield cells


def _continue_ids(model: type[peewee.Model], target: Engine) -> None:
    key = model._meta.primary_key
    if isinstance(key, peewee.AutoField):
        target.continue_ids(_table(model), key.column_name)


def _require_empty(target: Engine) -> None:
    """Raise TargetNotEmpty unless there is nothing there but our own tables without rows."""
    ours = {_table(model): model for model in MODELS}
    found = set(target.get_tables()) - {schema.TABLE}
    strange = sorted(found - ours.keys())
    filled = [name for name in sorted(found & ours.keys()) if _count(ours[name], target)]
    if strange or filled:
        what = f"rows in {', '.join(filled)}" if filled else f"other tables ({', '.join(strange)})"
        raise TargetNotEmpty(
            f"The database {target.public_url} is not empty: it has {what}.",
            hint="Name one that is empty or not there yet.",
        )


def _require_complete(target: Engine, expected: dict[str, int], found: dict[str, int]) -> None:
    wrong = [
        f"{found[name]:,} of {rows:,} rows of {name}"
        for name, rows in expected.items()
        if found[name] != rows
    ]
    if wrong:
        raise DatabaseUnavailable(
            f"The database {target.public_url} did not keep what was copied: {', '.join(wrong)}. "
            "Nothing was left there.",
            hint="Look for triggers and rules on its tables.",
        )


def _table(model: type[peewee.Model]) -> str:
    name: str = model._meta.table_name
    return name


def _count(model: type[peewee.Model], engine: Engine) -> int:
    # Not `count()`, which asks the database that the model is bound to.
    query: Any = model.select(peewee.fn.COUNT(peewee.SQL("*"))).bind(engine)
    ((rows,),) = engine.raw_rows(query)
    return int(rows)
