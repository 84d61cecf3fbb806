"""What a sync did."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, field

from trcpoints.documents import Document, ErrorInfo, HoldKind, Moment, RunStatus, Trigger


class SyncMembers(Struct):
    """Members considered by a sync, by what became of them.

    `tracked` is the sum of baselined, unchanged, gained, lost, left, away, deferred and held.
    `awaiting_baseline` are those of the deferred whose next XP that is seen is a baseline. The XP
    of those who are held has changed more than can be: nothing is booked before a decision.
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
    awaiting_baseline: int = 0
    held: int = 0


class SyncHolds(Struct):
    """The holds that a sync began, by their kind, with the points at stake, both positive.

    `ended` are the holds from before that it ended.
    """

    gains: int = 0
    losses: int = 0
    to_award: int = 0
    to_deduct: int = 0
    ended: int = 0


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
    """What was read of the leaderboard, and what it took.

    `found` are the members who are on it; None where only a part of it was read.
    `partial` says that it may not be the whole board, so members who are not on it are deferred;
    `repeated` that the same saved board was read before.
    """

    players: int = 0
    invalid_players: int = 0
    pages: int = 0
    requests: int = 0
    retries: int = 0
    found: int | None = None
    partial: bool = False
    repeated: bool = False


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


class SyncHeldMember(Struct):
    """A member who is held after a sync: `xp_seen` and `points` are what waits.

    `is_new` says that this sync has begun the hold.
    """

    member_id: str
    discord_id: str
    name: str | None
    kind: HoldKind
    xp_tracked: int
    xp_seen: int
    points: int
    is_new: bool


class SyncDocument(Document, kw_only=True, tag="trcpoints.sync/1"):
    """One sync, whatever came of it. `results` and `held` are there with `--members` only.

    `moved_from` is the guild that the books belonged to before, where `--rebaseline` moved them.
    `held` are the members who are held after it; nothing of them is in `results`.
    """

    sync_id: str
    status: RunStatus
    reason: str | None = None
    dry_run: bool
    trigger: Trigger
    guild_id: str | None
    moved_from: str | None = None
    started_at: Moment
    finished_at: Moment
    duration_seconds: float
    members: SyncMembers = field(default_factory=SyncMembers)
    xp: SyncXp = field(default_factory=SyncXp)
    points: SyncPoints = field(default_factory=SyncPoints)
    holds: SyncHolds = field(default_factory=SyncHolds)
    leaderboard: SyncLeaderboard = field(default_factory=SyncLeaderboard)
    consecutive_failures: int
    error: ErrorInfo | None = None
    results: list[SyncResult] | UnsetType = UNSET
    held: list[SyncHeldMember] | UnsetType = UNSET
