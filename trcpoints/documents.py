"""The JSON documents that commands print (design, section 5).

A document is a struct; its tag is its schema and version, and comes first. Keys may be added,
never renamed or removed within a version. Times are aware UTC datetimes, ids are strings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

Moment = Annotated[datetime, Meta(tz=True)]
"""An aware UTC datetime; the constraint makes it a `date-time` in the JSON Schema."""

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
    started_at: Moment
    finished_at: Moment
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
    left_at: Moment | None


class MembersListDocument(Document, kw_only=True, tag="trcpoints.members.list/1"):
    """Members, in the order of their ids. `total` counts all that the filters let through."""

    total: int
    members: list[MemberRow]


class MemberDetail(MemberRow, kw_only=True):
    """Everything that is kept of one member. `rebaseline`: the next XP seen is a baseline.

    `judged_through` is the ISO date of the last day that the streak knows of.
    """

    carry: int
    rebaseline: bool
    current_streak: int
    longest_streak: int
    streak_paused: bool
    judged_through: str | None
    last_active_at: Moment | None
    created_at: Moment
    updated_at: Moment
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
    occurred_at: Moment
    created_at: Moment
    note: str | None
    sync_id: str | None


class ActivityRow(Struct, kw_only=True):
    """One activity record. A baseline has no `xp_delta`."""

    discord_id: str
    activity_type: str
    xp_delta: int | None
    xp_total: int
    synced_at: Moment
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
    format: Literal["csv", "json", "prometheus"]
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


class StreakMembers(Struct):
    """Members by what a run of the streaks job made of their streaks.

    `judged` is the sum of incremented, reset and unchanged. `reset`: the streak that they had is
    broken, even where a new one has begun since. `not_judged`: those who are paused.
    """

    judged: int = 0
    incremented: int = 0
    reset: int = 0
    unchanged: int = 0
    not_judged: int = 0


class StreakMilestone(Struct):
    """A member whose streak has become so long."""

    member_id: str
    name: str | None
    streak: int


class StreaksDocument(Document, kw_only=True, tag="trcpoints.streaks/1"):
    """One run of the streaks job, whatever came of it.

    `days_judged` are ISO dates; none when nothing was left to judge.
    """

    run_id: str
    status: RunStatus
    reason: str | None = None
    days_judged: list[str] = field(default_factory=list)
    judged_through: str | None = None
    members: StreakMembers = field(default_factory=StreakMembers)
    milestones: list[StreakMilestone] = field(default_factory=list)
    error: ErrorInfo | None = None


class ExcusedDay(Struct, kw_only=True):
    """A weekday that breaks nobody's streak."""

    day: str
    reason: str
    created_at: Moment


class StreaksExcuseDocument(Document, kw_only=True, tag="trcpoints.streaks.excuse/1"):
    """The excused days, all of them, after one was perhaps excused or removed.

    `repaired` counts the members for whom that changed anything.
    """

    status: Literal["listed", "excused", "removed"]
    day: str | None = None
    repaired: int = 0
    days: list[ExcusedDay]


class StreaksRebuildDocument(Document, kw_only=True, tag="trcpoints.streaks.rebuild/1"):
    """All streaks, computed from the ledger. `changed` counts the members who had a wrong one."""

    status: Literal["completed"] = "completed"
    members: int
    changed: int


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


class StatusDatabase(Struct, kw_only=True):
    """The database; its URL without a password."""

    engine: Literal["sqlite", "postgresql"]
    url: str
    schema_version: int
    size_bytes: int


class StatusRun(Struct, kw_only=True):
    """One run of a job, as it ended."""

    run_id: str
    status: str
    trigger: str
    started_at: Moment
    finished_at: Moment


class StatusSync(Struct, kw_only=True):
    """How the sync does. `overdue`: 35 minutes without success."""

    enabled: bool
    guild_id: str | None
    last_run: StatusRun | None
    last_success_at: Moment | None
    consecutive_failures: int
    cooldown_until: Moment | None
    overdue: bool


class StatusStreaks(Struct, kw_only=True):
    """How the judging of streaks does. `overdue`: 26 hours without success."""

    judged_through: str | None
    last_success_at: Moment | None
    overdue: bool


class StatusMembers(Struct, kw_only=True):
    """Members by what they are; one may be counted under several.

    `tracked` are those whom a sync considers: linked, and not marked inactive.
    """

    total: int
    linked: int
    tracked: int
    left: int
    inactive: int


class StatusPoints(Struct, kw_only=True):
    """All points ever awarded and deducted, both positive, and their difference."""

    awarded: int
    deducted: int
    balance: int


class StatusConnector(Struct, kw_only=True):
    """One connector to a federation."""

    name: str


class StatusFederation(Struct, kw_only=True):
    """The connectors, the jobs in the queue, and the conflicts that wait for a decision."""

    connectors: list[StatusConnector] = field(default_factory=list)
    pending: int = 0
    running: int = 0
    failed: int = 0
    conflicts: int = 0


class StatusDocument(Document, kw_only=True, tag="trcpoints.status/1"):
    """Whether all is well, what is not and which command mends it, and how things stand."""

    healthy: bool
    problems: list[ErrorInfo]
    database: StatusDatabase
    sync: StatusSync
    streaks: StatusStreaks
    members: StatusMembers
    points: StatusPoints
    federation: StatusFederation


class BackfillResult(Struct, kw_only=True):
    """What all XP of one member would be worth. `xp_total` is None where it is not known.

    Ranks are among all active members: now by points, then by points and backfill together.
    """

    member_id: str
    discord_id: str
    name: str | None
    xp_total: int | None
    points: int
    carry: int
    rank_now: int
    rank_then: int


class BackfillDocument(Document, kw_only=True, tag="trcpoints.backfill-dry-run/1"):
    """What paying all history would cost; the largest first. `points` is the total."""

    guild_id: str
    members: int
    points: int
    results: list[BackfillResult]


class LeaderboardRow(Struct, kw_only=True):
    """One member's place. `points` are those earned since `since`, where that is given."""

    rank: int
    member_id: str
    name: str | None
    points: int
    current_streak: int
    longest_streak: int
    last_active_at: Moment | None


class LeaderboardDocument(Document, kw_only=True, tag="trcpoints.leaderboard/1"):
    """Active members by points; equal points share a rank. `total` counts all that there are."""

    since: Moment | None
    total: int
    members: list[LeaderboardRow]


class SchemasDocument(Document, kw_only=True, tag="trcpoints.schemas/1"):
    """The names of all documents."""

    names: list[str]
