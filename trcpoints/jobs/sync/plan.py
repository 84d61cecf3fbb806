"""What a sync will do, decided without I/O: the plan is a value (design, sections 2.1-2.4, 10)."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from msgspec import Struct, field, structs

from trcpoints.documents.sync import SyncMembers, SyncPoints, SyncXp
from trcpoints.mee6.leaderboard import Completeness, Leaderboard
from trcpoints.points.conversion import convert

MAX_DEFERRALS = 4
"""Syncs in a row for which members are deferred while ranks move (design, section 3)."""

WALKS_BEFORE_ZERO = 2
"""Complete walks in a row without a member before they are baselined at zero (section 2.2)."""

MIDNIGHT_GAP = timedelta(minutes=35)
"""The longest gap over midnight whose activity is credited to the day before (section 2.6)."""


# gc=False here and below: they refer to nothing that could refer back to them, and there are too
# many of them for the garbage collector to look through again and again.
class MemberState(Struct, frozen=True, gc=False):
    """What the books say of one member before the sync (`trcpoints.db.models.Member`).

    `left_at` and `last_active_at` are as the database's driver gives and takes them.
    """

    member_id: int
    discord_id: str
    name: str | None
    xp_total: int | None
    carry: int
    points: int
    quiet: bool
    left_at: object
    absences: int
    deferrals: int
    rebaseline: bool
    last_active_at: object


class Outcome(enum.Enum):
    """What became of a member; the values are the counts of the sync's document."""

    BASELINED = "baselined"
    UNCHANGED = "unchanged"
    GAINED = "gained"
    LOST = "lost"
    LEFT = "left"
    AWAY = "away"
    DEFERRED = "deferred"


class Verdict(Struct, frozen=True, gc=False):
    """The outcome for one member, and their state after it.

    `recorded` asks for an activity record, whose delta is `xp_delta` (None: a baseline).
    `awarded` are the points of the ledger entry; 0 for none. `absent` says that the baseline is
    zero because the member is not on the board; `leaving` asks for the mark `left_at`.
    """

    outcome: Outcome
    before: MemberState
    after: MemberState
    recorded: bool = False
    xp_delta: int | None = None
    awarded: int = 0
    absent: bool = False
    leaving: bool = False


class SyncPlan(Struct):
    """Everything that a sync will write, and the figures by which it is judged and reported.

    `verdicts` has the members for whom something is written. `at_risk` counts those tracked
    with XP who are neither away nor await a baseline, `losing` those of them who lose XP or
    vanish (section 2.5).
    """

    verdicts: list[Verdict] = field(default_factory=list)
    members: SyncMembers = field(default_factory=SyncMembers)
    xp: SyncXp = field(default_factory=SyncXp)
    points: SyncPoints = field(default_factory=SyncPoints)
    at_risk: int = 0
    losing: int = 0


def decide(
    board: Leaderboard, members: Iterable[MemberState], *, synced: int, rebaseline: bool
) -> SyncPlan:
    """Judge members by the leaderboard.

    `synced` is the number of all who are considered. Those who are not among `members` have XP,
    and nothing is new of them. `rebaseline` is the option of `sync`.
    """
    plan = SyncPlan()
    counts = plan.members
    settled = synced
    for member in members:
        settled -= 1
        discord_id = int(member.discord_id)
        xp = board.xp_of(discord_id)
        if xp is None:
            verdict = _judge_missing(member, discord_id, board, rebaseline=rebaseline)
        else:
            verdict = _judge_seen(member, xp, rebaseline=rebaseline)
        _add(plan, verdict)
    counts.unchanged += settled
    plan.at_risk += settled
    # In the order of the tables and their indexes, which is the quickest to write in.
    plan.verdicts.sort(key=lambda verdict: verdict.after.member_id)
    counts.tracked = (
        counts.baselined
        + counts.unchanged
        + counts.gained
        + counts.lost
        + counts.left
        + counts.away
        + counts.deferred
    )
    plan.points.net = plan.points.awarded - plan.points.deducted
    return plan


def occurrence(started_at: datetime, previous: datetime | None) -> datetime:
    """When the activity happened that a sync sees (section 2.6).

    The sync's start; but what the first sync after midnight sees was earned before it, provided
    that the `previous` completed sync was on the day before, at most MIDNIGHT_GAP earlier.
    """
    day_before = started_at.date() - timedelta(days=1)
    if (
        previous is not None
        and previous.date() == day_before
        and started_at - previous <= MIDNIGHT_GAP
    ):
        return datetime.combine(day_before, time.max, tzinfo=UTC)
    return started_at


