"""How things stand."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from trcpoints.documents import Document, ErrorInfo, Moment


class StatusDatabase(Struct, kw_only=True):
    """The database; its URL without a password."""

    engine: Literal["sqlite", "postgresql"]
    url: str
    schema_version: int
    size_bytes: int


class StatusRun(Struct, kw_only=True):
    """The last run of a job; one that is under way has no end yet."""

    run_id: str
    status: str
    trigger: str
    started_at: Moment
    finished_at: Moment | None


class StatusSync(Struct, kw_only=True):
    """How the sync does. `overdue`: 35 minutes without success.

    `last_success_at` is when the last run that completed began. `cooldown_until` is the end of
    the pause that MEE6 asked for, while it lasts. `guild_id` is the guild of the settings,
    `books_guild_id` the one that the books belong to, from the first completed sync on.
    """

    enabled: bool
    guild_id: str | None
    books_guild_id: str | None
    last_run: StatusRun | None
    last_success_at: Moment | None
    consecutive_failures: int
    cooldown_until: Moment | None
    overdue: bool


class StatusStreaks(Struct, kw_only=True):
    """How the judging of streaks does. `overdue`: 26 hours without success.

    `last_success_at` is when the last run that completed began. `days_excused` are the weekdays of
    the last 30 days that an outage of the sync excused.
    """

    judged_through: str | None
    last_success_at: Moment | None
    overdue: bool
    days_excused: list[str] = field(default_factory=list)


class StatusMembers(Struct, kw_only=True):
    """Members by what they are; one may be counted under several.

    `tracked` are those whom a sync considers: linked, and not marked inactive.
    `awaiting_baseline` are those of them whose next XP that a sync sees is a baseline. `held` are
    those whose XP has changed more than it can: the change waits for a decision.
    """

    total: int
    linked: int
    tracked: int
    left: int
    inactive: int
    awaiting_baseline: int
    held: int


class StatusPoints(Struct, kw_only=True):
    """All points ever awarded and deducted, both positive, and their difference."""

    awarded: int
    deducted: int
    balance: int


class StatusOrganization(Struct, kw_only=True):
    """An organization of a connector. `overdue`: 26 hours without success.

    `rejected` are the records that its last full read could not take.
    """

    name: str
    last_synced_at: Moment | None
    overdue: bool
    rejected: int = 0


class StatusConnector(Struct, kw_only=True):
    """One connector to a federation: as its organization that was synced the longest ago.

    What is not enabled is never overdue.
    """

    name: str
    enabled: bool
    last_synced_at: Moment | None
    overdue: bool
    organizations: list[StatusOrganization]


class StatusFederation(Struct, kw_only=True):
    """The connectors, the jobs in the queue, and the conflicts that wait for a decision.

    `failed` are the jobs that failed for good and that no later sync has made up for. `removed`
    of the pending ones are for organizations that the file does not have any more.
    """

    connectors: list[StatusConnector] = field(default_factory=list)
    pending: int = 0
    running: int = 0
    failed: int = 0
    conflicts: int = 0
    removed: int = 0


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
