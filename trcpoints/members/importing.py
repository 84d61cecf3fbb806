"""Importing a file of members, all of it or nothing (design, section 2.2 on linking)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.db.fields import to_text
from trcpoints.db.models import Member
from trcpoints.documents.members import MemberDetail, MembersImportDocument
from trcpoints.members.fields import FIELDS, UNLINKED
from trcpoints.members.matching import COLUMNS, Change, ImportPlan, Known, plan_import
from trcpoints.records import RecordFile, scan_records

EXPORT_ONLY = tuple(name for name in MemberDetail.__struct_fields__ if name not in COLUMNS)
"""What `members export` writes and no import sets."""

_NEW = {**UNLINKED, "active": True, "points": 0, "carry": 0}


def read_members(data: bytes, name: str) -> RecordFile:
    """The records of a file of members; raises what `scan_records` raises."""
    return scan_records(data, name, COLUMNS, exported=EXPORT_ONLY)


def import_members(engine: Engine, file: RecordFile, now: datetime) -> MembersImportDocument:
    """Create and change the members of a file.

    Raises InvalidRecords with the faults of all records; then nothing was written.
    """
    with engine.books():
        plan = plan_import(file, _known())
        file.refuse(plan.faults)
        _create(engine, plan, now)
        _change(engine, [change for change in plan.changed if not change.linked_anew], {}, now)
        _change(engine, [change for change in plan.changed if change.linked_anew], UNLINKED, now)
    return MembersImportDocument(
        records=len(file.records),
        created=len(plan.created),
        updated=len(plan.changed),
        unchanged=plan.unchanged,
    )


def _known() -> list[Known]:
    query = Member.select(Member.id, *(getattr(Member, name) for name in FIELDS)).tuples()
    return [Known(member_id, tuple(values)) for member_id, *values in query.iterator()]


def _create(engine: Engine, plan: ImportPlan, now: datetime) -> None:
    columns = [*FIELDS, *_NEW, "created_at", "updated_at"]
    fixed = (*_NEW.values(), to_text(now), to_text(now))
    engine.insert_rows("member", columns, ((*values, *fixed) for values in plan.created))


def _change(
    engine: Engine, changes: Sequence[Change], state: Mapping[str, object], now: datetime
) -> None:
    columns = ["id", *FIELDS, *state, "updated_at"]
    fixed = (*state.values(), to_text(now))
    engine.update_rows("member", columns, ((c.id, *c.values, *fixed) for c in changes))
