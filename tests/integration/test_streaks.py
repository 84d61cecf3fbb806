"""Streaks (design, section 2.6), through the command."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.streaks import add, assert_sound, at, award, run, shown, streak
from trcpoints.db import engine
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import DailyPoints, GraceDay, Member
from trcpoints.jobs.streaks import judging
from trcpoints.points.streaks import repair, rows

MON, TUE, WED, THU, FRI, SAT, SUN = (f"2026-01-{day}" for day in range(19, 26))
MON2, TUE2, WED2, THU2, FRI2 = (f"2026-01-{day}" for day in range(26, 31))


@pytest.fixture
def ann(cli: Cli) -> Cli:
    """A new ACTIVE member, created on Monday."""
    add(cli, f"{MON}T00:00")
    return cli


def active(cli: Cli, *days: str) -> None:
    for day in days:
        award(cli, day)


def test_each_day_is_judged_when_it_is_over(ann: Cli) -> None:
    active(ann, MON)
    assert run(ann, MON)["days_judged"] == []
    active(ann, TUE)
    document = run(ann, TUE)
    assert (document["days_judged"], document["judged_through"]) == ([MON], MON)
    assert streak(ann) == (1, 1)
    active(ann, WED)
    assert run(ann, WED)["days_judged"] == [TUE]
    assert streak(ann) == (2, 2)
    assert run(ann, THU)["days_judged"] == [WED]
    assert streak(ann) == (3, 3)


def test_a_weekend_neither_breaks_nor_adds(ann: Cli) -> None:
    active(ann, MON, TUE, WED, THU, FRI)
    for day, judged in ((SAT, [MON, TUE, WED, THU, FRI]), (SUN, []), (MON2, [])):
        assert run(ann, day)["days_judged"] == judged
        assert streak(ann) == (5, 5)


def test_saturday_does_not_stand_for_monday(ann: Cli) -> None:
    active(ann, MON, TUE, WED, THU, FRI, SAT)
    run(ann, MON2)
    assert streak(ann) == (5, 5)
    document = run(ann, TUE2)
    assert document["days_judged"] == [MON2]
    assert document["members"] == counts(judged=1, reset=1)
    assert streak(ann) == (0, 5)


def test_a_job_that_was_down_catches_up(ann: Cli) -> None:
    active(ann, MON, TUE, WED, THU, FRI)
    document = run(ann, SAT)
    assert document["days_judged"] == [MON, TUE, WED, THU, FRI]
    assert document["members"] == counts(judged=1, incremented=1)
    assert streak(ann) == (5, 5)


def test_the_job_may_run_as_often_as_one_likes(ann: Cli) -> None:
    active(ann, MON, TUE, WED)
    first = run(ann, f"{THU}T00:00")
    assert first["days_judged"] == [MON, TUE, WED]
    for hour in ("00:01", "06:30", "12:00", "23:59"):
        document = run(ann, f"{THU}T{hour}")
        assert (document["days_judged"], document["judged_through"]) == ([], WED)
        assert document["members"] == counts()
    assert streak(ann) == (3, 3)
    assert_sound(ann)


def test_activity_after_midnight_is_the_next_days(ann: Cli) -> None:
    award(ann, f"{TUE}T00:02")
    run(ann, f"{TUE}T00:30")
    assert streak(ann) == (0, 0)
    run(ann, f"{WED}T00:30")
    assert streak(ann) == (1, 1)


@pytest.mark.parametrize("source", ["benchmark", "download", "intro", "anything-else"])
def test_every_source_counts(ann: Cli, source: str) -> None:
    award(ann, MON, source=source)
    run(ann, TUE)
    assert streak(ann) == (1, 1)


def test_an_adjustment_does_not_count(ann: Cli) -> None:
    award(ann, MON, "--note", "a mistake", source="adjustment")
    run(ann, TUE)
    assert streak(ann) == (0, 0)
    award(ann, TUE, "--note", "another", "--at", MON, source="adjustment")
    assert streak(ann) == (0, 0)
    assert_sound(ann)


def test_what_was_before_a_member_does_not_count(cli: Cli) -> None:
    add(cli, f"{TUE}T12:00")
    award(cli, f"{TUE}T13:00", "--at", f"{MON}T12:00")
    award(cli, f"{TUE}T13:00", "--at", f"{TUE}T11:59")
    run(cli, WED)
    assert streak(cli) == (0, 0)
    award(cli, WED, "--at", f"{TUE}T12:00")
    assert streak(cli) == (1, 1)
    assert_sound(cli)


def test_a_day_off_breaks_it_and_the_longest_stays(ann: Cli) -> None:
    active(ann, MON, TUE, WED, FRI)
    run(ann, SAT)
    assert streak(ann) == (1, 3)
    assert_sound(ann)


def test_a_clock_that_went_back_judges_nothing_twice(ann: Cli) -> None:
    active(ann, MON, TUE)
    run(ann, WED)
    document = run(ann, TUE)
    assert (document["days_judged"], document["judged_through"]) == ([], TUE)
    assert streak(ann) == (2, 2)
    run(ann, THU)
    assert streak(ann) == (0, 2)


def test_new_members_are_judged_from_their_first_day(ann: Cli) -> None:
    active(ann, MON)
    run(ann, TUE)
    bob = add(ann, f"{TUE}T10:00", "--name", "Bob")
    award(ann, TUE, member=bob)
    assert run(ann, TUE)["members"]["judged"] == 0
    carl = add(ann, f"{WED}T00:10", "--name", "Carl")
    document = run(ann, f"{WED}T00:30")
    assert document["members"] == counts(judged=2, incremented=1, reset=1)
    assert streak(ann, bob) == (1, 1)
    assert streak(ann, carl) == (0, 0)


def test_a_run_before_there_are_members(cli: Cli) -> None:
    document = run(cli, WED)
    assert (document["days_judged"], document["judged_through"]) == ([], TUE)
    add(cli, WED)
    award(cli, WED)
    run(cli, THU)
    assert streak(cli) == (1, 1)


def test_first_run_judges_all_of_history(cli: Cli) -> None:
    add(cli, f"{SAT}T09:00")
    document = run(cli, SUN)
    assert (document["days_judged"], document["judged_through"]) == ([], FRI)
    active(cli, MON2, TUE2)
    assert run(cli, WED2)["days_judged"] == [MON2, TUE2]
    assert streak(cli) == (2, 2)


@pytest.mark.parametrize("status", ["NONE", "PAST_DUE", "CANCELLED"])
def test_a_paused_streak_waits_and_then_catches_up(ann: Cli, status: str) -> None:
    active(ann, MON)
    run(ann, TUE)
    with at(TUE):
        ann.ok("members", "set", "1", "--status", status)
    for day in (TUE, WED, THU):
        active(ann, day)
        run(ann, f"{day}T23:00")
    document = run(ann, FRI)
    assert document["members"] == counts(not_judged=1)
    member = shown(ann)
    assert (member["current_streak"], member["streak_paused"]) == (1, True)
    assert member["judged_through"] == MON
    assert_sound(ann)
    with at(FRI):
        ann.ok("members", "set", "1", "--status", "TRIALING")
        assert shown(ann)["judged_through"] == MON
        document = ann.ok("streaks")
    assert (document["days_judged"], document["members"]) == ([], counts(judged=1, incremented=1))
    member = shown(ann)
    assert (member["current_streak"], member["streak_paused"]) == (4, False)
    assert member["judged_through"] == THU
    run(ann, SAT)
    assert streak(ann) == (0, 4)
    assert_sound(ann)


def test_a_member_who_was_never_judged_is_judged_from_their_first_day(cli: Cli) -> None:
    add(cli, MON, "--name", "Ann", "--status", "NONE")
    active(cli, MON, TUE)
    run(cli, TUE)
    run(cli, WED)
    assert streak(cli) == (0, 0)
    with at(WED):
        cli.ok("members", "import", "-", stdin="member_id,subscription_status\n1,ACTIVE\n")
    run(cli, WED)
    assert streak(cli) == (2, 2)
    assert_sound(cli)


def test_who_a_federation_marked_inactive_is_paused(ann: Cli) -> None:
    with at(MON):
        ann.ok("members", "set", "1", "--discord-id", "101")
    active(ann, MON, TUE)
    run(ann, WED)
    books.change_member(ann, "101", active=False)
    document = run(ann, SAT)
    assert document["days_judged"] == [WED, THU, FRI]
    assert document["members"] == counts(not_judged=1)
    assert streak(ann) == (2, 2)
    assert shown(ann)["streak_paused"]
    assert_sound(ann)


def test_who_comes_back_with_nothing_to_show_is_judged_as_far_as_all(ann: Cli) -> None:
    run(ann, TUE)
    with at(TUE):
        ann.ok("members", "set", "1", "--status", "CANCELLED")
    run(ann, WED)
    assert shown(ann)["judged_through"] == MON
    with at(WED):
        ann.ok("members", "set", "1", "--status", "ACTIVE")
    assert run(ann, WED)["members"] == counts(judged=1, unchanged=1)
    assert shown(ann)["judged_through"] == TUE
    assert run(ann, WED)["members"] == counts()


def test_a_pause_between_two_runs_is_none(ann: Cli) -> None:
    active(ann, MON)
    run(ann, TUE)
    with at(TUE):
        ann.ok("members", "set", "1", "--status", "CANCELLED")
        ann.ok("members", "set", "1", "--status", "ACTIVE")
    active(ann, TUE)
    run(ann, WED)
    assert streak(ann) == (2, 2)


def test_members_are_counted_by_what_became_of_them(ann: Cli) -> None:
    bob, carl, dora = (add(ann, MON, "--name", name) for name in ("Bob", "Carl", "Dora"))
    add(ann, MON, "--name", "Eve", "--status", "NONE")
    award(ann, MON, member="1")
    award(ann, MON, member=bob)
    award(ann, MON, member=dora)
    document = run(ann, TUE)
    assert document["members"] == counts(judged=4, incremented=3, unchanged=1, not_judged=1)
    award(ann, TUE, member="1")
    award(ann, WED, member=bob)
    award(ann, WED, member=carl)
    # Bob has a streak of one again, but it is another one.
    document = run(ann, THU)
    assert document["members"] == counts(judged=4, incremented=1, reset=3, not_judged=1)
    assert streak(ann, bob) == (1, 1)


def test_any_number_of_members_is_judged_in_pages(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (judging, repair, rows):
        monkeypatch.setattr(module, "HISTORIES", 2)
    monkeypatch.setattr(judging, "PORTION", 3)
    people = [add(cli, MON, "--name", f"member {number}") for number in range(11)]
    for index, day in enumerate((MON, TUE, WED, THU)):
        for number, member in enumerate(people):
            if (number + index) % 3:
                award(cli, day, member=member)
    assert run(cli, WED)["members"]["judged"] == 11
    assert run(cli, THU)["members"]["judged"] == 11
    # By the number of the member, modulo 3: who missed Monday, Wednesday, or Tuesday.
    expected = [(2, 2), (0, 2), (1, 1)]
    assert [streak(cli, member) for member in people] == [expected[n % 3] for n in range(11)]
    lines = [f"{member},1,intro,{member},{WED}" for member in people]
    with at(THU):
        cli.ok("points", "import", "-", stdin="\n".join(["member,points,source,key,at", *lines]))
    expected = [(2, 2), (3, 3), (1, 1)]
    assert [streak(cli, member) for member in people] == [expected[n % 3] for n in range(11)]
    assert_sound(cli)


def test_the_run_is_on_record(ann: Cli) -> None:
    document = run(ann, TUE)
    (record,) = books.runs(ann)
    assert (record.id, record.job, record.status) == (document["run_id"], "streaks", "completed")
    job = books.job(ann, "streaks")
    assert job is not None
    assert (job.consecutive_failures, job.last_completed_run) == (0, document["run_id"])
    assert job.judged_through == MON


def test_a_run_that_fails_changes_nothing_and_is_counted(ann: Cli) -> None:
    active(ann, MON)
    url = ann.environment["DATABASE_URL"]
    with open_database(url, Access.WRITE):
        GraceDay.insert(day="no date", reason="x", created_at=datetime.now(UTC)).execute()
    before = books.everything(ann)["Member"]
    for failures in (1, 2):
        with at(TUE):
            result = ann("streaks", "--json")
        assert (result.code, result.json["error"]["code"]) == (70, "internal_error")
        job = books.job(ann, "streaks")
        assert job is not None
        assert (job.consecutive_failures, job.judged_through) == (failures, None)
    assert [record.status for record in books.runs(ann)] == ["failed", "failed"]
    assert books.everything(ann)["Member"] == before
    with open_database(url, Access.WRITE):
        GraceDay.delete().execute()
    run(ann, TUE)
    job = books.job(ann, "streaks")
    assert job is not None
    assert job.consecutive_failures == 0
    assert streak(ann) == (1, 1)


def test_a_run_that_finds_the_database_locked_is_skipped(
    ann: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT", 0.3)
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE) as other, other.books():
        Member.update(carry=0).execute()
        result = ann("streaks", "--json")
        assert (result.code, result.json["status"]) == (75, "skipped")
        assert result.json["schema"] == "trcpoints.streaks/1"
        assert result.json["error"]["code"] == "database_locked"
        assert (ann("streaks", "--quiet").out, ann("streaks", "--quiet").err) == ("", "")


def test_the_points_of_each_day_are_kept_and_verified(ann: Cli) -> None:
    active(ann, MON, MON, TUE)
    award(ann, WED, "--note", "why", "--at", TUE, source="adjustment")
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE):
        days = [*DailyPoints.select().order_by(DailyPoints.day).tuples()]
        assert days == [(MON, 2, 0), (TUE, 2, 0)]
        DailyPoints.update(deducted=7).where(DailyPoints.day == MON).execute()
    result = ann("points", "verify", "--json")
    assert result.code == 65
    (fault,) = result.json["days"]
    assert (fault["day"], result.json["faults"]) == (MON, [])
    assert "2 awarded and 7 deducted" in fault["fault"]
    assert f"day {MON}" in ann("points", "verify").err


def test_who_is_quiet_writes_no_row(ann: Cli) -> None:
    run(ann, TUE)
    before = books.everything(ann)["Member"]
    run(ann, WED)
    assert books.everything(ann)["Member"] == before


def test_it_is_shown_to_a_person(ann: Cli) -> None:
    active(ann, MON, TUE, WED, THU, FRI)
    with at(SAT):
        result = ann("streaks")
    assert (result.code, result.err) == (0, "")
    assert f"5 weekdays, {MON} to {FRI}" in result.out
    assert "1 longer" in result.out
    assert "Ann" in result.out
    with at(SAT):
        assert f"nothing: judged through {FRI}" in ann("streaks", "run").out
        assert ann("streaks", "--quiet").out == ""
    assert f"5 weekdays, the longest 5; judged through {FRI}" in ann("members", "show", "1").out


def test_common_options_work_everywhere(ann: Cli) -> None:
    for arguments in (
        ("streaks", "--json"),
        ("streaks", "run", "--json"),
        ("streaks", "--json", "run"),
    ):
        assert ann(*arguments).json["schema"] == "trcpoints.streaks/1"
    (ann.folder / "other.env").write_text("DATABASE_URL=nonsense\n")
    without = {name: text for name, text in ann.environment.items() if name != "DATABASE_URL"}
    ann.environment = without
    for arguments in (("--env-file", "other.env"), ("run", "--env-file", "other.env")):
        result = ann("streaks", *arguments)
        assert result.code == 78
        assert "DATABASE_URL" in result.err


def counts(**members: int) -> dict[str, int]:
    """What a document counts, zeros left out."""
    names = ("judged", "incremented", "reset", "unchanged", "not_judged")
    return {name: members.get(name, 0) for name in names}


def test_days_that_a_wrong_clock_judged_are_undone(ann: Cli) -> None:
    active(ann, MON)
    run(ann, TUE)
    run(ann, "2027-01-29")
    assert streak(ann) == (0, 1)
    active(ann, TUE, WED)
    document = run(ann, THU)
    assert document["judged_through"] == WED
    assert streak(ann) == (3, 3)
    assert ann("points", "verify").code == 0
    assert run(ann, THU)["members"]["incremented"] == 0


def test_a_clock_that_is_a_day_behind_undoes_nothing(ann: Cli) -> None:
    active(ann, MON, TUE)
    run(ann, WED)
    assert run(ann, TUE)["judged_through"] == TUE
    assert streak(ann) == (2, 2)
