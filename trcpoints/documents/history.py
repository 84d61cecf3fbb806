"""The runs of all jobs, and what each of them did."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from trcpoints.documents import Document, ErrorInfo, HoldEnding, HoldKind, Moment, Trigger
from trcpoints.documents.federation import FederationConflictRow
from trcpoints.documents.streaks import StreakMilestone

RunState = Literal["running", "completed", "failed", "skipped", "interrupted", "abandoned"]
"""How a run stands."""


class HistoryRun(Struct, kw_only=True):
    """One run of a job. While it is running it has no `finished_at`.

    `stats` are the counts that the job kept of it; what they are is the job's own affair. Of a
    run that came to nothing there are none.
    """

    run_id: str
    job: str
    scope: str | None
    status: RunState
    trigger: Trigger
    machine: str | None
    started_at: Moment
    finished_at: Moment | None
    duration_seconds: float | None
    stats: dict[str, Any] | None
    error: ErrorInfo | None


class HistoryListDocument(Document, kw_only=True, tag="trcpoints.history.list/1"):
    """One page of the runs, newest first. `total` counts all that the filters let through."""

    total: int
    page: int
    limit: int
    runs: list[HistoryRun]


class HistoryMember(Struct, kw_only=True):
    """A member whom a run concerned, under the name of today."""

    member_id: str
    discord_id: str | None
    name: str | None


class HistoryAward(HistoryMember, kw_only=True):
    """Points that a run awarded or deducted. `discord_id` and `xp_delta` are as it saw them.

    For points that did not come from XP, there is no `xp_delta`, and the account is today's.
    """

    entry_id: str
    source: str
    points: int
    xp_delta: int | None


class HistoryRecord(HistoryMember, kw_only=True):
    """What a sync recorded of a member, under the Discord account of then.

    A baseline has no `xp_delta`; that of a quiet member is 0.
    """

    outcome: Literal["baselined", "gained", "lost", "quiet"]
    xp_delta: int | None
    xp_total: int


class HistoryHold(HistoryMember, kw_only=True):
    """A hold that a sync began or ended, under the Discord account of then.

    `xp_seen` and `points` are what it saw and what was at stake: when it began, in what a sync
    has held; at last, in what it has released. `ending` says how it ended, by `made_by`, if it has.
    """

    kind: HoldKind
    xp_tracked: int
    xp_seen: int
    points: int
    accepted_by: str | None
    ending: HoldEnding | None
    made_by: str | None


class HistoryShowDocument(Document, kw_only=True, tag="trcpoints.history.show/1"):
    """One run, and what it did to whom.

    `left` are those whom a sync marked as having left and who have not come back since. `held` are
    the holds that it began, `released` those that it ended.
    `milestones` are those that a run of the streaks job reported, `conflicts` those that a sync of
    a federation found, as they are decided today.
    """

    run: HistoryRun
    awards: list[HistoryAward]
    records: list[HistoryRecord]
    left: list[HistoryMember]
    milestones: list[StreakMilestone]
    conflicts: list[FederationConflictRow]
    held: list[HistoryHold] = field(default_factory=list)
    released: list[HistoryHold] = field(default_factory=list)


class HistoryExportDocument(Document, kw_only=True, tag="trcpoints.history.export/1"):
    """All runs from `since` on and before `until`, oldest first; `total` is their number."""

    since: Moment | None
    until: Moment | None
    total: int
    runs: list[HistoryRun]


class HistoryPruneDocument(Document, kw_only=True, tag="trcpoints.history.prune/1"):
    """What was deleted from before a time; a dry run only counts it.

    `pruned` are the records of runs, `jobs` those of the queue of federations that are over,
    `deliveries` those of webhooks, and `refusals` the counts of refused ones, one for each
    connector, reason and minute.
    """

    status: Literal["completed"] = "completed"
    dry_run: bool
    before: Moment
    pruned: int
    jobs: int
    deliveries: int
    refusals: int
