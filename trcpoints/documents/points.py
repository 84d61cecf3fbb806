"""The ledger, and what goes into it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from trcpoints.documents import Document, ErrorInfo, Moment


class LedgerRow(Struct, kw_only=True):
    """One entry of the ledger."""

    entry_id: str
    member_id: str
    source: str
    points: int
    idempotency_key: str
    occurred_at: Moment
    created_at: Moment
    note: str | None
    sync_id: str | None


class PointsAwardDocument(Document, kw_only=True, tag="trcpoints.points.award/1"):
    """One award. A duplicate changed nothing; `entry` is the one that was there."""

    status: Literal["awarded", "duplicate"]
    entry: LedgerRow
    balance: int


class PointsImportDocument(Document, kw_only=True, tag="trcpoints.points.import/1"):
    """A file of awards that was imported."""

    status: Literal["completed"] = "completed"
    records: int
    awarded: int
    duplicates: int
    points: int


class NamedEntry(LedgerRow, kw_only=True):
    """One entry of the ledger, with its member's name."""

    name: str | None


class PointsHistoryDocument(Document, kw_only=True, tag="trcpoints.points.history/1"):
    """Entries of the ledger, newest first. `total` counts all that the filters let through."""

    total: int
    entries: list[NamedEntry]


class DayFault(Struct, kw_only=True):
    """A day whose sum of points is not what the ledger makes of it, and why."""

    day: str
    fault: str


class BookFault(Struct, kw_only=True):
    """A member whose books do not add up, and why."""

    member_id: str
    fault: str


class PointsVerifyDocument(Document, kw_only=True, tag="trcpoints.points.verify/1"):
    """Whether the raw rows agree with each other."""

    status: Literal["completed", "failed"]
    members: int
    entries: int
    activities: int
    faults: list[BookFault]
    days: list[DayFault]
    error: ErrorInfo | None = None
