"""`trcpoints history list` and `show`: every run, and who was awarded what."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from playhouse.migrations import Runner

from tests.support import books
from tests.support import streaks as days
from tests.support.cli import Cli
from tests.support.history import FIRST, many, write_runs
from tests.support.mee6 import show
from trcpoints.config import sqlite_url
from trcpoints.db import schema
from trcpoints.db.database import Access, connected
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN = "101", "102", "103", "104"
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)  # a Wednesday


def sync(cli: Cli, minutes: int, *options: str) -> dict[str, Any]:
    """A sync so many minutes after noon, whose id says so."""
    with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
        return cli.ok("sync", f"--sync-id=sync-{minutes}", *options)


def listed(cli: Cli, *options: str) -> list[str]:
    return [run["run_id"] for run in cli.ok("history", "list", *options)["runs"]]


def told(cli: Cli, *arguments: str) -> str:
    result = cli("history", *arguments)
    assert (result.code, result.err) == (0, "")
    return result.out


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What peewee asks the database inside the block: each statement with its parameters."""
    seen: list[tuple[str, Any]] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if isinstance(record.msg, tuple) and record.msg[0].startswith("SELECT"):
                seen.append(record.msg)

    logger, handler = logging.getLogger("peewee"), Listening()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield seen
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)


def plans(cli: Cli, asked: list[tuple[str, Any]]) -> list[str]:
    """SQLite's plan of each statement about our own tables, its steps on one line."""
    path = cli.environment["DATABASE_URL"].removeprefix("sqlite:///")
    ours = [each for each in asked if "schema_migration" not in each[0]]
    with closing(sqlite3.connect(path)) as connection:
        return [
            "; ".join(step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
            for sql, values in ours
            if "sqlite_master" not in sql
        ]


def test_nothing_ran_yet(cli: Cli) -> None:
    document = cli.ok("history", "list")
    assert (document["total"], document["page"], document["runs"]) == (0, 1, [])
    assert told(cli, "list") == "No runs.\n"
    assert cli("history", "list", "--quiet").out == ""


def test_every_run_is_listed_the_newest_first(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB, CAT])
    show(mee6, {ANN: 1000, BOB: 1000, CAT: 1000})
    sync(cli, 0)
    show(mee6, {ANN: 1550, BOB: 750, CAT: 1000})
    sync(cli, 15)
    board = {"guild": {"id": mee6.guild_id}, "players": [{"id": ANN, "xp": 1600}]}
    (cli.folder / "board.json").write_text(json.dumps(board))
    sync(cli, 30, "--from", "board.json")
    mee6.misbehave(Fault.UNAUTHORIZED)
    with time_machine.travel(NOON + timedelta(minutes=45), tick=False):
        assert cli("sync", "--sync-id=sync-45", env={"TRCPOINTS_TRIGGER": "scheduled"}).code == 69
    with time_machine.travel(NOON + timedelta(minutes=50), tick=False):
        judged = cli.ok("streaks")

    document = cli.ok("history", "list")
    assert document["total"] == 5
    streaks, failed, from_file, second, first = document["runs"]
    ids = [run["run_id"] for run in document["runs"]]
    assert ids == [judged["run_id"], "sync-45", "sync-30", "sync-15", "sync-0"]
    assert [run["status"] for run in document["runs"]] == ["completed", "failed"] + [
        "completed"
    ] * 3
    assert (failed["trigger"], failed["stats"]) == ("scheduled", None)
    assert failed["error"]["code"] == "source_refused"
    assert failed["error"]["hint"]
    assert second["started_at"] == second["finished_at"] == "2026-01-07T12:15:00Z"
    assert (second["duration_seconds"], second["error"], second["scope"]) == (0.0, None, None)
    assert second["machine"]
    assert second["stats"]["points"] == {"awarded": 5, "deducted": 2, "net": 3}
    assert from_file["stats"]["leaderboard"]["requests"] == 0
    assert first["stats"]["members"]["baselined"] == 3
    assert streaks["stats"]["members"] == judged["members"]

    rows = told(cli, "list").splitlines()
    assert re.search(r"^started .* job +run +took +status +what it did +error *$", rows[0])
    assert re.search(r"12:50 +streaks .*completed", rows[1])
    assert re.search(r"12:45 +sync +sync-45 +0\.0 s +failed +source_refused *$", rows[2])
    assert "1 gained, 1 lost, +5 -2 points" in rows[4]
    assert "3 baselined" in rows[5]

    assert listed(cli, "--job", "streaks") == ids[:1]
    assert listed(cli, "--job", "sync", "--status", "completed") == ids[2:]
    assert listed(cli, "--status", "failed") == ids[1:2]
    assert listed(cli, "--since", "2026-01-07T12:30") == ids[:3]
    assert listed(cli, "--since", "2026-01-07T13:30+01:00", "--job", "sync") == ids[1:3]
    with time_machine.travel(NOON + timedelta(minutes=60), tick=False):
        assert listed(cli, "--since", "30m") == ids[:3]
        assert listed(cli, "--since", "1h") == ids
    with time_machine.travel(NOON + timedelta(days=7, minutes=31), tick=False):
        assert listed(cli, "--since", "7d") == listed(cli, "--since", "1w") == ids[:2]


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "yesterday"),
        ("--since", "0d"),
        ("--since", "9999999w"),
        ("--status", "done"),
        ("--limit", "0"),
        ("--page", "0"),
    ],
)
def test_what_cannot_be_listed(sqlite_cli: Cli, options: tuple[str, ...]) -> None:
    result = sqlite_cli("history", "list", *options, "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")


