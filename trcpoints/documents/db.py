"""The database itself."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from trcpoints.documents import Document, ErrorInfo, Moment


class DbUpgradeDocument(Document, kw_only=True, tag="trcpoints.db.upgrade/1"):
    """The migrations that were applied, by name."""

    url: str
    applied: list[str]
    schema_version: int


class DbCheckDocument(Document, kw_only=True, tag="trcpoints.db.check/1"):
    """A database that can be used by this program."""

    engine: Literal["sqlite", "postgresql"]
    url: str
    schema_version: int
    size_bytes: int
    members: int
    entries: int
    activities: int


class DbCopyDocument(Document, kw_only=True, tag="trcpoints.db.copy/1"):
    """A database that was copied into another. `tables`: rows by table.

    `verified` says that the books of the copy add up; it failed where they do not.
    """

    status: Literal["completed", "failed"]
    source: str
    target: str
    schema_version: int
    tables: dict[str, int]
    verified: bool
    error: ErrorInfo | None = None


class DbBackupDocument(Document, kw_only=True, tag="trcpoints.db.backup/1"):
    """A backup that was written. `tables`: rows by table."""

    status: Literal["completed"] = "completed"
    source: str
    output: str
    schema_version: int
    size_bytes: int
    tables: dict[str, int]


class LeaseRow(Struct, kw_only=True):
    """Who does a job now. `live`: its process may be at work, as far as this machine can know."""

    lease: str
    run_id: str
    machine: str
    pid: int
    acquired_at: Moment
    heartbeat_at: Moment
    live: bool


class DbLeasesDocument(Document, kw_only=True, tag="trcpoints.db.leases/1"):
    """The leases that are held, after one was perhaps released."""

    status: Literal["listed", "released"]
    released: LeaseRow | None = None
    leases: list[LeaseRow]
