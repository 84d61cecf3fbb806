"""The sync's decision for one member: what is written, and what is counted."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec import structs

from tests.support.plans import RULES, board, member, plan
from trcpoints.documents.sync import SyncMembers
from trcpoints.jobs.sync.plan import SyncPlan
from trcpoints.jobs.sync.verdicts import MAX_DEFERRALS, MemberState, Outcome, Verdict
from trcpoints.mee6.leaderboard import Completeness

COMPLETE, MOVED, PARTIAL = Completeness.COMPLETE, Completeness.RANKS_MOVED, Completeness.PARTIAL
ANN = member(1, 1000)
NEW = member(1, None, quiet=False)


def plan_of(
    one: MemberState,
    seen: Mapping[int, int],
    completeness: Completeness = COMPLETE,
    *,
    paged: bool = True,
    rebaseline: bool = False,
) -> SyncPlan:
    """The plan for one member on a board that was read for member 1."""
    leaderboard = board([member(1)], seen, completeness=completeness, paged=paged)
    return plan([one], leaderboard, rebaseline=rebaseline)


def after(
    one: MemberState,
    seen: Mapping[int, int],
    completeness: Completeness = COMPLETE,
    *,
    paged: bool = True,
    rebaseline: bool = False,
) -> MemberState:
    """The member after the sync."""
    made = plan_of(one, seen, completeness, paged=paged, rebaseline=rebaseline)
    assert made.members.tracked == 1
    return made.verdicts[0].after if made.verdicts else one


def only(made: SyncPlan) -> Verdict:
    (verdict,) = made.verdicts
    return verdict


@pytest.mark.parametrize(
    ("xp", "carry", "outcome", "points", "carry_after"),
    [
        (1150, 0, Outcome.GAINED, 1, 50),
        (1001, 0, Outcome.GAINED, 0, 1),
        (1050, 50, Outcome.GAINED, 1, 0),
        (999, 0, Outcome.LOST, 0, -1),
        (750, 0, Outcome.LOST, -2, -50),
        (880, 50, Outcome.LOST, 0, -70),
    ],
)
def test_a_change_moves_points_by_the_carry(
    xp: int, carry: int, outcome: Outcome, points: int, carry_after: int
) -> None:
    one = structs.replace(ANN, carry=carry, points=40)
    made = plan_of(one, {1: xp})
    verdict = only(made)
    assert made.members.returned == 0
    assert verdict == Verdict(
        outcome,
        one,
        structs.replace(one, xp_total=xp, carry=carry_after, points=40 + points, quiet=False),
        recorded=True,
        xp_delta=xp - 1000,
        awarded=points,
    )
    assert (made.xp.gained, made.xp.lost) == (max(xp - 1000, 0), max(1000 - xp, 0))
    assert (made.points.awarded, made.points.deducted) == (max(points, 0), max(-points, 0))
    assert made.points.net == points


def test_members_are_written_in_the_order_of_their_ids() -> None:
    members = [member(number) for number in (3, 1, 2)]
    made = plan(members, board(members, {1: 1100, 2: 1300, 3: 700}))
    assert [verdict.after.member_id for verdict in made.verdicts] == [1, 2, 3]
    assert (made.points.awarded, made.points.deducted, made.points.net) == (4, 3, 1)
    assert (made.xp.gained, made.xp.lost) == (400, 300)


def test_a_member_is_recorded_as_quiet_once() -> None:
    restless = structs.replace(ANN, quiet=False)
    verdict = only(plan_of(restless, {1: 1000}))
    assert (verdict.outcome, verdict.recorded, verdict.xp_delta) == (Outcome.UNCHANGED, True, 0)
    assert verdict.after == ANN
    quiet = plan_of(ANN, {1: 1000})
    assert (quiet.members.unchanged, quiet.verdicts) == (1, [])


def test_the_first_xp_is_a_baseline() -> None:
    made = plan_of(NEW, {1: 700})
    verdict = only(made)
    assert (verdict.outcome, verdict.recorded, verdict.xp_delta) == (Outcome.BASELINED, True, None)
    assert verdict.after == structs.replace(NEW, xp_total=700)
    assert (made.members.baselined, made.members.absent, made.points.awarded) == (1, 0, 0)
    assert (made.at_risk, made.losing) == (0, 0)


def test_a_member_who_is_to_be_baselined_keeps_points_and_carry() -> None:
    one = structs.replace(ANN, rebaseline=True, points=9, carry=-7, left_at="2026-01-01")
    made = plan_of(one, {1: 5})
    known = only(made).after
    assert (known.xp_total, known.points, known.carry) == (5, 9, -7)
    assert (known.rebaseline, known.left_at, known.quiet) == (False, None, False)
    assert (made.members.baselined, made.members.returned, made.points.deducted) == (1, 0, 0)


def test_rebaseline_reaches_the_quiet_and_the_unseen() -> None:
    verdict = only(plan_of(ANN, {1: 1000}, rebaseline=True))
    assert (verdict.outcome, verdict.recorded, verdict.xp_delta) == (Outcome.BASELINED, True, None)
    unseen = after(NEW, {}, paged=False, rebaseline=True)
    assert (unseen.xp_total, unseen.rebaseline) == (0, True)
    later = plan_of(unseen, {1: 700})
    assert only(later).outcome is Outcome.BASELINED
    assert later.points.awarded == 0


@pytest.mark.parametrize("completeness", Completeness)
@pytest.mark.parametrize("by_hand", [False, True])
def test_who_is_not_seen_awaits_a_baseline(completeness: Completeness, by_hand: bool) -> None:
    """However much of the board was read: they have not left, and are not at risk."""
    away = structs.replace(ANN, left_at="2026-01-01T00:00:00.000000Z", rebaseline=by_hand)
    made = plan_of(away, {}, completeness, rebaseline=not by_hand)
    counts = made.members
    assert (counts.deferred, counts.awaiting_baseline, counts.tracked) == (1, 1, 1)
    assert (counts.left, counts.away, counts.returned, made.at_risk) == (0, 0, 0, 0)
    verdict = only(made)
    assert (verdict.after.left_at, verdict.after.rebaseline) == (None, True)
    assert (verdict.recorded, verdict.leaving, verdict.after.xp_total) == (False, False, 1000)


def test_a_member_who_leaves_is_marked_and_loses_nothing() -> None:
    made = plan_of(ANN, {})
    verdict = only(made)
    assert (verdict.outcome, verdict.leaving, verdict.recorded) == (Outcome.LEFT, True, False)
    assert (verdict.after, verdict.awarded) == (ANN, 0)
    assert (made.members.left, made.at_risk, made.losing) == (1, 1, 1)


def test_a_member_who_is_away_stays_so() -> None:
    made = plan_of(structs.replace(ANN, left_at="2026-01-01"), {})
    assert (made.members.away, made.members.returned, made.verdicts) == (1, 0, [])
    assert (made.at_risk, made.losing) == (0, 0)


@pytest.mark.parametrize("xp", [900, 1000, 1100])
def test_a_member_who_comes_back_is_counted_as_returned(xp: int) -> None:
    made = plan_of(structs.replace(ANN, left_at="2026-01-01", absences=1, deferrals=2), {1: xp})
    assert made.members.returned == 1
    known = only(made).after
    assert (known.left_at, known.absences, known.deferrals) == (None, 0, 0)
    # Who is not there has nothing that could be lost now.
    assert (made.at_risk, made.losing) == (0, 0)


def test_a_member_without_xp_is_unchanged_while_absent() -> None:
    made = plan_of(member(1, 0), {})
    assert (made.members.unchanged, made.verdicts) == (1, [])
    assert (made.at_risk, made.losing) == (0, 0)


def test_on_a_single_page_one_walk_is_enough_for_zero() -> None:
    made = plan_of(NEW, {}, paged=False)
    verdict = only(made)
    assert (verdict.outcome, verdict.absent, verdict.recorded) == (Outcome.BASELINED, True, True)
    assert verdict.after == structs.replace(NEW, xp_total=0)
    assert (made.members.baselined, made.members.absent) == (1, 1)


def test_on_many_pages_zero_takes_two_walks_in_a_row() -> None:
    once = after(NEW, {})
    assert (once.xp_total, once.absences) == (None, 1)
    twice = after(once, {})
    assert (twice.xp_total, twice.absences) == (0, 0)
    unread = plan([once], board([NEW], {}, paged=True, unreadable=[1]))
    assert (unread.members.deferred, only(unread).after.absences) == (1, 0)


def test_deferrals_count_in_a_row_only() -> None:
    deferred = after(ANN, {}, MOVED)
    assert deferred.deferrals == 1
    assert after(deferred, {1: 1000}, MOVED).deferrals == 0
    assert after(deferred, {}, COMPLETE).deferrals == 0
    unread = plan([deferred], board([ANN], {}, completeness=MOVED, unreadable=[1]))
    assert only(unread).after.deferrals == 0


def test_a_member_is_deferred_so_often_and_then_counts_as_absent() -> None:
    assert MAX_DEFERRALS == 4
    one = ANN
    for number in range(1, MAX_DEFERRALS + 1):
        made = plan_of(one, {}, MOVED)
        assert (made.members.deferred, made.losing) == (1, 0)
        one = only(made).after
        assert one.deferrals == number
    assert plan_of(one, {}, MOVED).members.left == 1


def test_after_the_last_deferral_a_new_member_still_needs_two_walks() -> None:
    once = after(structs.replace(NEW, deferrals=MAX_DEFERRALS), {}, MOVED)
    assert (once.xp_total, once.absences) == (None, 1)
    assert after(once, {}, MOVED).xp_total == 0


def test_a_member_who_was_linked_after_the_walk_began_is_deferred() -> None:
    made = plan_of(member(2, None), {}, paged=False)
    assert (made.members.deferred, made.verdicts) == (1, [])


def test_a_part_of_the_board_says_nothing_of_who_is_not_on_it() -> None:
    made = plan_of(ANN, {}, PARTIAL)
    assert made.members.deferred == 1
    # All that is written is when the XP was last seen.
    assert only(made).after == structs.replace(ANN, known_at=RULES.previous_text())
    assert plan_of(ANN, {1: 1100}, PARTIAL).members.gained == 1


def test_a_baseline_is_recorded_even_where_it_changes_nothing() -> None:
    busy = structs.replace(ANN, quiet=False)
    verdict = only(plan_of(busy, {1: 1000}, rebaseline=True))
    assert (verdict.recorded, verdict.after) == (True, busy)


def test_every_member_is_counted_once() -> None:
    members = [
        member(1, None, quiet=False),  # baselined
        member(2),  # unchanged
        member(3),  # gained
        member(4),  # lost
        member(5),  # left
        member(6, left_at="2026-01-01"),  # away
        member(7),  # deferred
        member(8),  # held
    ]
    seen = {1: 5, 2: 1000, 3: 1100, 4: 900, 8: 9000}
    counts = plan(members, board(members, seen, unreadable=[7]), settled=5).members
    assert counts == SyncMembers(
        tracked=13,
        baselined=1,
        unchanged=6,
        gained=1,
        lost=1,
        left=1,
        away=1,
        deferred=1,
        held=1,
    )
