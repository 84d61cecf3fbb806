"""Days that an outage of the sync excuses (design, section A7), through the commands."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.support.outages import sync
from tests.support.streaks import add, assert_sound, at, award, run, streak
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import GraceDay, Job
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

THU0, FRI0, SAT0 = "2026-01-15", "2026-01-16", "2026-01-17"
MON, TUE, WED, THU, FRI, SAT, SUN = (f"2026-01-{day}" for day in range(19, 26))
MON2, TUE2 = "2026-01-26", "2026-01-27"


@pytest.fixture
def ann(sqlite_cli: Cli) -> Cli:
    """A member who was active on Friday, and the syncs of Monday until 17:00."""
    return prepared(sqlite_cli)


def prepared(cli: Cli) -> Cli:
    add(cli, f"{THU0}T00:00")
    award(cli, FRI0)
    run(cli, SAT0)
    assert streak(cli) == (1, 1)
    for moment in ("16:30", "16:45", "17:00"):
        sync(cli, f"{MON}T{moment}")
    return cli


def excused(cli: Cli) -> list[tuple[str, bool]]:
    """The excused days, and whether that is automatic."""
    days = cli.ok("streaks", "excuse", "--list")["days"]
    return [(day["day"], day["automatic"]) for day in days]


def test_a_monday_on_which_mee6_said_no(cli: Cli, mee6: SimulatedMee6) -> None:
    people = [str(number) for number in range(101, 501)]
    xp = dict.fromkeys(people, 1000)
    with at(f"{THU0}T00:00"):
        books.link(cli, people)
    lines = [
        f"discord:{person},1,intro,{person}-{day},{day}T12:00"
        for person in people[:247]
        for day in (THU0, FRI0)
    ]
    with at(SAT0):
        cli.ok("points", "import", "-", stdin="\n".join(["member,points,source,key,at", *lines]))
        cli.ok("streaks")
    for moment in ("2026-01-18T23:30", "2026-01-18T23:45", f"{MON}T00:00"):
        show(mee6, xp)
        with at(moment):
            cli.ok("sync")
    mee6.misbehave(Fault.UNAUTHORIZED, times=4)
    for moment in (f"{MON}T00:15", f"{MON}T12:00", f"{MON}T18:00", f"{TUE}T00:00"):
        with at(moment):
            assert cli("sync").code == 69
    document = run(cli, f"{TUE}T00:05")
    reason = f"no sync from {MON} 00:00 to {TUE} 00:05 UTC"
    (day,) = document["days_excused"]
    assert day == {
        "day": MON,
        "reason": reason,
        "automatic": True,
        "created_at": f"{TUE}T00:05:00Z",
    }
    members = document["members"]
    assert (members["judged"], members["reset"], members["unchanged"]) == (400, 0, 400)
    lengths = [member.current_streak for member in books.members(cli).values()]
    assert sorted(lengths) == [0] * 153 + [2] * 247
    assert_sound(cli)
    # What other systems know of Monday counts, also where they say so later.
    award(cli, f"{TUE}T08:00", "--at", f"{MON}T10:00", member="1")
    assert streak(cli) == (3, 3)
    show(mee6, {person: 1150 if number < 200 else 1000 for number, person in enumerate(people)})
    with at(f"{TUE}T09:00"):
        assert cli.ok("sync")["points"]["awarded"] == 200
    with at(f"{TUE}T23:45"):
        cli.ok("sync")
    document = run(cli, f"{WED}T00:05")
    assert document["days_excused"] == []
    assert (document["members"]["incremented"], document["members"]["reset"]) == (200, 47)
    assert streak(cli) == (4, 4)
    assert excused(cli) == [(MON, True)]
    assert run(cli, f"{WED}T12:00")["days_excused"] == []
    assert_sound(cli)


@pytest.mark.parametrize(
    ("last", "is_excused"),
    [("17:59", True), ("18:00", True), ("18:00:01", False), ("18:01", False)],
)
def test_it_begins_by_six_in_the_evening(ann: Cli, last: str, is_excused: bool) -> None:
    sync(ann, f"{MON}T{last}")
    document = run(ann, f"{TUE}T00:05")
    assert [day["day"] for day in document["days_excused"]] == [MON] * is_excused
    assert streak(ann) == (int(is_excused), 1)
    sync(ann, f"{TUE}T09:00")
    run(ann, f"{TUE}T10:00")
    assert excused(ann) == [(MON, True)] * is_excused
    assert_sound(ann)


@pytest.mark.parametrize("back", ["23:00", "23:59:59"])
def test_one_that_is_over_before_midnight_excuses_nothing(ann: Cli, back: str) -> None:
    sync(ann, f"{MON}T{back}")
    assert run(ann, f"{TUE}T00:05")["days_excused"] == []
    assert streak(ann) == (0, 1)


def test_one_that_is_over_before_the_day_is_judged_excuses_it(ann: Cli) -> None:
    sync(ann, f"{TUE}T00:00")
    (day,) = run(ann, f"{TUE}T12:00")["days_excused"]
    assert day["reason"] == f"no sync from {MON} 17:00 to {TUE} 00:00 UTC"
    assert streak(ann) == (1, 1)


def test_a_gap_in_the_middle_of_a_day_costs_nothing(ann: Cli) -> None:
    for moment in (f"{MON}T23:45", f"{TUE}T02:00", f"{TUE}T17:30", f"{TUE}T23:45"):
        sync(ann, moment)
    assert run(ann, f"{WED}T00:05")["days_excused"] == []


def test_a_machine_that_syncs_once_a_day_excuses_nothing(sqlite_cli: Cli) -> None:
    add(sqlite_cli, f"{THU0}T00:00")
    for day in (THU0, FRI0, MON, TUE, WED, THU):
        with at(f"{day}T00:05"):
            assert sqlite_cli.ok("streaks")["days_excused"] == []
        sync(sqlite_cli, f"{day}T09:00")
    # Three days are no outage of it either, four are.
    assert run(sqlite_cli, f"{SUN}T08:00")["days_excused"] == []
    days = run(sqlite_cli, "2026-01-29T08:00")["days_excused"]
    assert [day["day"] for day in days] == [MON2, TUE2, "2026-01-28"]


def test_without_a_sync_there_is_no_outage(sqlite_cli: Cli) -> None:
    add(sqlite_cli, f"{MON}T00:00")
    assert run(sqlite_cli, WED)["days_excused"] == []
    # How often it is going to be done, a first sync does not say.
    sync(sqlite_cli, f"{WED}T13:00")
    assert run(sqlite_cli, FRI)["days_excused"] == []


def test_all_days_of_an_outage_are_excused_at_once(ann: Cli) -> None:
    for moment in (f"{FRI}T01:00", f"{FRI}T23:45"):
        sync(ann, moment)
    document = run(ann, f"{SAT}T00:05")
    assert [day["day"] for day in document["days_excused"]] == [MON, TUE, WED, THU]
    assert document["days_judged"] == [MON, TUE, WED, THU, FRI]
    assert document["members"]["reset"] == 1
    assert_sound(ann)


def test_only_a_completed_sync_ends_it(ann: Cli) -> None:
    (ann.folder / "other.json").write_text('{"guild": {"id": "1"}, "page": 0}')
    for moment in (f"{MON}T20:00", f"{TUE}T00:00"):
        with at(moment):
            assert ann("sync", "--from", "other.json").code == 65
            ann.ok("sync", "--dry-run", "--from", "board.json")
    assert [day["day"] for day in run(ann, f"{TUE}T00:05")["days_excused"]] == [MON]


def test_what_turns_out_to_be_an_outage_later_excuses_nothing(sqlite_cli: Cli) -> None:
    add(sqlite_cli, f"{MON}T00:00")
    award(sqlite_cli, f"{MON}T10:00")
    for moment in (f"{TUE}T06:00", f"{TUE}T10:00", f"{TUE}T14:00", f"{TUE}T18:00"):
        sync(sqlite_cli, moment)
    # The usual gap is 4 hours: the outage is one only after 12.
    assert run(sqlite_cli, f"{WED}T00:05")["days_excused"] == []
    assert streak(sqlite_cli) == (0, 1)
    assert run(sqlite_cli, f"{WED}T12:00")["days_excused"] == []
    assert_sound(sqlite_cli)


def test_a_day_is_taken_back_for_good(ann: Cli) -> None:
    run(ann, f"{TUE}T00:05")
    with at(TUE):
        document = ann.ok("streaks", "excuse", "--remove", MON)
    assert (document["status"], document["repaired"], document["days"]) == ("removed", 1, [])
    assert streak(ann) == (0, 1)
    assert_sound(ann)
    # Judged once more, as after a clock that was wrong.
    books.change_job(ann, "streaks", judged_through=FRI0)
    with at(TUE):
        ann.ok("streaks", "rebuild")
    document = run(ann, f"{TUE}T13:00")
    assert (document["days_judged"], document["days_excused"]) == ([MON], [])
    assert excused(ann) == []
    again = ann("streaks", "excuse", "--remove", MON)
    assert (again.code, "is not an excused day" in again.err) == (65, True)
    with at(TUE):
        document = ann.ok("streaks", "excuse", MON, "--reason", "an outage after all")
    (day,) = document["days"]
    assert (day["reason"], day["automatic"]) == ("an outage after all", False)
    assert day["created_at"] == f"{TUE}T12:00:00Z"
    assert streak(ann) == (1, 1)
    assert_sound(ann)


def test_a_day_that_is_excused_by_hand_stays_so(ann: Cli) -> None:
    ann.ok("streaks", "excuse", MON, "--reason", "a holiday")
    assert run(ann, f"{TUE}T00:05")["days_excused"] == []
    assert excused(ann) == [(MON, False)]
    assert streak(ann) == (1, 1)


def test_a_day_that_was_excused_by_mistake_before_is_excused_again(ann: Cli) -> None:
    ann.ok("streaks", "excuse", MON, "--reason", "a slip")
    ann.ok("streaks", "excuse", MON, "--remove")
    run(ann, f"{TUE}T00:05")
    assert excused(ann) == [(MON, True)]


def test_an_automatic_day_may_get_a_reason_by_hand(ann: Cli) -> None:
    run(ann, f"{TUE}T00:05")
    (day,) = ann.ok("streaks", "excuse", MON, "--reason", "MEE6 was down")["days"]
    assert (day["reason"], day["automatic"]) == ("MEE6 was down", False)
    assert day["created_at"] == f"{TUE}T00:05:00Z"
    ann.ok("streaks", "excuse", MON, "--remove")
    books.change_job(ann, "streaks", judged_through=FRI0)
    assert run(ann, f"{TUE}T13:00")["days_excused"] == []


def test_a_clock_that_was_far_ahead_leaves_no_excuse_behind(ann: Cli) -> None:
    sync(ann, f"{MON}T17:30")
    sync(ann, f"{TUE}T00:00")
    run(ann, f"{TUE}T00:05")
    ann.ok("streaks", "excuse", MON2, "--reason", "a holiday")
    document = run(ann, "2027-01-29")
    assert len(document["days_excused"]) > 200
    assert run(ann, WED)["judged_through"] == TUE
    assert excused(ann) == [(MON, True), (TUE, True), (MON2, False)]
    assert_sound(ann)


def test_a_sync_of_a_clock_that_was_ahead_ends_no_outage(ann: Cli) -> None:
    sync(ann, f"{THU}T12:00")
    (day,) = run(ann, f"{TUE}T00:05")["days_excused"]
    assert day["reason"] == f"no sync from {MON} 17:00 to {TUE} 00:05 UTC"


def test_a_run_that_fails_excuses_nothing(ann: Cli) -> None:
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE):
        GraceDay.insert(day="no date", reason="x", created_at=datetime.now(UTC)).execute()
    with at(f"{TUE}T00:05"):
        assert ann("streaks").code == 70
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE):
        assert [row.day for row in GraceDay.select()] == ["no date"]
        GraceDay.delete().execute()
    assert [day["day"] for day in run(ann, f"{TUE}T00:10")["days_excused"]] == [MON]


def test_a_history_of_one_day_is_enough(ann: Cli) -> None:
    for day in (TUE, WED, THU):
        with at(f"{day}T02:50"):
            ann.ok("history", "prune", "--keep", "1d")
        run(ann, f"{day}T03:00")
    assert excused(ann) == [(MON, True), (TUE, True), (WED, True)]


def test_it_is_said_to_a_person(ann: Cli) -> None:
    reason = f"no sync from {MON} 17:00 to {WED} 00:05 UTC"
    with at(f"{WED}T00:05"):
        result = ann("streaks")
    assert f"2 weekdays, {MON} to {TUE}: {reason}" in result.out
    listed = [line.split() for line in ann("streaks", "excuse", "--list").out.splitlines()]
    assert [line[0] for line in listed] == ["excused", MON, TUE]
    assert ["automatic" in line for line in listed[1:]] == [True, True]
    run_id = books.runs(ann)[-1].id
    shown = ann("history", "show", run_id).out
    assert f"{MON} ({reason})" in shown
    assert "2 weekdays judged, 2 of them excused" in ann("history", "list").out
    stats = ann.ok("history", "show", run_id)["run"]["stats"]
    assert [day["day"] for day in stats["days_excused"]] == [MON, TUE]
    with at(f"{WED}T00:10"):
        assert ann.ok("status")["streaks"]["days_excused"] == [MON, TUE]
        assert f"judged through {TUE}, excused: {MON}, {TUE}" in ann("status").out
    with at("2026-02-19T00:10"):
        assert ann.ok("status")["streaks"]["days_excused"] == [TUE]


def test_it_is_worth_a_line_under_quiet(ann: Cli) -> None:
    with at(f"{TUE}T00:05"):
        result = ann("streaks", "--quiet")
    assert (result.code, result.out) == (0, "")
    (line,) = result.err.splitlines()
    assert f"{MON} is excused: no sync from {MON} 17:00 to {TUE} 00:05 UTC" in line
    assert f"trcpoints streaks excuse --remove {MON}" in line
    with at(f"{TUE}T00:06"):
        again = ann("streaks", "--quiet")
    assert (again.code, again.out, again.err) == (0, "", "")
    ann.environment["TRCPOINTS_LOG_FORMAT"] = "json"
    with at(f"{THU}T00:05"):
        result = ann("streaks", "-q")
    said = json.loads(result.err)
    assert (said["level"], said["job"]) == ("notice", "streaks")
    assert f"2 weekdays, {TUE} to {WED}, are excused" in said["message"]


def test_the_first_run_of_an_old_community_knows_the_rule(ann: Cli) -> None:
    sync(ann, f"{TUE}T09:00")
    with open_database(ann.environment["DATABASE_URL"], Access.WRITE):
        Job.delete().where(Job.name == "streaks").execute()
    days = run(ann, f"{TUE}T10:00")["days_excused"]
    assert [day["day"] for day in days] == [MON]
