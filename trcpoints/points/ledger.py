"""The ledger of awards from other systems (design, section 2.7): booking and reading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import asdict
from peewee import Expression

from trcpoints.db.engine import Engine, portions
from trcpoints.db.fields import to_text
from trcpoints.db.models import LedgerEntry, Member
from trcpoints.documents.points import NamedEntry, PointsAwardDocument, PointsHistoryDocument
from trcpoints.errors import DataRefused, KeyConflict
from trcpoints.members.lookup import find_member
from trcpoints.members.views import ledger_row
from trcpoints.points.awards import Award, Decision, Entry, Key, award_faults, decide
from trcpoints.points.daily import add_to_days
from trcpoints.points.streaks.repair import repair_late

_ENTRY_COLUMNS = (
    "member_id",
    "source",
    "points",
    "idempotency_key",
    "occurred_at",
    "created_at",
    "note",
)
_MEMBER_COLUMNS = ("id", "points", "last_active_at")


def award_points(
    engine: Engine, reference: str, award: Award, now: datetime
) -> PointsAwardDocument:
    """Book one award for the member that `reference` names, unless it was booked before.

    Raises DataRefused for an award that breaks a rule, NotFound, and KeyConflict where its key
    was used for another award.
    """
    if faults := award_faults(award, now):
        raise DataRefused(
            f"Nothing was awarded: {'; '.join(faults)}.", hint="trcpoints points award --help"
        )
    with engine.books():
        member = find_member(reference)
        decision = plan([(member.id, award)], now)
        if decision.conflicts:
            raise KeyConflict(
                f"Nothing was awarded: {decision.conflicts[0][1]}.",
                hint="Award other points under a key of their own; see what was booked: "
                f"trcpoints points history --source {award.source}",
            )
        apply(engine, decision.entries, now)
        entry = LedgerEntry.get(
            LedgerEntry.source == award.source, LedgerEntry.idempotency_key == award.key
        )
        balance = Member.select(Member.points).where(Member.id == member.id).scalar()
    return PointsAwardDocument(
        status="awarded" if decision.entries else "duplicate",
        entry=ledger_row(entry),
        balance=balance,
    )


def plan(claims: Sequence[tuple[int, Award]], now: datetime) -> Decision:
    """What is to become of awards, each with the id of its member, inside `engine.books()`."""
    return decide(claims, _booked((award.source, award.key) for _, award in claims), now)


def apply(engine: Engine, entries: Sequence[Entry], now: datetime) -> None:
    """Write entries that are not in the ledger yet, inside `engine.books()`.

    The one way by which awards, single ones or a file of them, reach the ledger, their members
    and what is kept of both.
    """
    _insert(engine, entries, now)
    _move_members(engine, entries)
    add_to_days((entry.occurred_at, entry.points) for entry in entries)
    active = ((entry.member_id, entry.activity_at) for entry in entries)
    repair_late(engine, [(member_id, moment) for member_id, moment in active if moment])


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries to read: of one member, of one source, from `since` on, before `until`."""

    reference: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def read_history(filters: Filters, limit: int) -> PointsHistoryDocument:
    """The newest `limit` entries that the filters let through, the newest first.

    Raises what `find_member` raises.
    """
    query = LedgerEntry.select(LedgerEntry, Member.id, Member.name).join(Member)
    for condition in _conditions(filters):
        query = query.where(condition)
    newest = query.order_by(LedgerEntry.occurred_at.desc(), LedgerEntry.id.desc()).limit(limit)
    return PointsHistoryDocument(total=query.count(), entries=[_history_row(e) for e in newest])


def _conditions(filters: Filters) -> Iterator[Expression]:
    if filters.reference is not None:
        yield LedgerEntry.member == find_member(filters.reference).id
    if filters.source is not None:
        yield LedgerEntry.source == filters.source
    if filters.since is not None:
        yield LedgerEntry.occurred_at >= filters.since
    if filters.until is not None:
        yield LedgerEntry.occurred_at < filters.until


def _booked(keys: Iterable[Key]) -> dict[Key, Entry]:
    by_source: dict[str, list[str]] = {}
    for source, key in keys:
        by_source.setdefault(source, []).append(key)
    found: dict[Key, Entry] = {}
    for source, names in by_source.items():
        for portion in portions(names):
            query = LedgerEntry.select(
                LedgerEntry.member,
                LedgerEntry.source,
                LedgerEntry.points,
                LedgerEntry.idempotency_key,
                LedgerEntry.occurred_at,
                LedgerEntry.note,
            ).where(LedgerEntry.source == source, LedgerEntry.idempotency_key.in_(portion))
            entries = (Entry(*row) for row in query.tuples().iterator())
            found.update(((entry.source, entry.key), entry) for entry in entries)
    return found


def _insert(engine: Engine, entries: Sequence[Entry], now: datetime) -> None:
    created_at = to_text(now)
    engine.insert_rows(
        "ledger",
        _ENTRY_COLUMNS,
        (
            (e.member_id, e.source, e.points, e.key, to_text(e.occurred_at), created_at, e.note)
            for e in entries
        ),
    )


def _move_members(engine: Engine, entries: Sequence[Entry]) -> None:
    """Bring what is kept on the members up to entries that were booked just now."""
    by_member: dict[int, list[Entry]] = {}
    for entry in entries:
        by_member.setdefault(entry.member_id, []).append(entry)
    for portion in portions(by_member):
        query = Member.select(Member.id, Member.points, Member.last_active_at)
        members = query.where(Member.id.in_(portion)).tuples().iterator()
        engine.update_rows(
            "member",
            _MEMBER_COLUMNS,
            [(key, *_moved(points, at, by_member[key])) for key, points, at in members],
        )


def _moved(
    points: int, last_active_at: datetime | None, entries: Sequence[Entry]
) -> tuple[int, str | None]:
    """The balance after these entries, and when the member was active last."""
    moments = [last_active_at, *(entry.activity_at for entry in entries)]
    newest = max((moment for moment in moments if moment is not None), default=None)
    balance = points + sum(entry.points for entry in entries)
    return balance, None if newest is None else to_text(newest)


def _history_row(entry: LedgerEntry) -> NamedEntry:
    return NamedEntry(**asdict(ledger_row(entry)), name=entry.member.name)
