"""Importing a file of members, all of it or nothing (design, section 2.2 on linking)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from trcpoints.config import DEFAULT_PERCENT
from trcpoints.db.engine import Engine
from trcpoints.db.fields import to_text
from trcpoints.db.models import Member
from trcpoints.documents import ErrorInfo
from trcpoints.documents.members import MemberDetail, MembersImportChange, MembersImportDocument
from trcpoints.guards import NO_CONSENT, Consent
from trcpoints.members.discord_ids import find_rounding
from trcpoints.members.edits import note_edits
from trcpoints.members.fields import FIELDS, UNLINKED
from trcpoints.members.holds import end_holds
from trcpoints.members.import_guard import count_links, find_refusal
from trcpoints.members.inserting import insert_members
from trcpoints.members.matching import COLUMNS, Change, ImportPlan, Known, plan_import
from trcpoints.records import RecordFile, scan_records

EXPORT_ONLY = tuple(name for name in MemberDetail.__struct_fields__ if name not in COLUMNS)
"""What `members export` writes and no import sets."""

_FOREIGN_ID = (
    "member_id is ours, discord_id is Discord's; name it so if it has one of these, "
    "else take the column out"
)
_ADVICE = dict.fromkeys(("id", "userid", "memberid"), _FOREIGN_ID)
"""Every system calls its own id so: taken for ours, it would make other people of members."""

_NEW = {**UNLINKED, "active": True, "points": 0, "carry": 0}
_UNSAID = {"subscription_status": "ACTIVE"}
_NAME = FIELDS.index("name")


def read_members(data: bytes, name: str) -> RecordFile:
    """The records of a file of members; raises what `scan_records` raises."""
    file = scan_records(data, name, COLUMNS, exported=EXPORT_ONLY, advice=_ADVICE)
    ids = ((record.line, record.values.get("discord_id")) for record in file.records)
    file.faults.extend(find_rounding(ids))
    return file


def preview_import(
    engine: Engine, file: RecordFile, *, percent: int, consent: Consent
) -> MembersImportDocument:
    """Return what `import_members` would do now, with each change; writes nothing.

    Raises what it raises; a MassChangeRefused has the document with the changes.
    """
    plan = _plan(file)
    document = _document(file, plan)
    document.dry_run, document.changes = True, list(_changes(plan))
    _check(file, plan, document, percent=percent, consent=consent)
    return document


def import_members(
    engine: Engine,
    file: RecordFile,
    now: datetime,
    *,
    by: str,
    percent: int = DEFAULT_PERCENT,
    consent: Consent = NO_CONSENT,
) -> MembersImportDocument:
    """Create and change the members of a file, whose values count as set by hand by `by`.

    Raises InvalidRecords with the faults of all records, and MassChangeRefused where more than
    `percent` of the linked members would lose their Discord account without `consent`; then
    nothing was written.
    """
    with engine.books():
        plan = _plan(file)
        document = _document(file, plan)
        _check(file, plan, document, percent=percent, consent=consent)
        first = _create(engine, plan, now)
        _change(engine, [change for change in plan.changed if not change.linked_anew], {}, now)
        linked_anew = [change for change in plan.changed if change.linked_anew]
        end_holds(engine, (change.id for change in linked_anew), "relinked", now, by=by)
        _change(engine, linked_anew, UNLINKED, now)
        note_edits(engine, _edits(plan, first), by, now)
    return document


def _plan(file: RecordFile) -> ImportPlan:
    plan = plan_import(file, _known())
    file.refuse(plan.faults)
    return plan


def _document(file: RecordFile, plan: ImportPlan) -> MembersImportDocument:
    relinked, unlinked = count_links(plan)
    return MembersImportDocument(
        records=len(file.records),
        created=len(plan.created),
        updated=len(plan.changed),
        unchanged=plan.unchanged,
        relinked=relinked,
        unlinked=unlinked,
    )


def _check(
    file: RecordFile,
    plan: ImportPlan,
    document: MembersImportDocument,
    *,
    percent: int,
    consent: Consent,
) -> None:
    """Raise the MassChangeRefused that the consent does not cover, with the document."""
    refusal = find_refusal(plan, file.name, percent)
    if refusal is None or consent.covers(refusal):
        return
    document.status = "failed"
    document.error = ErrorInfo(refusal.code, refusal.message, refusal.hint)
    refusal.document = document
    raise refusal


def _changes(plan: ImportPlan) -> Iterator[MembersImportChange]:
    """Each field that is set or changed, in the order of the records."""
    new = (None,) * len(FIELDS)
    rows = [
        *((change.line, str(change.id), change.before, change.values) for change in plan.changed),
        *(
            (line, None, new, values)
            for line, values in zip(plan.created_lines, plan.created, strict=True)
        ),
    ]
    rows.sort(key=lambda row: row[0])
    for line, member_id, before, after in rows:
        for field, ours, theirs in zip(FIELDS, before, after, strict=True):
            if ours != theirs:
                yield MembersImportChange(
                    record=line,
                    member_id=member_id,
                    name=before[_NAME] or after[_NAME],
                    field=field,
                    ours=ours,
                    theirs=theirs,
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