def test_pages_have_every_run_once_and_in_order(cli: Cli) -> None:
    """Also where many runs began at the same moment, over the edge of a page."""
    moments = [FIRST + timedelta(minutes=minute // 4) for minute in range(23)]
    write_runs(
        cli,
        ({"id": f"run-{n:02}", "started_at": at} for n, at in reversed([*enumerate(moments)])),
    )
    write_runs(cli, [{"id": "other", "job": "streaks", "started_at": moments[9]}])
    pages = [
        cli.ok("history", "list", "--job=sync", "--limit=5", f"--page={n}") for n in range(1, 7)
    ]
    assert {page["total"] for page in pages} == {23}
    found = [[run["run_id"] for run in page["runs"]] for page in pages]
    assert [len(page) for page in found] == [5, 5, 5, 5, 3, 0]
    assert [run_id for page in found for run_id in page] == [
        f"run-{n:02}" for n in reversed(range(23))
    ]
    assert "page 5 of 5, 23 runs" in told(cli, "list", "--job=sync", "--limit=5", "--page=5")
    assert "page" not in told(cli, "list")
    assert listed(cli, "--page", "1000000000", "--limit", "10000") == []


FILTERS = [
    (),
    ("--job", "sync"),
    ("--status", "failed"),
    ("--since", "2024-01-01"),
    ("--job", "sync", "--status", "completed", "--since", "2024-01-01"),
]


@pytest.mark.parametrize("filters", FILTERS, ids=" ".join)
def test_a_page_costs_what_is_on_it(sqlite_cli: Cli, filters: tuple[str, ...]) -> None:
    """What is counted and passed over is so in an index alone, without reading a run."""
    write_runs(sqlite_cli, many(200))
    with statements() as asked:
        sqlite_cli.ok("history", "list", "--limit=10", "--page=2", *filters)
    total, begin, newer, rows = plans(sqlite_cli, asked)
    for plan in (total, begin, newer):
        assert re.fullmatch(
            r"(SEARCH|SCAN) (t1|run) USING COVERING INDEX run_\S+( \(.*\))?", plan
        ), plan
    assert re.fullmatch(
        r"SEARCH (t1|run) USING INDEX run_\S+ \(.*\); USE TEMP B-TREE FOR "
        "(RIGHT PART|LAST TERM) OF ORDER BY",
        rows,
    ), rows


def test_runs_of_other_jobs_tell_their_counts(cli: Cli) -> None:
    """Whatever a job keeps of itself is shown; a run that is under way has no end."""
    stats = {
        "records": {"read": 1200, "unchanged": 0},
        "conflicts": {"email": {"kept_ours": 2}},
        "strategy": "merge",
        "complete": True,
    }
    start = {"job": "census", "scope": "gaa:st-judes"}
    write_runs(cli, [{**start, "id": "done", "stats": stats}])
    running = {"status": "running", "stats": None, "finished_at": None, "machine": "host-1"}
    write_runs(cli, [{**start, "id": "busy", "started_at": FIRST + timedelta(hours=1), **running}])
    busy, done = cli.ok("history", "list")["runs"]
    assert (busy["finished_at"], busy["duration_seconds"], busy["stats"]) == (None, None, None)
    assert (busy["machine"], busy["scope"]) == ("host-1", "gaa:st-judes")
    assert (done["stats"], done["duration_seconds"]) == (stats, 2.5)
    _, first, second = told(cli, "list").splitlines()
    assert re.search(r"census gaa:st-judes +busy +running", first)
    assert second.rstrip().endswith(
        "2.5 s  completed  1,200 records read, 2 conflicts email kept ours"
    )
    screen = told(cli, "show", "done")
    assert re.search(r"^records +read 1,200 *$", screen, re.MULTILINE)
    assert re.search(r"^conflicts +email kept ours 2 *$", screen, re.MULTILINE)
    assert re.search(r"^strategy +merge *$", screen, re.MULTILINE)
    assert "took" not in told(cli, "show", "busy")


def test_who_was_awarded_what(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB, CAT, DAN, "105"])
    show(mee6, {ANN: 1000, BOB: 1000, CAT: 1000, DAN: 1000, "105": 1000})
    sync(cli, 0)
    cli.ok("points", "award", "1", "--points=50", "--source=intro", "--key=before")
    cli.ok("members", "add", "--discord-id", "106", "--name", "Eve")
    show(mee6, {ANN: 1550, BOB: 790, CAT: 1020, DAN: 1000, "106": 7})
    done = sync(cli, 15, "--members")
    cli.ok("points", "award", "1", "--points=50", "--source=intro", "--key=after")
    show(mee6, {ANN: 1650, BOB: 790, CAT: 1020, DAN: 1000, "106": 7})
    sync(cli, 30)

    cli.ok("members", "set", "1", "--discord-id", "999")
    document = cli.ok("history", "show", "sync-15")
    assert document["run"] == cli.ok("history", "list")["runs"][1]
    ledger = {entry.sync_id: entry.id for entry in books.entries(cli, "999")}
    ann, bob = document["awards"]
    assert ann == {
        "member_id": "1",
        "discord_id": ANN,
        "name": f"member {ANN}",
        "entry_id": str(ledger["sync-15"]),
        "source": "discord",
        "points": 5,
        "xp_delta": 550,
    }
    assert (bob["discord_id"], bob["points"], bob["xp_delta"]) == (BOB, -2, -210)
    outcomes = {record["discord_id"]: record["outcome"] for record in document["records"]}
    assert outcomes == {
        ANN: "gained", BOB: "lost", CAT: "gained", DAN: "quiet", "106": "baselined"
    }  # fmt: skip
    # The same that the sync itself has said.
    recorded = {
        (record["member_id"], record["name"], record["xp_delta"], record["xp_total"])
        for record in document["records"]
        if record["outcome"] != "quiet"
    }
    assert recorded == {
        (result["member_id"], result["name"], result["xp_delta"], result["xp_after"])
        for result in done["results"]
    }
    assert document["left"] == [{"member_id": "5", "discord_id": "105", "name": "member 105"}]
    assert document["milestones"] == []

    screen = told(cli, "show", "sync-15")
    for line in (
        r"run +sync-15",
        r"by +manual on \S+",
        r"XP +gained 570, lost 210",
        r"points +awarded 5, deducted 2, net 3",
        r"awarded or deducted: 2",
        rf" +1 +member {ANN} +{ANN} +\+5 +discord +\+550",
        r"baselined: 1",
        r" +6 +Eve +106 +7 +baseline",
        r"lost XP: 1",
        rf" +2 +member {BOB} +{BOB} +790 +-210",
        r"left the server: 1",
        r" +5 +member 105 +105",
    ):
        assert re.search(rf"^{line} *$", screen, re.MULTILINE), (line, screen)

    first = cli.ok("history", "show", "sync-0")
    assert {record["outcome"] for record in first["records"]} == {"baselined"}
    assert (len(first["records"]), first["awards"], first["left"]) == (5, [], [])
    show(mee6, {"999": 9, BOB: 790, CAT: 1020, DAN: 1000, "105": 1000, "106": 7})
    sync(cli, 45)
    assert cli.ok("history", "show", "sync-15")["left"] == []


def test_a_sync_that_failed_did_nothing_to_anybody(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    sync(cli, 0)
    mee6.misbehave(Fault.UNAUTHORIZED)
    assert cli("sync", "--sync-id=refused").code == 69
    document = cli.ok("history", "show", "refused")
    assert (document["awards"], document["records"], document["left"]) == ([], [], [])
    screen = told(cli, "show", "refused")
    assert re.search(r"^status +failed *$", screen, re.MULTILINE)
    assert re.search(r"^error +source_refused: ", screen, re.MULTILINE)
    assert "-> " in screen


def test_the_days_and_milestones_of_a_run_of_streaks(cli: Cli) -> None:
    days.add(cli, "2026-01-19T00:00", "--name", "An\x1bn")
    week = [f"2026-01-{day}" for day in range(19, 24)]
    for day in week:
        days.award(cli, day)
    first = days.run(cli, "2026-01-22")
    second = days.run(cli, "2026-01-24")
    assert second["milestones"]
    document = cli.ok("history", "show", second["run_id"])
    assert document["milestones"] == second["milestones"]
    assert document["run"]["stats"]["days_judged"] == week[3:]
    assert (document["awards"], document["records"]) == ([], [])
    assert cli.ok("history", "show", first["run_id"])["milestones"] == []
    screen = told(cli, "show", second["run_id"])
    assert re.search(rf"^days judged +{week[3]}, {week[4]} *$", screen, re.MULTILINE)
    assert re.search(r"^milestones: 1$", screen, re.MULTILINE)
    assert re.search(r"^ +1 +An\ufffdn +5 *$", screen, re.MULTILINE)
    assert "2 weekdays judged, 1 longer, 1 milestone" in told(cli, "list")


def test_a_long_table_is_cut_on_the_screen_only(cli: Cli, mee6: SimulatedMee6) -> None:
    everybody = [str(number) for number in range(1001, 1061)]
    books.link(cli, everybody)
    show(mee6, dict.fromkeys(everybody, 1000))
    sync(cli, 0)
    screen = told(cli, "show", "sync-0")
    assert "baselined: 60\n" in screen
    assert not re.search("^XP", screen, re.MULTILINE)  # nobody gained or lost any
    assert "and 10 more; all of them with --json" in screen
    assert ("1050" in screen, "1051" in screen) == (True, False)
    assert len(cli.ok("history", "show", "sync-0")["records"]) == 60


def test_showing_costs_what_the_run_did(sqlite_cli: Cli) -> None:
    cli = sqlite_cli
    books.link(cli, [ANN])
    for number, xp in enumerate((1600, 1900)):
        board = {"guild": {"id": "993536706509885777"}, "players": [{"id": ANN, "xp": xp}]}
        (cli.folder / "board.json").write_text(json.dumps(board))
        sync(cli, number, "--from", "board.json")
    with statements() as asked:
        cli.ok("history", "show", "sync-1")
    found = plans(cli, asked)
    assert len(found) == 8
    for plan in found:
        for step in plan.split("; "):
            assert re.match(
                r"SEARCH \w+ USING (COVERING )?(INDEX|INTEGER PRIMARY KEY)|USE TEMP", step
            )


def test_a_run_by_the_beginning_of_its_id(cli: Cli) -> None:
    # Not one of these is another spelling of another, whatever the database thinks of case.
    write_runs(
        cli, [{"id": x} for x in ("20260119T1", "20260119T2", "20260119", "%", "Ab_1", "aB_1")]
    )

    def shown(reference: str) -> str:
        return str(cli.ok("history", "show", reference)["run"]["run_id"])

    assert shown("20260119") == "20260119"
    assert shown("20260119T2") == "20260119T2"
    assert (shown("%"), shown("A"), shown("a")) == ("%", "Ab_1", "aB_1")
    result = cli("history", "show", "2026", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "data_refused")
    for run_id in ("20260119", "20260119T1", "20260119T2"):
        assert f"{run_id}" in result.json["error"]["message"]
    assert cli("history", "show", "").code == 65


def test_a_run_that_there_is_not(cli: Cli) -> None:
    result = cli("history", "show", "20260119T174500Z-0000000a", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "not_found")
    assert "trcpoints history list" in result.json["error"]["hint"]
    write_runs(cli, [{"id": "20260119T174500Z-0000000b"}, {"id": "a-quite-different-one"}])
    for wrong in ("20260119T174500Z-0000000a", "20260119T174500Z-0000000b-and-more"):
        hint = cli("history", "show", wrong, "--json").json["error"]["hint"]
        assert "trcpoints history show 20260119T174500Z-0000000b" in hint
        assert "different" not in hint
    for wrong in ("x\x1b[31m", "\ud800", "?" * 100_000):
        result = cli("history", "show", wrong)
        assert result.code == 65
        assert "\x1b" not in result.err
        assert len(result.err) < 300


def test_text_from_outside_is_harmless(cli: Cli, mee6: SimulatedMee6) -> None:
    evil = "e\x1b[31m\u202e [bold]"
    cli.ok("members", "add", "--discord-id", ANN, "--name", evil)
    show(mee6, {ANN: 1000})
    cli.ok("sync", "--sync-id", "once")
    write_runs(
        cli,
        [
            {
                "id": f"x{evil}",
                "job": evil,
                "scope": evil,
                "machine": evil,
                "status": "failed",
                "stats": {evil: {evil: 3}, "text": evil},
                "error_code": "data_refused",
                "error_message": evil,
                "error_hint": evil,
            }
        ],
    )
    for command in (["list"], ["show", "x"], ["show", "once"], ["show", evil]):
        result = cli("history", *command)
        assert "\x1b" not in result.out + result.err
        assert "\u202e" not in result.out + result.err
    assert "e\ufffd[31m\ufffd [bold]" in told(cli, "list")
    assert "e\ufffd[31m\ufffd [bold]" in told(cli, "show", "once")
    document = cli("history", "show", "once", "--json")
    assert document.json["records"][0]["name"] == evil
    assert "\u202e" not in document.out


def test_runs_of_before_they_kept_what_they_made(sqlite_cli: Cli, tmp_path: Path) -> None:
    """The upgrade finds it in the books."""
    url = sqlite_url(tmp_path / "old.db")
    start = "2026-01-07T12:00:00.000000Z"
    with connected(url, Access.CREATE) as engine, engine.books():
        Runner(engine, str(schema.MIGRATIONS), schema.TABLE).up(target="0003_status")
        engine.insert_rows(
            "run",
            ("id", "job", "status", "trigger", "started_at", "finished_at", "stats"),
            [(x, "sync", "completed", "manual", start, start, "{}") for x in ("a", "b", "idle")],
        )
        engine.insert_rows(
            "member",
            (
                *("name", "active", "points", "carry", "quiet", "absences"),
                *("deferrals", "rebaseline", "created_at", "updated_at"),
            ),
            [(name, True, 0, 0, False, 0, 0, False, start, start) for name in ("Ann", "Bob")],
        )
        engine.insert_rows(
            "discord_activity",
            (
                *("member_id", "discord_id", "activity_type", "xp_delta", "xp_total"),
                *("synced_at", "sync_id"),
            ),
            [(m, str(m), "MESSAGE", d, 500, start, x) for m, d, x in
             ((1, None, "a"), (2, None, "a"), (1, 200, "b"), (2, -100, "b"))],
        )  # fmt: skip
        engine.insert_rows(
            "ledger",
            (
                *("member_id", "source", "points", "idempotency_key", "occurred_at"),
                *("created_at", "sync_id"),
            ),
            [(m, "discord", p, k, start, start, x) for m, p, k, x in
             ((1, 9, "k", None), (1, 2, "b1", "b"), (2, -1, "b2", "b"), (1, 9, "l", None))],
        )  # fmt: skip
    sqlite_cli.environment["DATABASE_URL"] = url
    sqlite_cli.ok("db", "upgrade")
    made = {run_id: sqlite_cli.ok("history", "show", run_id) for run_id in ("a", "b", "idle")}
    awards = {x: [award["points"] for award in run["awards"]] for x, run in made.items()}
    records = {x: [record["outcome"] for record in run["records"]] for x, run in made.items()}
    assert awards == {"a": [], "b": [2, -1], "idle": []}
    assert records == {"a": ["baselined"] * 2, "b": ["gained", "lost"], "idle": []}
