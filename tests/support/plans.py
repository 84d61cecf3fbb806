"""Members and leaderboards as values, for the sync's decisions without a database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from trcpoints.jobs.sync.holds import Hold, HoldRules
from trcpoints.jobs.sync.plan import SyncPlan, decide, decide_losses
from trcpoints.jobs.sync.verdicts import MemberState
from trcpoints.mee6.leaderboard import Completeness, Leaderboard

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
RULES = HoldRules(started_at=NOW, previous=NOW - timedelta(minutes=15))
"""Those of a sync 15 minutes after the one before: a gain of 1,750 XP is plausible."""


def plan(
    members: Sequence[MemberState],
    leaderboard: Leaderboard,
    *,
    settled: int = 0,
    rebaseline: bool = False,
    rules: HoldRules = RULES,
    holds: Mapping[int, Hold] | None = None,
    discord_points: Mapping[int, int] | None = None,
) -> SyncPlan:
    """The whole plan for these members, and so many settled ones beside them.

    Discord has given each of them 1,000 points, unless it is said otherwise.
    """
    made = decide(
        leaderboard,
        members,
        synced=len(members) + settled,
        rebaseline=rebaseline,
        rules=rules,
        holds=holds or {},
    )
    given = {one.member_id: 1000 for one in members} | dict(discord_points or {})
    decide_losses(made, given, rules)
    return made


def member(
    number: int,
    xp_total: int | None = 1000,
    *,
    carry: int = 0,
    points: int = 0,
    quiet: bool = True,
    left_at: object = None,
    absences: int = 0,
    deferrals: int = 0,
    rebaseline: bool = False,
    known_at: object = None,
    held_at: object = None,
) -> MemberState:
    """A member with this id, whose Discord id is 100 more; settled unless it is said otherwise."""
    return MemberState(
        member_id=number,
        discord_id=str(100 + number),
        name=f"member {number}",
        xp_total=xp_total,
        carry=carry,
        points=points,
        quiet=quiet,
        left_at=left_at,
        absences=absences,
        deferrals=deferrals,
        rebaseline=rebaseline,
        last_active_at=None,
        known_at=known_at,
        held_at=held_at,
    )


def board(
    members: Iterable[MemberState],
    seen: Mapping[int, int],
    *,
    completeness: Completeness = Completeness.COMPLETE,
    paged: bool = False,
    unreadable: Collection[int] = (),
    players: int = 10,
    invalid_players: int = 0,
) -> Leaderboard:
    """A leaderboard that was read for these members; `seen` and `unreadable` by member id."""
    asked = {int(one.discord_id) for one in members}
    found = {100 + number: xp for number, xp in seen.items()}
    malformed = {100 + number for number in unreadable}
    return Leaderboard(
        guild_id="993",
        known=dict.fromkeys(asked),
        news=found,
        missing=asked - found.keys() - malformed,
        unreadable=malformed,
        completeness=completeness,
        paged=paged,
        players=players,
        invalid_players=invalid_players,
        pages=1,
        requests=1,
        retries=0,
    )
