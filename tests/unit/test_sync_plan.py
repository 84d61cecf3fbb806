"""The sync's decision, where a leaderboard of the real kind cannot easily be had."""

from __future__ import annotations

import pytest
from msgspec import structs

from trcpoints.jobs.sync.plan import MAX_DEFERRALS, MemberState, Outcome, decide
from trcpoints.mee6.leaderboard import Completeness, Leaderboard

ANN = MemberState(
    member_id=1,
    discord_id="101",
    name="Ann",
    xp_total=1000,
    carry=0,
    points=0,
    quiet=True,
    left_at=None,
    absences=0,
    deferrals=0,
    rebaseline=False,
    last_active_at=None,
)


def board(completeness: Completeness, xp: dict[int, int], *, paged: bool = True) -> Leaderboard:
    """A leaderboard on which Ann was looked for."""
    return Leaderboard(
        guild_id="1",
        known={101: None},
        news=xp,
        missing={101} - xp.keys(),
        unreadable=set(),
        completeness=completeness,
        paged=paged,
        players=10,
        invalid_players=0,
        pages=2,
        requests=2,
        retries=0,
    )


def judged(member: MemberState, seen: Leaderboard, *, rebaseline: bool = False) -> MemberState:
    """The member after a sync."""
    plan = decide(seen, [member], synced=1, rebaseline=rebaseline)
    assert plan.members.tracked == 1
    return plan.verdicts[0].after if plan.verdicts else member


def test_deferrals_count_in_a_row_only() -> None:
    moved = board(Completeness.RANKS_MOVED, {})
    deferred = judged(ANN, moved)
    assert deferred.deferrals == 1
    assert judged(deferred, board(Completeness.RANKS_MOVED, {101: 1000})).deferrals == 0
    assert judged(deferred, board(Completeness.COMPLETE, {})).deferrals == 0


def test_after_the_last_deferral_a_new_member_still_needs_two_walks() -> None:
    unseen = structs.replace(ANN, xp_total=None, quiet=False, deferrals=MAX_DEFERRALS)
    moved = board(Completeness.RANKS_MOVED, {})
    once = judged(unseen, moved)
    assert (once.xp_total, once.absences) == (None, 1)
    assert judged(once, moved).xp_total == 0


def test_who_was_linked_after_the_walk_began_is_deferred() -> None:
    late = structs.replace(ANN, member_id=2, discord_id="102", xp_total=None)
    plan = decide(board(Completeness.COMPLETE, {}, paged=False), [late], synced=1, rebaseline=False)
    assert plan.members.deferred == 1
    assert plan.verdicts == []


def test_a_part_of_the_board_says_nothing_of_who_is_not_on_it() -> None:
    plan = decide(board(Completeness.PARTIAL, {}), [ANN], synced=1, rebaseline=False)
    assert plan.members.deferred == 1
    assert plan.verdicts == []


def test_rebaseline_reaches_the_quiet_and_the_unseen() -> None:
    complete = board(Completeness.COMPLETE, {101: 1000}, paged=False)
    (verdict,) = decide(complete, [ANN], synced=1, rebaseline=True).verdicts
    assert (verdict.outcome, verdict.recorded, verdict.xp_delta) == (Outcome.BASELINED, True, None)
    unseen = structs.replace(ANN, xp_total=None, quiet=False)
    after = judged(unseen, board(Completeness.COMPLETE, {}, paged=False), rebaseline=True)
    assert (after.xp_total, after.rebaseline) == (0, True)
    later = decide(board(Completeness.COMPLETE, {101: 700}), [after], synced=1, rebaseline=False)
    assert later.verdicts[0].outcome is Outcome.BASELINED
    assert later.points.awarded == 0


@pytest.mark.parametrize("completeness", Completeness)
@pytest.mark.parametrize("by_hand", [False, True])
def test_who_is_not_seen_awaits_a_baseline(completeness: Completeness, by_hand: bool) -> None:
    """However much of the board was read: they have not left, and are not at risk."""
    away = structs.replace(ANN, left_at="2026-01-01T00:00:00.000000Z", rebaseline=by_hand)
    plan = decide(board(completeness, {}), [away], synced=1, rebaseline=not by_hand)
    counts = plan.members
    assert (counts.deferred, counts.awaiting_baseline, counts.tracked) == (1, 1, 1)
    assert (counts.left, counts.away, counts.returned, plan.at_risk) == (0, 0, 0, 0)
    (verdict,) = plan.verdicts
    assert (verdict.after.left_at, verdict.after.rebaseline) == (None, True)
    assert (verdict.recorded, verdict.leaving, verdict.after.xp_total) == (False, False, 1000)
