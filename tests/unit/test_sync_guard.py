"""The mass-change guard: how many may lose XP, and of whom the share is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.support.plans import board, member, plan
from trcpoints.config import DEFAULT_PERCENT
from trcpoints.errors import MassChangeRefused
from trcpoints.jobs.sync import guard
from trcpoints.jobs.sync.plan import SyncPlan
from trcpoints.jobs.sync.verdicts import MemberState
from trcpoints.mee6.leaderboard import Leaderboard

SIX = [member(number) for number in range(1, 7)]


def seen(**changes: int | None) -> dict[int, int]:
    """The board of the six: `m3=None` is gone, `m3=5` has 5 XP."""
    xp: dict[int, int | None] = dict.fromkeys(range(1, 7), 1000)
    xp.update({int(name[1:]): value for name, value in changes.items()})
    return {number: value for number, value in xp.items() if value is not None}


def planned(
    members: Sequence[MemberState], found: Mapping[int, int], *, settled: int = 0
) -> tuple[SyncPlan, Leaderboard]:
    """The plan for the members that a sync looks at, and so many settled ones beside them."""
    leaderboard = board(members, found)
    return plan(members, leaderboard, settled=settled), leaderboard


def is_refused(
    members: Sequence[MemberState], found: Mapping[int, int], *, settled: int = 0
) -> bool:
    made, leaderboard = planned(members, found, settled=settled)
    return refusal_of(made, leaderboard) is not None


def refusal_of(
    made: SyncPlan, leaderboard: Leaderboard, *, percent: int = DEFAULT_PERCENT
) -> MassChangeRefused | None:
    """The guard's refusal, where 8 points were ever awarded."""
    return guard.find_refusal(made, leaderboard, percent, lambda: 8)


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (seen(m1=1, m2=1), False),
        (seen(m1=1, m2=1, m3=1), False),  # three, but only half
        (seen(m1=1, m2=1, m3=1, m4=1), True),
        (seen(m1=1, m2=1, m3=None, m4=None), True),
        (seen(m1=None, m2=None, m3=None, m4=None), True),
        (seen(m1=None, m2=None, m3=None), False),
        (seen(m1=999, m2=999, m3=999, m4=999), True),  # how much is lost does not matter
        (seen(m1=1001, m2=1001, m3=1001, m4=1001), False),
    ],
)
def test_at_least_three_and_more_than_half(found: Mapping[int, int], refused: bool) -> None:
    assert is_refused(SIX, found) is refused


def test_two_of_two_may_lose() -> None:
    assert not is_refused(SIX[:2], {1: 1, 2: 1})
    assert is_refused(SIX[:3], {1: 1, 2: 1, 3: 1})


@pytest.mark.parametrize(("settled", "refused"), [(0, True), (2, True), (3, False), (4, False)])
def test_settled_members_are_at_risk_too(settled: int, refused: bool) -> None:
    # Three lose XP; the others are not even looked at.
    made, _ = planned(SIX[:3], {1: 1, 2: 1, 3: 1}, settled=settled)
    assert (made.losing, made.at_risk) == (3, 3 + settled)
    assert (made.members.tracked, made.members.unchanged) == (3 + settled, settled)
    assert is_refused(SIX[:3], {1: 1, 2: 1, 3: 1}, settled=settled) is refused


@pytest.mark.parametrize(
    "one",
    [
        member(7, None, quiet=False),
        member(7, 0),
        member(7, 1000, left_at="2026-01-01"),
        member(7, 1000, rebaseline=True),
    ],
    ids=["new", "without XP", "away", "awaiting a baseline"],
)
def test_members_who_have_nothing_to_lose_are_not_at_risk(one: MemberState) -> None:
    members = [*SIX[:4], one]
    assert planned(members, {1: 1, 2: 1, 3: 1, 4: 1000, 7: 1})[0].at_risk == 4
    assert is_refused(members, {1: 1, 2: 1, 3: 1, 4: 1000, 7: 1})
    assert not is_refused(
        [*SIX[:4], one, member(8), member(9)], {1: 1, 2: 1, 3: 1, 4: 1000, 7: 1, 8: 1000, 9: 1000}
    )


def test_a_deferred_member_is_at_risk_and_loses_nothing() -> None:
    members = SIX[:4]
    leaderboard = board(members, {1: 1, 2: 1}, unreadable=[3, 4])
    made = plan(members, leaderboard)
    assert (made.at_risk, made.losing) == (4, 2)
    assert refusal_of(made, leaderboard) is None


def test_an_empty_board_is_refused_for_one_member() -> None:
    made, _ = planned(SIX[:1], {})
    refusal = refusal_of(made, board(SIX[:1], {}, players=0))
    assert refusal is not None
    assert "is empty, but 1 member has XP" in refusal.message
    assert refusal.hint.index("--rebaseline") < refusal.hint.index("--accept-decrease")
    # Malformed records are players all the same.
    assert refusal_of(made, board(SIX[:1], {}, players=0, invalid_players=1)) is None
    assert refusal_of(made, board(SIX[:1], {}, players=1)) is None


def test_an_empty_board_takes_nothing_from_those_who_have_nothing() -> None:
    made, _ = planned([member(1, 0)], {})
    assert refusal_of(made, board([member(1, 0)], {}, players=0)) is None


def test_the_message_has_the_counts_and_the_price() -> None:
    refusal = refusal_of(*planned(SIX, seen(m1=1, m2=1, m3=1, m4=None)))
    assert refusal is not None
    for part in (
        "4 of 6",
        "3 have less than before",
        "1 is gone",
        "deducting would take 27 points; 8 were ever awarded",
    ):
        assert part in refusal.message
    assert refusal.hint.index("--rebaseline") < refusal.hint.index("--accept-decrease")
    assert refusal.figures == {"members": 4, "left": 1, "points_deducted": 27}


def test_the_price_has_the_points_of_losses_that_would_be_held() -> None:
    rich = [member(number, 704_000) for number in range(1, 4)]
    found = board(rich, {1: 20, 2: 20, 3: 20})
    made = plan(rich, found, discord_points=dict.fromkeys(range(1, 4), 40))
    assert (made.members.held, made.points.deducted) == (3, 0)
    refusal = refusal_of(made, found)
    assert refusal is not None
    assert refusal.figures["points_deducted"] == 3 * 7039


def test_the_share_is_a_setting() -> None:
    made, found = planned(SIX, seen(m1=1, m2=1, m3=1))
    assert refusal_of(made, found) is None
    assert refusal_of(made, found, percent=49) is not None
