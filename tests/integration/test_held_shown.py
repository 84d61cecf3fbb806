"""Who is held is said: by the sync that first holds them, in lists, in status and in history."""

from __future__ import annotations

import json

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.holds import TICK, Timeline, holds
from tests.support.mee6 import show
from trcpoints.config import sqlite_url
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT = "101", "102", "103"
BOARD = {ANN: 5_000, BOB: 20_000, CAT: 30_000}
HELD = {ANN: 9_000, BOB: 50, CAT: 30_000}


@pytest.fixture
def time(cli: Cli, mee6: SimulatedMee6) -> Timeline:
    """Three members who are tracked; two of whose XP changes too much on the next board."""
    books.link(cli, BOARD)
    timeline = Timeline(cli, mee6)
    timeline.sync(BOARD)
    show(mee6, HELD)
    return timeline


@pytest.mark.parametrize("options", [["-q"], ["--json"], ["-q", "--json"], []])
def test_the_sync_that_first_holds_somebody_says_so(time: Timeline, options: list[str]) -> None:
    result = time.run("sync", *options, after=TICK)
    assert result.code == 0
    (line,) = result.err.splitlines()
    for part in ("2 members are held", "40 points to award", "199 points to deduct"):
        assert part in line
    assert line.endswith("trcpoints members held")
    if "--json" in options:
        assert result.json["members"]["held"] == 2
    elif options:
        assert result.out == ""
    again = time.run("sync", "-q", after=TICK)
    assert (again.code, again.out, again.err) == (0, "", "")


def test_of_one_member_it_speaks_in_the_singular(time: Timeline) -> None:
    show(time.mee6, {**BOARD, ANN: 6_850})
    err = time.run("sync", "-q", after=TICK).err
    assert "1 member is held" in err
    assert "18 points to award -> trcpoints members held" in err
    assert "deduct" not in err


def test_the_line_is_json_where_the_log_is(time: Timeline) -> None:
    time.cli.environment["TRCPOINTS_LOG_FORMAT"] = "json"
    line = json.loads(time.run("sync", "-q", after=TICK).err)
    assert line["level"] == "notice"
    assert "2 members are held" in line["message"]


def test_a_dry_run_shows_who_would_be_held_and_holds_nobody(time: Timeline) -> None:
    result = time.run("sync", "--dry-run", "--members", "--json", after=TICK)
    assert (result.code, result.err) == (0, "")
    assert result.json["members"]["held"] == 2
    assert result.json["results"] == []
    assert result.json["points"] == {"awarded": 0, "deducted": 0, "net": 0}
    ann, bob = result.json["held"]
    assert ann == {
        "member_id": ann["member_id"],
        "discord_id": ANN,
        "name": f"member {ANN}",
        "kind": "gain",
        "xp_tracked": 5_000,
        "xp_seen": 9_000,
        "points": 40,
        "is_new": True,
    }
    assert (bob["kind"], bob["points"]) == ("loss", -199)
    assert holds(time.cli) == []
    shown = time.run("sync", "--dry-run", "--members").out
    assert "2 held" in shown
    assert "-199" in shown
    real = time.ok("sync", "--members")
    assert real["held"] == result.json["held"]
    assert [one["is_new"] for one in time.ok("sync", "--members")["held"]] == [False, False]


def test_members_held_lists_them_the_longest_first(time: Timeline) -> None:
    assert "No member is held." in time.run("members", "held").out
    show(time.mee6, {**BOARD, BOB: 50})
    time.ok("sync", after=TICK)
    since = time.now
    show(time.mee6, HELD)
    time.ok("sync", after=TICK)
    time.ok("members", "accept", f"discord:{ANN}", "--by", "ann")
    document = time.ok("members", "held")
    assert (document["total"], document["to_award"], document["to_deduct"]) == (2, 40, 199)
    bob, ann = document["members"]
    assert bob == {
        "member_id": bob["member_id"],
        "discord_id": BOB,
        "name": f"member {BOB}",
        "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        "kind": "loss",
        "xp_tracked": 20_000,
        "xp_seen": 50,
        "points": -199,
        "accepted_by": None,
        "accepted_at": None,
    }
    assert (ann["accepted_by"], ann["accepted_at"]) == ("ann", f"{time.now:%Y-%m-%dT%H:%M:%SZ}")
    shown = time.run("members", "held").out
    for part in ("+40", "-199", "by ann", "members accept REF", "members rebaseline REF"):
        assert part in shown
    one = time.ok("members", "held", "--limit", "1")
    assert (one["total"], one["to_award"], len(one["members"])) == (2, 40, 1)


