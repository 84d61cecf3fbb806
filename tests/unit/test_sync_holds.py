"""Which changes are held and how a hold ends, in the edges that no leaderboard shows easily."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec import structs

from tests.support.plans import NOW, RULES, board, member, plan
from trcpoints.config import DEFAULT_PERCENT, MaxGain
from trcpoints.db.fields import to_text
from trcpoints.jobs.sync import increase
from trcpoints.jobs.sync.holds import Ending, Hold, HoldRules, Known, Weighed, weigh
from trcpoints.jobs.sync.plan import AcceptedGains, SyncPlan
from trcpoints.jobs.sync.verdicts import Outcome

BEFORE = NOW - timedelta(minutes=15)
ANN = Known(xp=5000, carry=0, seen_at=None)
GAIN = Hold(7, "gain", 9000, 40, 6750)
LOSS = Hold(8, "loss", 20, -49, 6750)
PASSED, SUPERSEDED = Ending("passed", "sync"), Ending("superseded", "sync")


def rules(
    previous: datetime | None = BEFORE,
    *,
    rate: float = 25,
    max_gain: MaxGain = "auto",
    increase: bool = False,
    decrease: bool = False,
) -> HoldRules:
    return HoldRules(NOW, previous, rate, max_gain, increase, decrease, "ann")


@pytest.mark.parametrize(
    ("given", "seen_at", "limit"),
    [
        (rules(), None, 1750),
        (rules(NOW), None, 1000),
        (rules(NOW + timedelta(days=1)), None, 1000),
        (rules(None), None, 1000),
        (rules(NOW - timedelta(hours=33)), None, 100_000),
        (rules(BEFORE + timedelta(seconds=1)), None, 1749),  # parts of XP are left out
        (rules(rate=1), None, 1030),
        (rules(rate=12.5), None, 1375),
        (rules(), NOW - timedelta(hours=1), 4000),
        # Nobody was seen after the last sync began, whatever a clock said.
        (rules(), NOW + timedelta(days=1), 1750),
        (rules(None), NOW - timedelta(hours=1), 4000),
        (rules(max_gain=3), NOW - timedelta(hours=1), 3),
        (rules(max_gain="off"), NOW, None),
    ],
)
def test_the_limit(given: HoldRules, seen_at: datetime | None, limit: int | None) -> None:
    assert given.limit(seen_at) == limit


@pytest.mark.parametrize(
    ("xp", "discord_points", "held"),
    [
        (6750, 0, None),
        (6751, 0, Hold(None, "gain", 6751, 17, 6750)),
        (5000, 0, None),
        (4000, 0, None),
        (3999, 0, Hold(None, "loss", 3999, -10, 6750)),
        (3999, 9, Hold(None, "loss", 3999, -10, 6750)),
        (3999, 10, None),
        (0, 49, Hold(None, "loss", 0, -50, 6750)),
        (0, 50, None),
        # Below zero already, as after a deduction that somebody accepted.
        (3999, -3, Hold(None, "loss", 3999, -10, 6750)),
        (4000, -3, None),
    ],
)
def test_what_is_held(xp: int, discord_points: int, held: Hold | None) -> None:
    assert weigh(ANN, xp, None, rules(), discord_points) == Weighed(held)


@pytest.mark.parametrize(("carry", "needed"), [(-99, 11), (0, 10), (99, 9)])
def test_the_carry_belongs_to_what_is_at_stake(carry: int, needed: int) -> None:
    known = Known(5000, carry, None)
    assert weigh(known, 3999, None, rules(), needed) == Weighed()
    assert weigh(known, 3999, None, rules(), needed - 1).hold is not None
    gained = weigh(Known(5000, 99, None), 6751, None, rules())
    assert gained.hold == Hold(None, "gain", 6751, 18, 6750)


@pytest.mark.parametrize("accepted_by", [None, "ben"])
@pytest.mark.parametrize(("hold", "xp"), [(GAIN, 6750), (GAIN, 5000), (LOSS, 4000), (LOSS, 6750)])
def test_a_hold_passes(hold: Hold, xp: int, accepted_by: str | None) -> None:
    # A day later: the limit of now would be higher, and is not asked.
    waiting = structs.replace(hold, accepted_by=accepted_by)
    assert weigh(ANN, xp, waiting, rules(NOW - timedelta(days=1))) == Weighed(None, PASSED)


@pytest.mark.parametrize("hold", [GAIN, LOSS])
def test_a_hold_goes_on(hold: Hold) -> None:
    later = rules(NOW - timedelta(days=1))
    gained = structs.replace(hold, kind="gain", xp_seen=6751, points=17)
    assert weigh(ANN, 6751, hold, later) == Weighed(gained)
    lost = structs.replace(hold, kind="loss", xp_seen=3999, points=-10)
    assert weigh(ANN, 3999, hold, later, 9) == Weighed(lost)
    assert weigh(ANN, 3999, hold, later, 10) == Weighed(None, PASSED)


@pytest.mark.parametrize(
    ("given", "ceiling", "xp", "passes"),
    [
        (rules(max_gain=4000), 6750, 9000, True),
        (rules(max_gain=4000), 6750, 9001, False),
        # A limit that is lower now makes nothing implausible that was plausible.
        (rules(max_gain=10), 6750, 6750, True),
        (rules(max_gain=10), 6750, 6751, False),
        (rules(max_gain="off"), 6750, 10**9, True),
        # When the hold began, no gain was too large: the limit is that of today.
        (rules(), None, 6750, True),
        (rules(), None, 6751, False),
        (rules(max_gain=10), None, 5010, True),
        (rules(max_gain=10), None, 5011, False),
    ],
)
def test_a_limit_that_is_set_is_that_of_now(
    given: HoldRules, ceiling: int | None, xp: int, passes: bool
) -> None:
    hold = structs.replace(GAIN, ceiling=ceiling)
    assert (weigh(ANN, xp, hold, given).hold is None) is passes


@pytest.mark.parametrize(
    ("hold", "xp", "discord_points", "is_covered"),
    [
        (GAIN, 6751, 0, True),  # less than was accepted, but the same kind
        (GAIN, 9000, 0, True),
        (GAIN, 9000 + 1750, 0, True),
        (GAIN, 9000 + 1751, 0, False),
        (GAIN, 20, 0, False),
        (LOSS, 3999, 0, True),
        (LOSS, 0, 0, True),
        (LOSS, 6751, 0, False),
    ],
)
def test_what_an_acceptance_covers(
    hold: Hold, xp: int, discord_points: int, is_covered: bool
) -> None:
    accepted = structs.replace(hold, accepted_by="ben")
    weighed = weigh(ANN, xp, accepted, rules(), discord_points)
    if is_covered:
        assert weighed == Weighed(None, Ending("accepted", "ben"))
    else:
        assert weighed.ending == SUPERSEDED
        assert weighed.hold is not None
        assert (weighed.hold.hold_id, weighed.hold.accepted_by) == (None, None)
        assert (weighed.hold.xp_seen, weighed.hold.ceiling) == (xp, 6750)


def test_an_accepted_loss_covers_a_thousand_more() -> None:
    known = Known(50_000, 0, None)
    accepted = Hold(8, "loss", 5000, -450, 51_750, "ben")
    assert weigh(known, 4000, accepted, rules()).ending == Ending("accepted", "ben")
    assert weigh(known, 3999, accepted, rules()).ending == SUPERSEDED


def test_an_acceptance_covers_what_was_gained_since_the_member_was_seen() -> None:
    accepted = structs.replace(GAIN, accepted_by="ben")
    hour_ago = Known(5000, 0, to_text(NOW - timedelta(hours=1)))
    assert weigh(hour_ago, 13_000, accepted, rules()).ending == Ending("accepted", "ben")
    assert weigh(hour_ago, 13_001, accepted, rules()).ending == SUPERSEDED
    off = rules(max_gain="off")
    assert weigh(hour_ago, 10**9, accepted, off).ending == PASSED


@pytest.mark.parametrize("hold", [None, GAIN, LOSS])
def test_the_options_accept_their_kind_alone(hold: Hold | None) -> None:
    ending = None if hold is None else Ending("accepted", "ann")
    assert weigh(ANN, 9000, hold, rules(increase=True)) == Weighed(None, ending, is_accepted=True)
    assert weigh(ANN, 20, hold, rules(decrease=True)) == Weighed(None, ending, is_accepted=True)
    assert weigh(ANN, 9000, hold, rules(decrease=True)).hold is not None
    assert weigh(ANN, 20, hold, rules(increase=True)).hold is not None
    passed = None if hold is None else PASSED
    assert weigh(ANN, 5100, hold, rules(increase=True, decrease=True)) == Weighed(None, passed)


def test_a_member_is_held_with_nothing_else_changed() -> None:
    one = member(1, 5000, left_at="2026-01-20T11:45:00.000000Z")
    made = plan([one], board([one], {1: 9000}))
    (verdict,) = made.verdicts
    assert (verdict.outcome, verdict.recorded, verdict.awarded) == (Outcome.HELD, False, 0)
    assert verdict.after == structs.replace(one, held_at=to_text(NOW))
    assert verdict.hold == Hold(None, "gain", 9000, 40, 6750)
    assert made.held == [verdict]
    assert (made.holds.gains, made.holds.to_award, made.points.awarded) == (1, 40, 0)


def test_whoever_is_held_is_written_only_when_what_is_seen_is_new() -> None:
    one = member(1, 5000, held_at="2026-01-20T11:45:00.000000Z")
    same = plan([one], board([one], {1: 9000}), holds={1: GAIN})
    assert (same.members.held, same.verdicts, len(same.held)) == (1, [], 1)
    moved = plan([one], board([one], {1: 9001}), holds={1: GAIN})
    assert [verdict.after for verdict in moved.verdicts] == [one]
    gone = plan([one], board([one], {}), holds={1: GAIN})
    (verdict,) = gone.verdicts
    assert verdict.after == structs.replace(one, known_at=to_text(BEFORE))
    again = plan([verdict.after], board([one], {}), holds={1: GAIN})
    assert again.verdicts == []
    back = plan([verdict.after], board([one], {1: 9000}), holds={1: GAIN})
    assert back.verdicts[0].after == one


def test_members_who_were_held_before_count_in_no_guard() -> None:
    one = member(1, 5000, held_at="2026-01-20T11:45:00.000000Z")
    for xp in (9500, 5100, 4900, 20):
        made = plan([one], board([one], {1: xp}), holds={1: GAIN}, discord_points={1: 0})
        assert (made.at_risk, made.losing, made.changed, made.holds.gains) == (0, 0, 0, 0)


def test_a_new_hold_counts_in_both() -> None:
    one = member(1, 50_000)
    lost = plan([one], board([one], {1: 20}), discord_points={1: 0})
    assert (lost.at_risk, lost.losing, lost.changed) == (1, 1, 1)
    assert (lost.holds.losses, lost.holds.to_deduct) == (1, 499)
    gained = plan([one], board([one], {1: 60_000}))
    assert (gained.at_risk, gained.losing, gained.changed) == (1, 0, 1)
    other = plan([member(2, 0)], board([member(2, 0)], {2: 60_000}))
    assert (other.at_risk, other.changed, other.holds.gains) == (0, 1, 1)


def test_what_an_option_accepts_is_counted() -> None:
    members = [member(number, 50_000) for number in range(1, 4)]
    found = board(members, {1: 60_000, 2: 50_100, 3: 20})
    for given, accepted in ((rules(increase=True), (1, 100)), (rules(decrease=True), (0, 0))):
        made = plan(members, found, rules=given, discord_points={3: 0})
        assert (made.accepted.members, made.accepted.points) == accepted
    assert plan(members, found).accepted == AcceptedGains()


def test_a_hold_that_is_superseded_is_a_new_one() -> None:
    one = member(1, 5000, held_at="2026-01-20T11:45:00.000000Z")
    accepted = structs.replace(GAIN, accepted_by="ben")
    made = plan([one], board([one], {1: 90_000}), holds={1: accepted})
    assert (made.holds.gains, made.holds.ended) == (1, 0)
    assert made.verdicts[0].after.held_at == to_text(NOW)


@pytest.mark.parametrize(("held", "changed", "refused"), [
    (2, 2, False), (3, 3, True), (3, 5, True), (3, 6, False), (4, 7, True), (4, 8, False),
])  # fmt: skip
def test_the_refusal_of_another_board(held: int, changed: int, refused: bool) -> None:
    made = SyncPlan(changed=changed)
    # Some of them wait, of some the option says that they are to be booked.
    made.holds.gains, made.holds.to_award = held - 1, 12_000
    made.accepted.members, made.accepted.points = 1, 345
    refusal = increase.find_refusal(made, "993", DEFAULT_PERCENT)
    if not refused:
        assert refusal is None
        return
    assert refusal is not None
    for part in (f"{held} of the {changed} members", "12,345 points", "guild 993"):
        assert part in refusal.message
    assert refusal.question.endswith("another one. Awarding would give 12,345 points. Go on?")
    assert refusal.figures == {"members": held, "points_awarded": 12_345}
    for option in ("MEE6_GUILD_ID", "--rebaseline", "--accept-increase (gives 12,345 points)"):
        assert option in refusal.hint


def test_the_rules_of_the_tests_are_those_of_a_quarter_of_an_hour() -> None:
    assert RULES.limit(None) == 1750
