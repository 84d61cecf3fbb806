"""Members by points, and what backfill would make of them."""

from __future__ import annotations

from msgspec import Struct

from trcpoints.documents import Document, Moment


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