def _judge_seen(member: MemberState, xp: int, *, rebaseline: bool) -> Verdict:
    """A member who is on the leaderboard with `xp`."""
    seen = structs.replace(
        member, xp_total=xp, left_at=None, absences=0, deferrals=0, rebaseline=False
    )
    if member.xp_total is None or member.rebaseline or rebaseline:
        after = structs.replace(seen, quiet=False)
        return Verdict(Outcome.BASELINED, member, after, recorded=True)
    delta = xp - member.xp_total
    if delta == 0:
        after = structs.replace(seen, quiet=True)
        return Verdict(Outcome.UNCHANGED, member, after, recorded=not member.quiet, xp_delta=0)
    points, carry = convert(member.carry, delta)
    after = structs.replace(seen, quiet=False, carry=carry, points=member.points + points)
    outcome = Outcome.GAINED if delta > 0 else Outcome.LOST
    return Verdict(outcome, member, after, recorded=True, xp_delta=delta, awarded=points)


def _judge_missing(
    member: MemberState, discord_id: int, board: Leaderboard, *, rebaseline: bool
) -> Verdict:
    """A member who was not found: not there, or not known whether there."""
    after = member
    if rebaseline or member.rebaseline:
        # They await a baseline: they have not left what they were never seen on (section A4).
        after = structs.replace(member, rebaseline=True, left_at=None)
    if discord_id in board.unreadable:
        after = structs.replace(after, absences=0, deferrals=0)
        return Verdict(Outcome.DEFERRED, member, after)
    # Who was linked after the walk began was not looked for.
    if board.completeness is Completeness.PARTIAL or discord_id not in board.known:
        return Verdict(Outcome.DEFERRED, member, after)
    is_no_walk = board.is_empty or board.is_repeated
    if is_no_walk and member.xp_total is None:
        return Verdict(Outcome.DEFERRED, member, after)
    if board.completeness is Completeness.RANKS_MOVED:
        if board.is_repeated:
            return Verdict(Outcome.DEFERRED, member, after)
        if member.deferrals < MAX_DEFERRALS:
            after = structs.replace(after, deferrals=member.deferrals + 1)
            return Verdict(Outcome.DEFERRED, member, after)
    else:
        after = structs.replace(after, deferrals=0)
    return _judge_absent(member, after, board)


def _judge_absent(member: MemberState, after: MemberState, board: Leaderboard) -> Verdict:
    """A member who counts as absent from the leaderboard (sections 2.2 and 2.3)."""
    if member.xp_total is None:
        absences = member.absences + 1
        if board.paged and absences < WALKS_BEFORE_ZERO:
            return Verdict(Outcome.DEFERRED, member, structs.replace(after, absences=absences))
        after = structs.replace(after, xp_total=0, quiet=False, absences=0)
        return Verdict(Outcome.BASELINED, member, after, recorded=True, absent=True)
    if after.rebaseline:
        return Verdict(Outcome.DEFERRED, member, after)
    if member.xp_total == 0:
        return Verdict(Outcome.UNCHANGED, member, after)
    if member.left_at is not None:
        return Verdict(Outcome.AWAY, member, after)
    return Verdict(Outcome.LEFT, member, after, leaving=True)


def _add(plan: SyncPlan, verdict: Verdict) -> None:
    """Count a verdict, and keep it where it writes something."""
    before, after, counts = verdict.before, verdict.after, plan.members
    name = verdict.outcome.value
    setattr(counts, name, getattr(counts, name) + 1)
    counts.absent += verdict.absent
    is_deferred = verdict.outcome is Outcome.DEFERRED
    counts.awaiting_baseline += is_deferred and after.rebaseline
    seen_again = before.left_at is not None and after.left_at is None
    counts.returned += seen_again and not (is_deferred or verdict.outcome is Outcome.BASELINED)
    # Whoever awaits a baseline has nothing to lose.
    if before.xp_total and before.left_at is None and not before.rebaseline:
        plan.at_risk += 1
        plan.losing += verdict.outcome is Outcome.LOST or verdict.outcome is Outcome.LEFT
    delta = verdict.xp_delta or 0
    if delta > 0:
        plan.xp.gained += delta
        plan.points.awarded += verdict.awarded
    else:
        plan.xp.lost -= delta
        plan.points.deducted -= verdict.awarded
    if verdict.recorded or verdict.leaving or after != before:
        plan.verdicts.append(verdict)
