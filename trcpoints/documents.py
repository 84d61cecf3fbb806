"""The JSON documents that commands print (design, section 5).

A document is a struct; its tag is its schema and version, and comes first. Keys may be added,
never renamed or removed within a version. Times are aware UTC datetimes, ids are strings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

RunStatus = Literal["completed", "skipped", "failed", "interrupted"]
Trigger = Literal["scheduled", "manual", "retry", "webhook"]


class ErrorInfo(Struct, frozen=True):
    """A failure: its word, what happened, and the way on."""

    code: str
    message: str
    hint: str


class Document(Struct, kw_only=True, tag_field="schema"):
    """The base of every document."""


class ErrorDocument(Document, kw_only=True, tag="trcpoints.error/1"):
    """What a command prints that failed before it had a document of its own."""

    status: Literal["failed", "interrupted"] = "failed"
    error: ErrorInfo


class SyncMembers(Struct):
    """Members considered by a sync, by what became of them.

    `tracked` is the sum of baselined, unchanged, gained, lost, left, away and deferred.
    """

    tracked: int = 0
    baselined: int = 0
    absent: int = 0
    unchanged: int = 0
    gained: int = 0
    lost: int = 0
    left: int = 0
    away: int = 0
    returned: int = 0
    deferred: int = 0


class SyncXp(Struct):
    """XP gained and lost; both are positive."""

    gained: int = 0
    lost: int = 0


class SyncPoints(Struct):
    """Points awarded and deducted, both positive, and their difference."""

    awarded: int = 0
    deducted: int = 0
    net: int = 0


class SyncLeaderboard(Struct):
    """What was read of the leaderboard, and what it took."""

    players: int = 0
    invalid_players: int = 0
    pages: int = 0
    requests: int = 0
    retries: int = 0


class SyncResult(Struct):
    """What a sync changed for one member. A baseline has neither `xp_before` nor `xp_delta`."""

    member_id: str
    discord_id: str
    name: str | None
    xp_before: int | None
    xp_after: int
    xp_delta: int | None
    points: int
    carry: int


class SyncDocument(Document, kw_only=True, tag="trcpoints.sync/1"):
    """One sync, whatever came of it. `results` is there with `--members` only."""

    sync_id: str
    status: RunStatus
    reason: str | None = None
    dry_run: bool
    trigger: Trigger
    guild_id: str | None
    started_at: datetime
    finished_at: datetime
    duration_seconds: float
    members: SyncMembers = field(default_factory=SyncMembers)
    xp: SyncXp = field(default_factory=SyncXp)
    points: SyncPoints = field(default_factory=SyncPoints)
    leaderboard: SyncLeaderboard = field(default_factory=SyncLeaderboard)
    consecutive_failures: int
    error: ErrorInfo | None = None
    results: list[SyncResult] | UnsetType = UNSET


class MembersImportDocument(Document, kw_only=True, tag="trcpoints.members.import/1"):
    """A file of members that was imported."""

    status: Literal["completed"] = "completed"
    records: int
    created: int
    updated: int
    unchanged: int


class MemberRow(Struct, kw_only=True):
    """One member in a list."""

    member_id: str
    discord_id: str | None
    name: str | None
    email: str | None
    subscription_status: str
    active: bool
    points: int
    xp_total: int | None
    left_at: datetime | None


class MembersListDocument(Document, kw_only=True, tag="trcpoints.members.list/1"):
    """Members, in the order of their ids. `total` counts all that the filters let through."""

    total: int
    members: list[MemberRow]


class MemberDetail(MemberRow, kw_only=True):
    """Everything that is kept of one member. `rebaseline`: the next XP seen is a baseline."""

    carry: int
    rebaseline: bool
    last_active_at: datetime | None
    created_at: datetime
    updated_at: datetime
    first_name: str | None
    last_name: str | None
    date_of_birth: str | None
    phone: str | None
    address: str | None


class LedgerRow(Struct, kw_only=True):
    """One entry of the ledger."""

    entry_id: str
    member_id: str
    source: str
    points: int
    idempotency_key: str
    occurred_at: datetime
    created_at: datetime
    note: str | None
    sync_id: str | None


class ActivityRow(Struct, kw_only=True):
    """One activity record. A baseline has no `xp_delta`."""

    discord_id: str
    activity_type: str
    xp_delta: int | None
    xp_total: int
    synced_at: datetime
    sync_id: str


class MembersShowDocument(Document, kw_only=True, tag="trcpoints.members.show/1"):
    """One member, with the newest entries of the ledger and records of activity first."""

    member: MemberDetail
    ledger: list[LedgerRow]
    activity: list[ActivityRow]


class MembersAddDocument(Document, kw_only=True, tag="trcpoints.members.add/1"):
    """A member that was added."""

    member: MemberDetail


class MembersSetDocument(Document, kw_only=True, tag="trcpoints.members.set/1"):
    """A member as changed; `changed` names the fields."""

    changed: list[str]
    member: MemberDetail


class MembersRebaselineDocument(Document, kw_only=True, tag="trcpoints.members.rebaseline/1"):
    """A member whose next XP will be a baseline."""

    member: MemberDetail


class MembersExportDocument(Document, kw_only=True, tag="trcpoints.members.export/1"):
    """All members, complete."""

    members: list[MemberDetail]


class OutputDocument(Document, kw_only=True, tag="trcpoints.output/1"):
    """A file that was written, in place of what would else be on stdout."""

    status: Literal["completed"] = "completed"
    output: str
    format: Literal["csv", "json"]
    records: int


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


class HistoryRow(LedgerRow, kw_only=True):
    """One entry of the ledger, with its member's name."""

    name: str | None


class PointsHistoryDocument(Document, kw_only=True, tag="trcpoints.points.history/1"):
    """Entries of the ledger, newest first. `total` counts all that the filters let through."""

    total: int
    entries: list[HistoryRow]


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
    error: ErrorInfo | None = None


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


class DemoDay(Struct, kw_only=True):
    """One simulated day: its syncs by how they ended, its points, and what happened."""

    date: str
    completed: int = 0
    skipped: int = 0
    failed: int = 0
    awarded: int = 0
    deducted: int = 0
    events: list[str] = field(default_factory=list)


class DemoRow(Struct, kw_only=True):
    """One member on the demo's leaderboard of points."""

    rank: int
    name: str
    points: int
    carry: int
    xp_total: int | None


class DemoDocument(Document, kw_only=True, tag="trcpoints.demo/1"):
    """A simulated fortnight, and the database that it left behind."""

    database_url: str
    guild_id: str
    seed: int
    members: int
    syncs: int
    points: SyncPoints
    days: list[DemoDay]
    leaderboard: list[DemoRow]
