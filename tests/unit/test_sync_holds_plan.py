"""Holds within the plan of a sync: what becomes of held members, seen or not, and of the marks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from tests.support.plans import NOW, RULES, board, member, plan
from trcpoints.db.fields import to_text
from trcpoints.jobs.sync.holds import Ending, Hold
from trcpoints.jobs.sync.plan import SyncPlan
from trcpoints.jobs.sync.verdicts import Outcome, Verdict
from trcpoints.mee6.leaderboard import Completeness

HELD_AT = "2026-01-20T11:45:00.000000Z"
PREVIOUS = RULES.previous_text()
HOLD = Hold(7, "gain", 9000, 40, 6750)
HELD = member(1, 5000, held_at=HELD_AT, known_at=to_text(NOW - timedelta(hours=1)))
BY_ANN = structs.replace(RULES, made_by="ann")


def only(made: SyncPlan) -> Verdict:
    (verdict,) = made.verdicts
    return verdict


@pytest.mark.parametrize(
    ("xp", "outcome", "recorded"),
    [
        (5000, Outcome.UNCHANGED, False),
        (5100, Outcome.GAINED, True),
        (4900, Outcome.LOST, True),
        (3900, Outcome.LOST, True),  # for which the ledger is asked
    ],
)
def test_a_hold_that_passes_leaves_no_mark(xp: int, outcome: Outcome, recorded: bool) -> None:
    made = plan([HELD], board([HELD], {1: xp}), holds={1: HOLD}, rules=BY_ANN)
    verdict = only(made)
    assert (verdict.outcome, verdict.recorded) == (outcome, recorded)
    assert (verdict.hold_before, verdict.hold) == (HOLD, None)
    assert verdict.ending == Ending("passed", "sync")
    assert (verdict.after.held_at, verdict.after.known_at) == (None, None)
    assert (made.holds.ended, made.held) == (1, [])


@pytest.mark.parametrize("seen", [{1: 9000}, {}])
def test_a_new_baseline_ends_a_hold(seen: dict[int, int]) -> None:
    made = plan([HELD], board([HELD], seen), holds={1: HOLD}, rules=BY_ANN, rebaseline=True)
    verdict = only(made)
    assert verdict.outcome is (Outcome.BASELINED if seen else Outcome.DEFERRED)
    assert (verdict.hold_before, verdict.hold) == (HOLD, None)
    assert verdict.ending == Ending("rebaselined", "ann")
    assert (verdict.after.held_at, verdict.after.rebaseline) == (None, not seen)
    assert (made.members.held, made.holds.ended, made.held) == (0, 1, [])


def test_a_baseline_without_a_hold_ends_none() -> None:
    for seen in ({1: 9000}, {}):
        made = plan([member(1)], board([member(1)], seen), rebaseline=True)
        assert (only(made).ending, made.holds.ended) == (None, 0)


@pytest.mark.parametrize("completeness", Completeness)
def test_a_held_member_who_is_not_seen_is_held(completeness: Completeness) -> None:
    one = member(1, 5000, held_at=HELD_AT)
    made = plan([one], board([one], {}, completeness=completeness), holds={1: HOLD})
    assert (made.members.held, made.members.tracked) == (1, 1)
    verdict = only(made)
    assert verdict.after == structs.replace(one, known_at=PREVIOUS)
    assert (verdict.hold, verdict.ending, verdict.leaving) == (HOLD, None, False)


def test_what_is_superseded_ends_as_another_begins() -> None:
    accepted = structs.replace(HOLD, accepted_by="ben")
    one = member(1, 5000, held_at=HELD_AT)
    verdict = only(plan([one], board([one], {1: 90_000}), holds={1: accepted}))
    assert verdict.ending == Ending("superseded", "sync")
    assert (verdict.hold_before, verdict.outcome) == (accepted, Outcome.HELD)
    assert verdict.hold == Hold(None, "gain", 90_000, 850, 6750)


@pytest.mark.parametrize(
    ("left", "known", "xp", "held"),
    [
        (None, None, 6750, False),
        (None, None, 6751, True),
        (None, 60, 9000, False),
        (None, 60, 9001, True),
        (60, None, 9000, False),
        (60, None, 9001, True),
        # Whoever was away was seen until they left, whatever they were deferred for before.
        (30, 60, 7500, False),
        (30, 60, 7501, True),
    ],
)
def test_since_when_a_member_may_have_gained(
    left: int | None, known: int | None, xp: int, held: bool
) -> None:
    def ago(minutes: int | None) -> str | None:
        return None if minutes is None else to_text(NOW - timedelta(minutes=minutes))

    one = member(1, 5000, left_at=ago(left), known_at=ago(known))
    made = plan([one], board([one], {1: xp}))
    assert (made.members.held, made.members.gained) == (int(held), int(not held))


def test_of_a_held_member_what_was_seen_last_is_what_counts() -> None:
    accepted = structs.replace(HOLD, accepted_by="ben")
    away = member(1, 5000, held_at=HELD_AT, left_at=to_text(NOW - timedelta(days=9)))
    for xp, held in ((10_750, 0), (10_751, 1)):
        assert plan([away], board([away], {1: xp}), holds={1: accepted}).members.held == held


def test_without_a_limit_no_gain_is_held() -> None:
    off = structs.replace(RULES, max_gain="off")
    one = member(1, 5000)
    assert plan([one], board([one], {1: 10**9}), rules=off).members.gained == 1


def test_when_the_xp_was_last_seen_is_kept_from_the_first_miss_on() -> None:
    one = member(1, 5000)
    first = only(plan([one], board([one], {}, unreadable=[1]))).after
    assert first == structs.replace(one, known_at=PREVIOUS)
    later = structs.replace(RULES, started_at=NOW + timedelta(hours=1), previous=NOW)
    assert plan([first], board([one], {}, unreadable=[1]), rules=later).verdicts == []
    assert only(plan([first], board([one], {1: 5000}), rules=later)).after == one


def test_a_member_without_xp_is_known_while_absent() -> None:
    unread = member(1, 0, known_at=PREVIOUS)
    assert only(plan([unread], board([unread], {}))).after.known_at is None
    new = member(1, None, quiet=False)
    assert plan([new], board([new], {}, unreadable=[1])).verdicts == []


def test_nothing_is_known_of_new_members_by_an_empty_or_a_repeated_board() -> None:
    new, known = member(1, None, quiet=False), member(1, 0)
    for leaderboard in (
        board([new], {}, players=0),
        replace(board([new], {}), is_repeated=True),
    ):
        made = plan([new], leaderboard)
        assert (made.members.deferred, made.verdicts) == (1, [])
        assert plan([known], leaderboard).members.unchanged == 1
    assert plan([new], board([new], {})).members.baselined == 1


def test_a_repeated_board_defers_nobody_further() -> None:
    one = member(1, 5000, deferrals=2)
    moved = board([one], {}, completeness=Completeness.RANKS_MOVED)
    again = plan([one], replace(moved, is_repeated=True))
    assert (again.members.deferred, only(again).after.deferrals) == (1, 2)
    assert only(plan([one], moved)).after.deferrals == 3
