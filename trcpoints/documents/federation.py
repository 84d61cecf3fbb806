"""Federations: what was synced, what waits, what is in conflict, and what could be read."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from trcpoints.documents import Document, ErrorInfo, Moment, RunStatus, Trigger

Held = Literal["switched_off", "removed"]
"""Why a job that waits is not done: its connector is switched off, or is not in the file."""

QueueStatus = Literal["pending", "running", "completed", "failed"]
"""How a job of the queue stands; one that waits for its next try is pending."""

Side = Literal["ours", "theirs"]


class FederationJobRow(Struct, kw_only=True):
    """A job of the queue: an organization to be synced, or one member of it (`external_id`).

    `retry_count` retries of at most `max_retries` were begun or wait; `next_retry_at` is when the
    next try is due, None for at once. `error` is that of the last try that failed. `held` says,
    in a listing of the queue, why one that waits is not done.
    """

    job_id: str
    connector: str
    organization: str
    external_id: str | None
    event: str | None
    status: QueueStatus
    trigger: Trigger
    strategy: str
    accept_changes: bool
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    retry_count: int
    max_retries: int
    next_retry_at: Moment | None
    run_id: str | None
    error: ErrorInfo | None
    held: Held | None = None


class FederationRunRow(Struct, kw_only=True):
    """One try of a job, whatever came of it. A dry run has no `run_id` and no `job_id`.

    `created`, `updated`, `unchanged` and `rejected` are records that were read; `relinked`, which
    are part of updated, are of known members under another id. `missing` are those of earlier
    reads that this one did not have, `deactivated` members of whom the federation says that they
    are deleted. `resolved` of the `conflicts` were decided by the strategy.
    `next_retry_at` is when a job that failed is tried again, None for never.
    """

    run_id: str | None
    job_id: str | None
    connector: str
    organization: str
    external_id: str | None
    status: RunStatus
    strategy: str
    created: int = 0
    updated: int = 0
    relinked: int = 0
    unchanged: int = 0
    rejected: int = 0
    missing: int = 0
    deactivated: int = 0
    conflicts: int = 0
    resolved: int = 0
    duration_seconds: float = 0.0
    next_retry_at: Moment | None = None
    error: ErrorInfo | None = None


class FederationSyncDocument(Document, kw_only=True, tag="trcpoints.federation.sync/1"):
    """One sync of federations: each try that it made, in order.

    `failed` where one of them did. `enqueued` counts the jobs that are new; `waiting` are the
    open ones of its organizations that it left: at work elsewhere, or not due yet. `stuck` are
    tries of others that it found dead.
    """

    status: RunStatus
    reason: str | None = None
    dry_run: bool
    trigger: Trigger
    started_at: Moment
    finished_at: Moment
    duration_seconds: float
    enqueued: int
    runs: list[FederationRunRow]
    stuck: list[FederationJobRow]
    waiting: list[FederationJobRow]
    error: ErrorInfo | None = None


class FederationRetryDocument(Document, kw_only=True, tag="trcpoints.federation.retry/1"):
    """What was due in the queue. `stuck` are tries whose process is gone or was silent."""

    status: RunStatus
    reason: str | None = None
    started_at: Moment
    finished_at: Moment
    duration_seconds: float
    runs: list[FederationRunRow]
    stuck: list[FederationJobRow]
    error: ErrorInfo | None = None


class FederationQueueDocument(Document, kw_only=True, tag="trcpoints.federation.queue/1"):
    """The jobs of the queue, the newest first; `total` counts all that the filter lets through."""

    pending: int
    running: int
    completed: int
    failed: int
    total: int
    page: int
    limit: int
    jobs: list[FederationJobRow]


class FederationConflictRow(Struct, kw_only=True):
    """A field that both sides had changed.

    `resolved` is what the strategy made of it. `kept` is what somebody decided, `kept_by` who;
    None: nobody has.
    """

    conflict_id: str
    run_id: str
    member_id: str
    name: str | None
    connector: str
    organization: str
    field: str
    base: str | None
    federation: str | None
    ours: str | None
    resolved: str | None
    strategy: str
    note: str | None
    created_at: Moment
    kept: Side | None
    kept_at: Moment | None
    kept_by: str | None


class FederationConflictsListDocument(
    Document, kw_only=True, tag="trcpoints.federation.conflicts.list/1"
):
    """Conflicts, the newest first; `total` counts all that the filters let through."""

    total: int
    page: int
    limit: int
    conflicts: list[FederationConflictRow]


class FederationConflictsShowDocument(
    Document, kw_only=True, tag="trcpoints.federation.conflicts.show/1"
):
    """One conflict, and what the member has in that field `now`."""

    conflict: FederationConflictRow
    now: str | None


class FederationConflictsKeepDocument(
    Document, kw_only=True, tag="trcpoints.federation.conflicts.keep/1"
):
    """A conflict that somebody has decided, and what the member has in that field `now`."""

    conflict: FederationConflictRow
    now: str | None


class FederationUnlinkDocument(Document, kw_only=True, tag="trcpoints.federation.unlink/1"):
    """That a member is no longer this record of an organization; the next sync matches it anew."""

    member_id: str
    name: str | None
    connector: str
    organization: str
    external_id: str


class FederationCheckRecord(Struct, kw_only=True):
    """A record as it maps: our fields, or why it would be rejected."""

    external_id: str | None
    fields: dict[str, str | None]
    rejected: list[str]


class FederationCheckSecret(Struct, kw_only=True):
    """A variable that the file names by `key`; what it holds is shown nowhere."""

    key: str
    variable: str


class FederationCheckSource(Struct, kw_only=True):
    """An organization, and its first records as they are read now.

    `read` is how many were looked at, `rejected` how many of them would be rejected; `empty`
    names the fields that none of them has. `error` says why it could not be read.
    """

    connector: str
    organization: str
    kind: str
    strategy: str
    enabled: bool
    secrets: list[FederationCheckSecret]
    read: int
    rejected: int
    empty: list[str]
    records: list[FederationCheckRecord]
    error: ErrorInfo | None


class FederationCheckDocument(Document, kw_only=True, tag="trcpoints.federation.check/1"):
    """Whether the federations are set up and can be read; nothing was written."""

    status: Literal["completed", "failed"]
    file: str
    sources: list[FederationCheckSource]
    error: ErrorInfo | None = None
