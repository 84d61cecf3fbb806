"""Streaks when the past changes: late awards, excused days, milestones (design, section 2.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.support.streaks import add, assert_sound, at, award, run, shown, streak
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import DailyPoints, Member, Milestone
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

MON, TUE, WED, THU, FRI, SAT, SUN = (f"2026-01-{day}" for day in range(19, 26))
MON2, TUE2, WED2, THU2, FRI2, SAT2 = (f"2026-01-{day}" for day in range(26, 32))

Late = Callable[[Cli, str, str], None]


def awarded(cli: Cli, moment: str, day: str) -> None:
    award(cli, moment, "--at", f"{day}T10:00", source="download")


def imported(cli: Cli, moment: str, day: str) -> None:
    lines = f"member,points,source,key,at\n1,5,download,late-{day},{day}T10:00:00Z\n"
    with at(moment):
        cli.ok("points", "import", "-", stdin=lines)


@pytest.fixture
def ann(cli: Cli) -> Cli:
    add(cli, f"{MON}T00:00")
    return cli


@pytest.fixture(params=[awarded, imported])
def late(request: pytest.FixtureRequest) -> Late:
    """Each way by which an award from elsewhere comes late."""
    way: Late = request.param
    return way


def test_a_late_award_closes_the_gap(ann: Cli, late: Late) -> None:
    for day in (MON, TUE, THU, FRI):
        award(ann, day)
    run(ann, SAT)
    assert streak(ann) == (2, 2)
    late(ann, SUN, WED)
    assert streak(ann) == (5, 5)
    assert shown(ann)["last_active_at"].startswith(FRI)
    assert_sound(ann)
    award(ann, MON2)
    run(ann, TUE2)
    assert streak(ann) == (6, 6)


def test_a_late_award_revives_the_streak_of_the_last_day(ann: Cli, late: Late) -> None:
    for day in (MON, TUE):
        award(ann, day)
    run(ann, THU)
    assert streak(ann) == (0, 2)
    late(ann, THU, WED)
    assert streak(ann) == (3, 3)
    assert_sound(ann)


def test_a_late_award_in_the_past_lengthens_the_longest_only(ann: Cli, late: Late) -> None:
    for day in (MON, WED, FRI):
        award(ann, day)
    run(ann, SAT)
    late(ann, SUN, TUE)
    assert streak(ann) == (1, 3)
    assert_sound(ann)


def test_late_awards_that_change_nothing(ann: Cli, late: Late) -> None:
    for day in (MON, TUE):
        award(ann, day)
    run(ann, WED)
    late(ann, MON2, TUE)
    assert streak(ann) == (2, 2)
    late(ann, MON2, SUN)
    assert streak(ann) == (2, 2)
    run(ann, MON2)
    assert streak(ann) == (0, 2)
    assert_sound(ann)


def test_a_day_that_is_not_judged_yet_waits_for_the_job(ann: Cli, late: Late) -> None:
    award(ann, MON)
    run(ann, TUE)
    late(ann, THU, TUE)
    assert streak(ann) == (1, 1)
    run(ann, THU)
    assert streak(ann) == (0, 2)


def test_a_paused_member_is_repaired_as_far_as_they_are_judged(ann: Cli, late: Late) -> None:
    award(ann, TUE)
    run(ann, WED)
    with at(WED):
        ann.ok("members", "set", "1", "--status", "PAST_DUE")
    run(ann, FRI)
    late(ann, FRI, MON)
    assert streak(ann) == (2, 2)
    late(ann, FRI, WED)
    assert streak(ann) == (2, 2)
    assert_sound(ann)
    with at(FRI):
        ann.ok("members", "set", "1", "--status", "ACTIVE")
    run(ann, FRI)
    assert streak(ann) == (0, 3)


def test_many_late_awards_in_one_file(cli: Cli) -> None:
    people = [add(cli, f"{MON}T00:00", "--name", f"member {n}") for n in range(12)]
    for number, member in enumerate(people):
        for index, day in enumerate((MON, TUE, WED, THU, FRI)):
            if (number + index) % 3:
                award(cli, day, member=member)
    run(cli, SAT)
    rows = [
        f"{member},1,intro,{member}-{day},{day}T08:00"
        for member in people
        for day in (TUE, THU, SAT, MON)
    ]
    with at(SUN):
        cli.ok("points", "import", "-", stdin="\n".join(["member,points,source,key,at", *rows]))
    assert [streak(cli, member) for member in people] == [
        streak_of(number) for number in range(len(people))
    ]
    assert_sound(cli)


def streak_of(number: int) -> tuple[int, int]:
    """What becomes of a member of whom only Wednesday and Friday are open."""
    wednesday, friday = (number + 2) % 3 > 0, (number + 4) % 3 > 0
    longest = 4 if wednesday else 2
    current = (longest + 1 if wednesday else 2) if friday else 0
    return current, max(longest, current)


def test_what_the_midnight_sync_sees_was_earned_before_midnight(
    cli: Cli, mee6: SimulatedMee6
) -> None:
    link(cli, mee6)
    sync(cli, mee6, f"{MON}T23:45", 1000)
    sync(cli, mee6, f"{TUE}T00:00:05", 1100)
    run(cli, f"{TUE}T00:30")
    assert streak(cli) == (1, 1)
    assert_sound(cli)


def test_a_midnight_sync_that_is_slower_than_the_streaks(cli: Cli, mee6: SimulatedMee6) -> None:
    link(cli, mee6)
    award(cli, f"{FRI}T10:00")
    sync(cli, mee6, f"{MON2}T23:45", 1000)
    run(cli, f"{TUE2}T00:00:01")
    assert streak(cli) == (0, 1)
    # It began before the streaks ran, and is done only now.
    sync(cli, mee6, f"{TUE2}T00:00:05", 1100)
    assert streak(cli) == (2, 2)
    assert shown(cli)["last_active_at"] == f"{MON2}T23:59:59.999999Z"
    sync(cli, mee6, f"{TUE2}T00:15", 1200)
    assert streak(cli) == (2, 2)
    run(cli, f"{WED2}T00:30")
    assert streak(cli) == (3, 3)
    assert_sound(cli)


def test_a_sync_after_a_longer_gap_is_of_its_own_day(cli: Cli, mee6: SimulatedMee6) -> None:
    link(cli, mee6)
    sync(cli, mee6, f"{MON}T23:24", 1000)
    sync(cli, mee6, f"{TUE}T00:00:05", 1100)
    run(cli, f"{TUE}T00:30")
    assert streak(cli) == (0, 0)
    run(cli, WED)
    assert streak(cli) == (1, 1)


def link(cli: Cli, mee6: SimulatedMee6) -> None:
    add(cli, f"{MON}T00:00", "--discord-id", "101")
    sync(cli, mee6, f"{MON}T00:05", 1000)


def sync(cli: Cli, mee6: SimulatedMee6, moment: str, xp: int) -> None:
    show(mee6, {"101": xp})
    with at(moment):
        cli.ok("sync")


def test_an_excused_day_breaks_nobody_and_counts_for_the_active(ann: Cli) -> None:
    bob = add(ann, f"{MON}T00:00", "--name", "Bob")
    for day in (MON, TUE, THU):
        award(ann, day)
        award(ann, day, member=bob)
    award(ann, WED, member=bob)
    run(ann, FRI)
    assert (streak(ann), streak(ann, bob)) == ((1, 2), (4, 4))
    document = excuse(ann, WED, "--reason", "public holiday")
    assert (document["status"], document["day"], document["repaired"]) == ("excused", WED, 1)
    assert [day["reason"] for day in document["days"]] == ["public holiday"]
    assert (streak(ann), streak(ann, bob)) == ((3, 3), (4, 4))
    assert_sound(ann)
    document = excuse(ann, WED, "--remove")
    assert (document["status"], document["repaired"], document["days"]) == ("removed", 1, [])
    assert (streak(ann), streak(ann, bob)) == ((1, 2), (4, 4))
    assert_sound(ann)


def test_a_day_of_the_future_may_be_excused(ann: Cli) -> None:
    award(ann, MON)
    with at(MON):
        assert excuse(ann, WED, "--reason", "outage")["repaired"] == 0
        assert excuse(ann, THU, "--reason", "outage")["repaired"] == 0
    award(ann, TUE)
    award(ann, THU)
    run(ann, FRI)
    assert streak(ann) == (3, 3)
    award(ann, SAT, "--at", f"{WED}T10:00")
    assert streak(ann) == (4, 4)
    run(ann, SAT)
    assert streak(ann) == (0, 4)
    assert_sound(ann)


def test_a_late_award_on_an_excused_day_counts(ann: Cli, late: Late) -> None:
    award(ann, MON)
    excuse(ann, TUE, "--reason", "outage")
    award(ann, WED)
    run(ann, THU)
    assert streak(ann) == (2, 2)
    late(ann, THU, TUE)
    assert streak(ann) == (3, 3)
    assert_sound(ann)


def test_excused_days_are_listed(ann: Cli) -> None:
    assert excuse(ann, "--list")["days"] == []
    with at(MON):
        excuse(ann, FRI, "--reason", "b")
        excuse(ann, TUE, "--reason", "a")
        excuse(ann, TUE, "--reason", "\x1b[31mA holiday")
    document = excuse(ann, "--list")
    assert (document["status"], document["day"]) == ("listed", None)
    assert [(day["day"], day["reason"]) for day in document["days"]] == [
        (TUE, "\x1b[31mA holiday"),
        (FRI, "b"),
    ]
    result = ann("streaks", "excuse", "--list")
    assert "A holiday" in result.out
    assert "\x1b" not in result.out
    ann.ok("streaks", "excuse", TUE, "--remove")
    ann.ok("streaks", "excuse", FRI, "--remove")
    assert "No weekday is excused" in ann("streaks", "excuse", "--list").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((SAT, "--reason", "x"), 65, "Saturday"),
        ((SUN, "--reason", "x"), 65, "Sunday"),
        ((MON, "--reason", " "), 65, "is empty"),
        ((MON, "--reason", "a\x00b"), 65, "NUL"),
        ((MON, "--remove"), 65, "is not an excused day"),
        (("2026-02-30", "--reason", "x"), 2, "date like"),
        (("yesterday", "--reason", "x"), 2, "date like"),
        ((MON,), 2, "--reason TEXT"),
        ((), 2, "--list"),
        (("--remove",), 2, "--remove"),
        ((MON, "--list"), 2, "--list"),
        ((MON, "--reason", "x", "--remove"), 2, "--remove"),
        (("--list", "--reason", "x"), 2, "--list"),
        (("--list", "--remove"), 2, "--list"),
    ],
)
def test_what_cannot_be_excused(ann: Cli, arguments: tuple[str, ...], code: int, told: str) -> None:
    before = books.everything(ann)
    result = ann("streaks", "excuse", *arguments)
    assert (result.code, result.out) == (code, "")
    assert told in result.err
    assert books.everything(ann) == before


def excuse(cli: Cli, *arguments: str) -> dict[str, Any]:
    """Run `streaks excuse`; its document."""
    return cli.ok("streaks", "excuse", *arguments)


def test_rebuild_puts_right_what_is_wrong_and_nothing_else(ann: Cli) -> None:
    for day in (MON, TUE):
        award(ann, day)
    run(ann, WED)
    healthy = books.everything(ann)
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE):
        Member.update(current_streak=7, longest_streak=9, streak_since=None).execute()
    result = ann("points", "verify", "--json")
    assert result.code == 65
    (fault,) = result.json["faults"]
    assert fault["member_id"] == "1"
    assert "the streak is 7 (longest 9)" in fault["fault"]
    assert f"2 since {MON} (longest 2)" in fault["fault"]
    document = ann.ok("streaks", "rebuild")
    assert (document["members"], document["changed"]) == (1, 1)
    assert books.everything(ann) == healthy
    assert_sound(ann)


def test_rebuild_puts_right_the_sums_of_days(ann: Cli) -> None:
    for day in (MON, TUE, WED):
        award(ann, day)
    healthy = books.everything(ann)
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE):
        DailyPoints.update(deducted=5).where(DailyPoints.day == MON).execute()
        DailyPoints.delete().where(DailyPoints.day == TUE).execute()
        DailyPoints.insert(day=SUN, awarded=7, deducted=0).execute()
    result = ann("points", "verify", "--json")
    assert result.code == 65
    assert {day["day"] for day in result.json["days"]} == {SUN, MON, TUE}
    assert "trcpoints streaks rebuild" in result.json["error"]["hint"]
    document = ann.ok("streaks", "rebuild")
    assert (document["changed"], document["days_changed"]) == (0, 3)
    assert books.everything(ann) == healthy
    assert_sound(ann)


@pytest.mark.parametrize("column", ["current_streak", "longest_streak", "streak_since"])
def test_verify_finds_each_wrong_figure(ann: Cli, column: str) -> None:
    award(ann, MON)
    run(ann, TUE)
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE):
        Member.update({column: SUN if column == "streak_since" else 3}).execute()
    assert ann("points", "verify").code == 65
    assert ann.ok("streaks", "rebuild")["changed"] == 1
    assert_sound(ann)


def test_a_milestone_is_reported_once(ann: Cli) -> None:
    for day in (MON, TUE, WED, THU):
        award(ann, day)
    assert run(ann, FRI)["milestones"] == []
    award(ann, FRI)
    reached = [{"member_id": "1", "name": "Ann", "streak": 5}]
    assert run(ann, SAT)["milestones"] == reached
    for day in (SAT, SUN, MON2):
        assert run(ann, day)["milestones"] == []
    for day in (WED2, THU2, FRI2, "2026-02-02", "2026-02-03"):
        award(ann, day)
    assert run(ann, "2026-02-04")["milestones"] == reached
    assert milestones(ann) == [(MON, 5, FRI), (WED2, 5, "2026-02-03")]
    assert_sound(ann)


def test_catching_up_reports_all_milestones_in_between(ann: Cli) -> None:
    for day in (MON, TUE, WED, THU, FRI, MON2, TUE2, WED2, THU2, FRI2):
        award(ann, day)
    assert [m["streak"] for m in run(ann, SAT2)["milestones"]] == [5, 10]


def test_a_milestone_reached_by_a_late_award_is_reported_by_the_next_run(
    ann: Cli, late: Late
) -> None:
    for day in (MON, TUE, THU, FRI):
        award(ann, day)
    run(ann, SAT)
    late(ann, SAT, WED)
    assert milestones(ann) == [(MON, 5, FRI)]
    assert [m["streak"] for m in run(ann, SAT)["milestones"]] == [5]
    assert run(ann, SAT)["milestones"] == []
    assert_sound(ann)


def test_a_milestone_stays_with_a_streak_that_began_earlier_after_all(ann: Cli, late: Late) -> None:
    for day in (WED, THU, FRI, MON2, TUE2):
        award(ann, day)
    assert [m["streak"] for m in run(ann, WED2)["milestones"]] == [5]
    late(ann, WED2, TUE)
    assert milestones(ann) == [(TUE, 5, TUE2)]
    late(ann, WED2, MON)
    assert milestones(ann) == [(MON, 5, TUE2)]
    award(ann, WED2)
    assert run(ann, THU2)["milestones"] == []
    assert streak(ann) == (8, 8)
    assert_sound(ann)


def test_two_streaks_that_become_one_keep_one_milestone(ann: Cli, late: Late) -> None:
    for day in (MON, TUE, WED, THU, FRI, TUE2, WED2, THU2, FRI2, "2026-02-02"):
        award(ann, day)
    assert [m["streak"] for m in run(ann, "2026-02-03")["milestones"]] == [5, 5]
    late(ann, "2026-02-03", MON2)
    assert milestones(ann) == [(MON, 5, FRI), (MON, 10, FRI2)]
    assert [m["streak"] for m in run(ann, "2026-02-03")["milestones"]] == [10]
    assert_sound(ann)


def test_what_was_reported_stays_when_streaks_become_one_before_the_next_run(ann: Cli) -> None:
    for day in (MON, TUE, THU, FRI, TUE2, WED2, THU2, FRI2, "2026-02-02"):
        award(ann, day)
    assert [m["streak"] for m in run(ann, "2026-02-03")["milestones"]] == [5]
    awarded(ann, "2026-02-03", WED)
    awarded(ann, "2026-02-03", MON2)
    assert [m["streak"] for m in run(ann, "2026-02-03")["milestones"]] == [10]
    assert_sound(ann)


def test_a_late_award_leaves_alone_what_was_long_before(ann: Cli, late: Late) -> None:
    before = [
        *("2026-02-11", "2026-02-12", "2026-02-13", "2026-02-16", "2026-02-17"),
        *("2026-02-18", "2026-02-19", "2026-02-20", "2026-02-23", "2026-02-24"),
    ]
    for day in (*before, "2026-03-09", "2026-03-11"):
        award(ann, day)
    run(ann, "2026-03-12")
    assert streak(ann) == (1, 10)
    recorded = milestones(ann)
    assert recorded == [(before[0], 5, before[4]), (before[0], 10, before[9])]
    late(ann, "2026-03-12", "2026-03-10")
    assert streak(ann) == (3, 10)
    assert milestones(ann) == recorded
    assert_sound(ann)


def test_a_milestone_is_not_reported_again_when_a_day_is_excused_no_longer(ann: Cli) -> None:
    excuse(ann, WED, "--reason", "outage")
    for day in (MON, TUE, THU, FRI, MON2):
        award(ann, day)
    assert [m["streak"] for m in run(ann, TUE2)["milestones"]] == [5]
    excuse(ann, WED, "--remove")
    assert streak(ann) == (3, 3)
    for day in (TUE2, WED2):
        award(ann, day)
    assert run(ann, THU2)["milestones"] == []
    assert streak(ann) == (5, 5)
    assert_sound(ann)


def milestones(cli: Cli) -> list[tuple[str, int, str]]:
    """What is on record: first day of the streak, days, and when they were reached."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        rows = Milestone.select().order_by(Milestone.reached_on, Milestone.days)
        return [(row.streak_since, row.days, row.reached_on) for row in rows]
