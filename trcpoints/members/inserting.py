"""Adding members in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peewee import fn

from trcpoints.db.engine import Engine, Row
from trcpoints.db.models import Member


def insert_members(engine: Engine, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert new members in bulk, inside `engine.books()`; the id of the first.

    The others follow it in order: whoever makes members has the books lock.
    """
    first = int(Member.select(fn.MAX(Member.id)).scalar() or 0) + 1
    numbered = ((number, *row) for number, row in enumerate(rows, start=first))
    engine.insert_rows("member", ("id", *columns), numbered)
    engine.continue_ids("member", "id")
    return first