def test_lists_of_members_say_who_is_held(time: Timeline) -> None:
    time.ok("sync", after=TICK)
    at = f"{time.now:%Y-%m-%dT%H:%M:%SZ}"
    rows = {one["discord_id"]: one["held_at"] for one in time.ok("members", "list")["members"]}
    assert rows == {ANN: at, BOB: at, CAT: None}
    for command in (("members", "list"), ("members", "show", f"discord:{ANN}")):
        assert f"held since {time.now:%Y-%m-%d %H:%M}" in time.run(*command).out
    exported = time.run("members", "export").out
    assert f"{at}" in exported
    (time.cli.folder / "members.csv").write_text(exported)
    assert time.ok("members", "import", "members.csv")["unchanged"] == 3


def test_a_held_member_is_a_problem(time: Timeline) -> None:
    time.ok("streaks")
    time.ok("sync", after=TICK)
    result = time.run("status", "--json")
    (problem,) = result.json["problems"]
    assert problem["code"] == "members_held"
    for part in ("2 members are held", "40 points to award", "199 to deduct"):
        assert part in problem["message"]
    for part in ("members held", "members accept REF", "members rebaseline REF"):
        assert part in problem["hint"]
    assert result.json["members"]["held"] == 2
    assert time.run("status", "--check").code == 1
    assert "2 held" in time.run("status").out
    assert "trcpoints_members_held 2.0" in time.run("status", "--prometheus").out
    time.ok("members", "accept", f"discord:{ANN}")
    (problem,) = time.ok("status")["problems"]
    assert "1 of them accepted" in problem["message"]
    time.ok("members", "accept", f"discord:{BOB}")
    time.ok("sync", after=TICK)
    assert time.ok("status")["problems"] == []


def test_history_has_what_a_sync_held_and_released(time: Timeline) -> None:
    first = time.ok("sync", after=TICK)["sync_id"]
    show(time.mee6, {**HELD, ANN: 9_100, BOB: 20_000})
    time.ok("members", "accept", f"discord:{ANN}", "--by", "ann")
    second = time.ok("sync", after=TICK)["sync_id"]
    begun = time.ok("history", "show", first)
    assert [(one["discord_id"], one["xp_seen"], one["points"]) for one in begun["held"]] == [
        (ANN, 9_000, 40),
        (BOB, 50, -199),
    ]
    assert begun["released"] == []
    ended = time.ok("history", "show", second)
    assert [
        (one["discord_id"], one["xp_seen"], one["ending"], one["made_by"])
        for one in ended["released"]
    ] == [(ANN, 9_000, "accepted", "ann"), (BOB, 50, "passed", "sync")]
    shown = time.run("history", "show", second).out
    for part in ("no longer held: 2", "accepted by ann", "passed by sync"):
        assert part in shown
    assert "held: 2" in time.run("history", "show", first).out
    assert "2 held" in time.run("history", "list").out


def test_a_failed_sync_holds_nobody(time: Timeline) -> None:
    show(time.mee6, {})
    result = time.run("sync", "--json", after=TICK)
    assert (result.code, result.json["error"]["code"]) == (65, "mass_change")
    assert result.json["holds"] == dict.fromkeys(
        ("gains", "losses", "to_award", "to_deduct", "ended"), 0
    )


def test_holds_move_with_the_books(time: Timeline) -> None:
    time.ok("sync", after=TICK)
    target = sqlite_url(time.cli.folder / "copy.db")
    time.ok("db", "copy", "--to", target)
    time.cli.environment["DATABASE_URL"] = target
    assert time.ok("members", "held")["total"] == 2
    time.ok("members", "accept", f"discord:{ANN}", f"discord:{BOB}")
    time.ok("sync", after=TICK)
    assert time.ok("members", "held")["total"] == 0
