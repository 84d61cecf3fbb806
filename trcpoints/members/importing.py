"""Importing a file of members, all of it or nothing (design, section 2.2 on linking)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.db.fields import to_text
from trcpoints.db.models import Member
from trcpoints.documents.members import MemberDetail, MembersImportDocument
from trcpoints.members.edits import note_edits
from trcpoints.members.fields import FIELDS, UNLINKED
from trcpoints.members.inserting import insert_members
from trcpoints.members.matching import COLUMNS, Change, ImportPlan, Known, plan_import
from trcpoints.records import RecordFile, scan_records

EXPORT_ONLY = tuple(name for name in MemberDetail.__struct_fields__ if name not in COLUMNS)
"""What `members export` writes and no import sets."""

_NEW = {**UNLINKED, "active": True, "points": 0, "carry": 0}
_UNSAID = {"subscription_status": "ACTIVE"}


def read_members(data: bytes, name: str) -> RecordFile:
    """The records of a file of members; raises what `scan_records` raises."""
    return scan_records(data, name, COLUMNS, exported=EXPORT_ONLY)


def import_members(
    engine: Engine, file: RecordFile, now: datetime, *, by: str
) -> MembersImportDocument:
    """Create and change the members of a file, whose values count as set by hand by `by`.

    Raises InvalidRecords with the faults of all records; then nothing was written.
    """
    with engine.books():
        plan = plan_import(file, _known())
        file.refuse(plan.faults)
        first = _create(engine, plan, now)
        _change(engine, [change for change in plan.changed if not change.linked_anew], {}, now)
        _change(engine, [change for change in plan.changed if change.linked_anew], UNLINKED, now)
        note_edits(engine, _edits(plan, first), by, now)
    return MembersImportDocument(
        records=len(file.records),
        created=len(plan.created),
        updated=len(plan.changed),
        unchanged=plan.unchanged,
    )


def _known() -> Iterator[Known]:
    query = Member.select(Member.id, *(getattr(Member, name) for name in FIELDS)).tuples()
    return (Known(member_id, tuple(values)) for member_id, *values in query.iterator())


def _create(engine: Engine, plan: ImportPlan, now: datetime) -> int:
    columns = [*FIELDS, *_NEW, "created_at", "updated_at"]
    fixed = (*_NEW.values(), to_text(now), to_text(now))
    rows = (
        tuple(
            _UNSAID.get(name) if value is None else value
            for name, value in zip(FIELDS, values, strict=True)
        )
        for values in plan.created
    )
    return insert_members(engine, columns, ((*row, *fixed) for row in rows))


def _change(
    engine: Engine, changes: Sequence[Change], state: Mapping[str, object], now: datetime
) -> None:
    columns = ["id", *FIELDS, *state, "updated_at"]
    fixed = (*state.values(), to_text(now))
    engine.update_rows("member", columns, ((c.id, *c.values, *fixed) for c in changes))


def _edits(plan: ImportPlan, first: int) -> Iterator[tuple[int, str]]:
    """Which fields of whom are set; the first of the new members has the id `first`."""
    for member_id, values in enumerate(plan.created, first):
        given = zip(FIELDS, values, strict=True)
        yield from ((member_id, field) for field, value in given if value is not None)
    for change in plan.changed:
        yield from ((change.id, field) for field in change.given)
