"""What a sync will do, decided without I/O: the plan is a value (design, sections 2.1-2.4, 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from msgspec import Struct, field

from trcpoints.documents.sync import SyncHolds, SyncMembers, SyncPoints, SyncXp
from trcpoints.jobs.sync.holds import Hold, HoldRules, needs_ledger, weigh
from trcpoints.jobs.sync.verdicts import (
    BOOKED,
    MemberState,
    Outcome,
    Verdict,
    baseline,
    judge_missing,
    judge_seen,
    known_of,
)
from trcpoints.mee6.leaderboard import Leaderboard
from trcpoints.mee6.pages import MAX_XP

MIDNIGHT_GAP = timedelta(minutes=35)
"""The longest gap over midnight whose activity is credited to the day before (section 2.6)."""


# Looked up once: an Enum takes longer to give its members than they take to be compared.
_BASELINED, _DEFERRED, _HELD = Outcome.BASELINED, Outcome.DEFERRED, Outcome.HELD
_GAINED, _LOST, _LEFT = Outcome.GAINED, Outcome.LOST, Outcome.LEFT


class AcceptedGains(Struct):
    """Members whose gain would be held, had the option not accepted it, and their points."""

    members: int = 0
    points: int = 0


class SyncPlan(Struct):
    """Everything that a sync will write, and the figures by which it is judged and reported.

    `verdicts` has the members for whom something is written, `held` those who are held after it.
    `at_risk` counts those tracked with XP who are neither away, nor held before, nor await a
    baseline, `losing` those of them who lose XP or vanish (section 2.5), also where the loss is
    held. `changed` counts those whose XP has changed and who were not held before, `accepted` those
    of them whose gain would be held, but for the option that accepts it. `undecided` are large
    losses, on which the plan is not complete before `decide_losses`.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    held: list[Verdict] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    members: SyncMembers = field(default_factory=SyncMembers)
    xp: SyncXp = field(default_factory=SyncXp)
    points: SyncPoints = field(default_factory=SyncPoints)
    holds: SyncHolds = field(default_factory=SyncHolds)
    at_risk: int = 0
    losing: int = 0
    changed: int = 0
    accepted: AcceptedGains = field(default_factory=AcceptedGains)


class Undecided(NamedTuple):
    """A member whose XP fell so much that what Discord gave them must be known."""

    member: MemberState
    xp: int
    hold: Hold | None


def decide(
    board: Leaderboard,
    members: Iterable[MemberState],
    *,
    synced: int,
    rebaseline: bool,
    rules: HoldRules,
    holds: Mapping[int, Hold],
) -> SyncPlan:
    """Judge members by the leaderboard.

    `synced` is the number of all who are considered. Those who are not among `members` have XP,
    and nothing is new of them. `rebaseline` is the option of `sync`. `holds` are those that are
    open, by member id.
    """
    plan = SyncPlan()
    settled = synced
    # What may be gained since the last sync; whoever was seen before that may gain no less.
    usual = rules.limit(None)
    limit = MAX_XP if usual is None else usual
    for member in members:
        settled -= 1
        discord_id = int(member.discord_id)
        hold = holds.get(member.member_id)
        xp = board.xp_of(discord_id)
        if xp is None:
            verdict = judge_missing(member, discord_id, board, rules, hold, rebaseline=rebaseline)
        elif member.xp_total is None or member.rebaseline or rebaseline:
            verdict = baseline(member, xp, rules, hold)
        else:
            delta = xp - member.xp_total
            if hold is None and 0 <= delta <= limit:
                weighed = BOOKED
            elif needs_ledger(delta):
                plan.undecided.append(Undecided(member, xp, hold))
                continue
            else:
                weighed = weigh(known_of(member, hold), xp, hold, rules)
            verdict = judge_seen(member, xp, rules, hold, weighed)
        _add(plan, verdict)
    plan.members.unchanged += settled
    plan.at_risk += settled
    _sum_up(plan)
    return plan


def decide_losses(plan: SyncPlan, discord_points: Mapping[int, int], rules: HoldRules) -> None:
    """Complete a plan: judge the large losses by what Discord gave these members, by their ids."""
    for member, xp, hold in plan.undecided:
        points = discord_points.get(member.member_id, 0)
        weighed = weigh(known_of(member, hold), xp, hold, rules, points)
        _add(plan, judge_seen(member, xp, rules, hold, weighed))
    plan.undecided = []
    _sum_up(plan)


def _sum_up(plan: SyncPlan) -> None:
    counts = plan.members
    # In the order of the tables and their indexes, which is the quickest to write in.
    for verdicts in (plan.verdicts, plan.held):
        verdicts.sort(key=lambda verdict: verdict.after.member_id)
    counts.tracked = (
        counts.baselined
        + counts.unchanged
        + counts.gained
        + counts.lost
        + counts.left
        + counts.away
        + counts.deferred
        + counts.held
    )
    plan.points.net = plan.points.awarded - plan.points.deducted


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


def _add(plan: SyncPlan, verdict: Verdict) -> None:
    """Count a verdict, and keep it where it writes something."""
    before, after, counts, outcome = verdict.before, verdict.after, plan.members, verdict.outcome
    name = outcome.value
    setattr(counts, name, getattr(counts, name) + 1)
    counts.absent += verdict.absent
    is_deferred = outcome is _DEFERRED
    counts.awaiting_baseline += is_deferred and after.rebaseline
    seen_again = before.left_at is not None and after.left_at is None
    counts.returned += seen_again and not (is_deferred or outcome is _BASELINED)
    # Members who were held before wait for a decision: they keep no sync of the others back.
    if verdict.hold_before is None:
        _count_risk(plan, verdict)
    if verdict.hold is not None or verdict.ending is not None:
        _count_holds(plan, verdict)
    delta = verdict.xp_delta or 0
    if delta > 0:
        plan.xp.gained += delta
        plan.points.awarded += verdict.awarded
    else:
        plan.xp.lost -= delta
        plan.points.deducted -= verdict.awarded
    is_hold_new = verdict.hold != verdict.hold_before
    if verdict.recorded or verdict.leaving or after != before or is_hold_new:
        plan.verdicts.append(verdict)


def _count_risk(plan: SyncPlan, verdict: Verdict) -> None:
    """Count what the guards ask of a member who was not held before."""
    outcome, hold, before = verdict.outcome, verdict.hold, verdict.before
    is_lost = outcome is _LOST
    plan.changed += is_lost or outcome is _GAINED or outcome is _HELD
    # Whoever awaits a baseline has nothing to lose.
    if before.xp_total and before.left_at is None and not before.rebaseline:
        plan.at_risk += 1
        loses_held = hold is not None and hold.kind == "loss"
        plan.losing += is_lost or outcome is _LEFT or loses_held
    if verdict.is_accepted and verdict.awarded > 0:
        plan.accepted.members += 1
        plan.accepted.points += verdict.awarded


def _count_holds(plan: SyncPlan, verdict: Verdict) -> None:
    """Count a hold that begins or has ended, and the points at stake of one that begins."""
    hold, ending, counts = verdict.hold, verdict.ending, plan.holds
    counts.ended += ending is not None and ending.how != "superseded"
    if hold is None:
        return
    plan.held.append(verdict)
    if hold.hold_id is not None:
        return
    if hold.kind == "gain":
        counts.gains += 1
        counts.to_award += hold.points
    else:
        counts.losses += 1
        counts.to_deduct -= hold.points
