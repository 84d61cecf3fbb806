"""`trcpoints status`: healthy or not, what mends it, and figures that agree with the books."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN = "101", "102", "103", "104"
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)  # a Wednesday


def at(cli: Cli, moment: datetime, *arguments: str) -> dict[str, Any]:
    """Run a command that must succeed at a time."""
    with time_machine.travel(moment, tick=False):
        return cli.ok(*arguments)


def status(cli: Cli, moment: datetime = NOON) -> dict[str, Any]:
    return at(cli, moment, "status")


@contextmanager
def misbehaving(mee6: SimulatedMee6, fault: Fault) -> Iterator[None]:
    mee6.misbehave(fault)
    yield
    mee6.behave()


def codes(document: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in document["problems"]]


def said(cli: Cli, *options: str, moment: datetime = NOON) -> tuple[int, str]:
    with time_machine.travel(moment, tick=False):
        result = cli("status", *options)
    assert result.err == ""
    return result.code, result.out


def running(cli: Cli, mee6: SimulatedMee6) -> None:
    """Four members, two syncs that moved points, and streaks: all is well at noon."""
    with time_machine.travel(NOON - timedelta(days=3), tick=False):
        books.link(cli, [ANN, BOB, CAT, DAN])
    show(mee6, {ANN: 1000, BOB: 1000, CAT: 1000, DAN: 1000})
    at(cli, NOON - timedelta(days=1), "sync")
    show(mee6, {ANN: 1550, BOB: 800, CAT: 1000})
    at(cli, NOON, "sync")
    at(cli, NOON, "streaks")


def test_a_database_on_which_nothing_ran_yet(cli: Cli) -> None:
    document = status(cli)
    assert not document["healthy"]
    assert codes(document) == ["guild_not_set", "streaks_never_ran"]
    assert "MEE6_GUILD_ID" in document["problems"][0]["hint"]
    assert "trcpoints streaks" in document["problems"][1]["hint"]
    assert (document["sync"]["overdue"], document["streaks"]["overdue"]) == (False, False)
    assert document["sync"]["last_run"] is None
    assert document["members"] == {
        "total": 0, "linked": 0, "tracked": 0, "left": 0, "inactive": 0,
        "awaiting_baseline": 0, "held": 0
    }  # fmt: skip
    cli.environment["MEE6_GUILD_ID"] = "993536706509885777"
    assert codes(status(cli)) == ["sync_never_ran", "streaks_never_ran"]


def test_all_is_well(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    books.change_member(cli, CAT, active=False)
    cli.ok("members", "add", "--name", "not linked")
    document = status(cli)
    assert (document["healthy"], document["problems"]) == (True, [])
    database = document["database"]
    assert database["url"] == cli.ok("db", "check")["url"]
    assert database["schema_version"] == cli.ok("db", "check")["schema_version"]
    assert database["size_bytes"] > 0
    last = document["sync"].pop("last_run")
    assert (last["status"], last["trigger"]) == ("completed", "manual")
    assert last["started_at"] == "2026-01-07T12:00:00Z"
    assert document["sync"] == {
        "enabled": True,
        "guild_id": mee6.guild_id,
        "books_guild_id": mee6.guild_id,
        "last_success_at": "2026-01-07T12:00:00Z",
        "consecutive_failures": 0,
        "cooldown_until": None,
        "overdue": False,
    }
    assert document["streaks"] == {
        "judged_through": "2026-01-06",
        "last_success_at": "2026-01-07T12:00:00Z",
        "overdue": False,
        "days_excused": [],
    }
    assert document["members"] == {
        "total": 5, "linked": 4, "tracked": 3, "left": 1, "inactive": 1,
        "awaiting_baseline": 0, "held": 0
    }  # fmt: skip
    assert document["points"] == {"awarded": 5, "deducted": 2, "balance": 3}
    assert document["federation"] == {
        "connectors": [], "pending": 0, "running": 0, "failed": 0, "conflicts": 0, "removed": 0
    }  # fmt: skip
    shown = list(document)
    assert shown == [
        "schema", "healthy", "problems", "database", "sync", "streaks", "members", "points",
        "federation",
    ]  # fmt: skip


def test_overdue_by_the_minute(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    limit = NOON + timedelta(minutes=35)
    assert codes(status(cli, limit)) == []
    document = status(cli, limit + timedelta(microseconds=1))
    assert codes(document) == ["sync_overdue"]
    assert document["sync"]["overdue"]
    assert "trcpoints sync" in document["problems"][0]["hint"]
    limit = NOON + timedelta(hours=26)
    assert "streaks_overdue" not in codes(status(cli, limit))
    assert not status(cli, limit)["streaks"]["overdue"]
    document = status(cli, limit + timedelta(seconds=1))
    assert codes(document) == ["sync_overdue", "streaks_overdue"]
    assert document["streaks"]["overdue"]
    # A success that is still to come was noted by a wrong clock.
    assert "sync_overdue" in codes(status(cli, NOON - timedelta(days=1)))


def test_a_sync_that_is_switched_off_is_no_problem(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    with misbehaving(mee6, Fault.UNAUTHORIZED), time_machine.travel(NOON, tick=False):
        assert cli("sync").code == 69
    cli.environment["MEE6_SYNC_ENABLED"] = "false"
    document = status(cli, NOON + timedelta(hours=20))
    assert document["healthy"]
    assert (document["sync"]["enabled"], document["sync"]["overdue"]) == (False, False)
    assert "MEE6_SYNC_ENABLED" in said(cli, moment=NOON + timedelta(hours=20))[1]
    assert codes(status(cli, NOON + timedelta(hours=27))) == ["streaks_overdue"]


def test_failures_name_the_last_error_until_one_succeeds(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    with misbehaving(mee6, Fault.UNAUTHORIZED):
        for minutes in (15, 30):
            with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
                assert cli("sync").code == 69
    document = status(cli, NOON + timedelta(minutes=31))
    assert codes(document) == ["sync_failing"]
    assert "last 2 runs" in document["problems"][0]["message"]
    assert "not public (401)" in document["problems"][0]["message"]
    assert document["sync"]["consecutive_failures"] == 2
    assert document["sync"]["last_run"]["status"] == "failed"
    assert document["sync"]["last_success_at"] == "2026-01-07T12:00:00Z"
    at(cli, NOON + timedelta(minutes=45), "sync")
    assert status(cli, NOON + timedelta(minutes=45))["healthy"]


def test_failures_without_any_success_are_overdue_from_the_first(
    cli: Cli, mee6: SimulatedMee6
) -> None:
    with misbehaving(mee6, Fault.NOT_FOUND), time_machine.travel(NOON, tick=False):
        assert cli("sync").code == 69
    assert codes(status(cli, NOON)) == ["sync_failing", "streaks_never_ran"]
    later = NOON + timedelta(minutes=36)
    assert codes(status(cli, later)) == ["sync_failing", "sync_overdue", "streaks_never_ran"]


def test_a_pause_that_mee6_asked_for_says_until_when(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    with (
        misbehaving(mee6, Fault.RATE_LIMITED_MISSING),
        time_machine.travel(NOON + timedelta(minutes=1), tick=False),
    ):
        assert cli("sync").code == 69
    document = status(cli, NOON + timedelta(minutes=2))
    assert document["sync"]["cooldown_until"] == "2026-01-07T12:31:00Z"
    assert "2026-01-07 12:31 UTC" in document["problems"][0]["hint"]
    assert "--ignore-cooldown" in document["problems"][0]["hint"]


def test_the_guard_names_the_ways_on(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    show(mee6, {ANN: 1, BOB: 1, CAT: 1, DAN: 1})
    with time_machine.travel(NOON, tick=False):
        assert cli("sync").code == 65
    (problem,) = status(cli)["problems"]
    for way in ("--accept-decrease", "--rebaseline"):
        assert way in problem["hint"]


def test_malformed_players_three_syncs_in_a_row(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    found = []
    with misbehaving(mee6, Fault.STRING_XP):
        for minute in (1, 2, 3):
            at(cli, NOON + timedelta(minutes=minute), "sync")
            found.append(codes(status(cli, NOON + timedelta(minutes=minute))))
    assert found == [[], [], ["malformed_players"]]
    at(cli, NOON + timedelta(minutes=4), "sync")
    assert codes(status(cli, NOON + timedelta(minutes=4))) == []


@pytest.mark.parametrize(
    ("linked", "found", "is_problem"),
    [(3, 0, True), (2, 0, False), (20, 1, True), (20, 2, False), (3, 1, False)],
)
@pytest.mark.slow_on_postgresql
def test_few_members_on_the_board(
    cli: Cli, mee6: SimulatedMee6, linked: int, found: int, is_problem: bool
) -> None:
    ids = [str(number) for number in range(101, 101 + linked)]
    books.link(cli, ids)
    show(mee6, dict.fromkeys(["900", *ids[:found]], 1000))
    cli.ok("sync")
    problems = [p for p in cli.ok("status")["problems"] if p["code"] == "few_members_on_board"]
    assert bool(problems) == is_problem
    if problems:
        assert f"Of {linked} linked members {found} " in problems[0]["message"]
        for part in ("MEE6_GUILD_ID", "trcpoints members list", "members import FILE --dry-run"):
            assert part in problems[0]["hint"]
        show(mee6, dict.fromkeys(ids, 1000))
        cli.ok("sync")
        assert "few_members_on_board" not in codes(cli.ok("status"))


def test_few_members_on_a_part_of_the_board(sqlite_cli: Cli) -> None:
    """What was not read cannot be missing."""
    books.link(sqlite_cli, [ANN, BOB, CAT])
    players = [{"id": str(number), "xp": 10_000 - number} for number in range(1000, 1999)]
    page = {"guild": {"id": "1"}, "page": 0, "players": players}
    (sqlite_cli.folder / "first.json").write_text(json.dumps(page))
    sqlite_cli.ok("sync", "--from", "first.json")
    assert "few_members_on_board" not in codes(sqlite_cli.ok("status"))


def test_few_members_are_asked_for_where_most_are_inactive(cli: Cli, mee6: SimulatedMee6) -> None:
    ids = [str(number) for number in range(101, 141)]
    books.link(cli, ids)
    for inactive in ids[3:]:
        books.change_member(cli, inactive, active=False)
    show(mee6, dict.fromkeys(ids[:3], 1000))
    cli.ok("sync")
    assert "few_members_on_board" not in codes(cli.ok("status"))


def test_check_is_one_line_and_an_exit_code(cli: Cli, mee6: SimulatedMee6) -> None:
    code, line = said(cli, "--check")
    assert code == 1
    assert line.startswith("unhealthy: sync has not run yet. Run it: trcpoints sync")
    assert line.count("\n") == 1
    assert said(cli, "--check", "--quiet") == (1, line)
    running(cli, mee6)
    assert said(cli, "--check") == (0, "healthy: 4 members tracked, 3 points\n")
    assert said(cli, "--check", "--quiet") == (0, "")
    code, out = said(cli, "--check", "--json", moment=NOON + timedelta(days=2))
    assert (code, json.loads(out)["healthy"]) == (1, False)
    assert said(cli)[0] == 0
    assert said(cli, "--quiet") == (0, "")


def test_the_screen_has_the_verdict_first_and_the_commands(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    _, screen = said(cli)
    assert screen.splitlines()[0] == "All is well."
    assert re.search(
        r"^sync +last success 0 minutes ago, 2026-01-07 12:00 UTC", screen, re.MULTILINE
    )
    assert re.search(r"^streaks .*judged through 2026-01-06", screen, re.MULTILINE)
    assert re.search(r"^members +4: 4 linked, 4 tracked, 1 left", screen, re.MULTILINE)
    assert re.search(r"^points +3: 5 awarded, 2 deducted", screen, re.MULTILINE)
    days = f"{'▁' * 29}█ 5 awarded, at most 5 a day"
    assert re.search(rf"^last 30 days +{days}", screen, re.MULTILINE)
    assert re.search(r"^0 +█+ +4$", screen, re.MULTILINE)
    _, screen = said(cli, moment=NOON + timedelta(days=2))
    first, problem, way, *_ = screen.splitlines()
    assert first == "2 problems"
    assert "sync had no success for more than 35 minutes" in problem
    assert "-> Run it: trcpoints sync;" in way
    assert "2 days ago" in screen


def test_the_sparkline_has_thirty_days_and_shows_the_least(cli: Cli) -> None:
    books.link(cli, [ANN])
    for day, points in {"2025-12-08": 500, "2025-12-09": 1, "2026-01-06": 1000}.items():
        cli.ok(
            "points", "award", "1", f"--points={points}", "--source=intro", f"--key={day}",
            f"--at={day}T23:59:59Z",
        )  # fmt: skip
    _, screen = said(cli)
    assert f" ▂{'▁' * 27}█▁ 1,001 awarded, at most 1,000 a day" in screen


def test_bars_of_streaks(cli: Cli) -> None:
    books.link(cli, [str(number) for number in range(101, 111)])
    for number, length in enumerate([0, 0, 0, 4, 5, 9, 9, 249, 250, 1000]):
        books.change_member(cli, str(101 + number), current_streak=length)
    books.change_member(cli, "110", active=False)
    _, screen = said(cli)
    bars = re.findall(r"^ *(\S+) +[█▉▊▋▌▍▎▏]+ +(\d+)$", screen, re.MULTILINE)
    assert bars == [("0", "3"), ("1-4", "1"), ("5-9", "3"), ("100-249", "1"), ("250+", "1")]


def test_metrics_are_what_prometheus_reads(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    _, text = said(cli, "--prometheus", moment=NOON + timedelta(minutes=36))
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["trcpoints_healthy",] == 0
    assert samples["trcpoints_problem", "sync_overdue"] == 1
    assert samples["trcpoints_sync_last_success_timestamp_seconds",] == NOON.timestamp()
    judged = datetime(2026, 1, 6, tzinfo=UTC).timestamp()
    assert samples["trcpoints_streaks_judged_through_timestamp_seconds",] == judged
    assert samples["trcpoints_members_tracked",] == 4
    assert samples["trcpoints_points_awarded_total",] == 5
    assert samples["trcpoints_points_deducted_total",] == 2
    assert not [name for name, *_ in samples if not name.startswith("trcpoints_")]
    # node_exporter's textfile collector takes no timestamps, and wants the last line ended.
    assert all(len(line.split()) == 2 for line in text.splitlines() if line[0] != "#")
    assert text.endswith("\n")


def test_metrics_in_a_file(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    before = os.umask(0o022)
    try:
        assert said(cli, "--prometheus", "--output", "trcpoints.prom", "--quiet") == (0, "")
    finally:
        os.umask(before)
    file = cli.folder / "trcpoints.prom"
    assert file.read_text() == said(cli, "--prometheus")[1]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    document = cli.ok("status", "--prometheus", "--output", "trcpoints.prom")
    assert (document["schema"], document["format"]) == ("trcpoints.output/1", "prometheus")
    assert document["records"] == sum(line[0] != "#" for line in file.read_text().splitlines())
    assert [path.name for path in cli.folder.iterdir()] == ["trcpoints.prom"]


def test_metrics_without_the_library(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    result = cli("status", "--prometheus", "--output", "trcpoints.prom")
    assert result.code == 78
    assert "pip install 'trcpoints[prometheus]'" in result.err
    assert not list(cli.folder.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        ("--check", "--prometheus"),
        ("--output", "file"),
        ("--prometheus", "--json"),
    ],
)
def test_options_that_do_not_go_together(sqlite_cli: Cli, options: tuple[str, ...]) -> None:
    assert sqlite_cli("status", *options).code == 2


def test_a_hostile_error_reaches_no_terminal(cli: Cli, mee6: SimulatedMee6) -> None:
    running(cli, mee6)
    with misbehaving(mee6, Fault.UNAUTHORIZED), time_machine.travel(NOON, tick=False):
        assert cli("sync").code == 69
    books.change_runs(cli, error_message="two\nlines \x1b[31m\u202e [bold]")
    for options in ([], ["--check"]):
        _, shown = said(cli, *options)
        assert "two lines \ufffd[31m\ufffd [bold]" in shown
        assert "\x1b" not in shown


def test_no_secret_is_shown(sqlite_cli: Cli) -> None:
    sqlite_cli.environment["MEE6_AUTH_TOKEN"] = "hush-hush"
    assert "hush-hush" not in json.dumps(status(sqlite_cli)) + said(sqlite_cli)[1]


def test_json_loads_no_more_than_it_needs(sqlite_cli: Cli) -> None:
    code = (
        "import sys; from trcpoints.cli.main import main; main(['status', '--json']);"
        "print(*sorted({'rich', 'requests', 'psycopg', 'prometheus_client', 'urllib3', 'backoff'}"
        " & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=sqlite_cli.folder,
        env=sqlite_cli.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "\n"
    assert json.loads(done.stdout)["schema"] == "trcpoints.status/1"


def test_the_screen_fits_a_terminal(sqlite_cli: Cli) -> None:
    leader, follower = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "trcpoints", "status"],
        cwd=sqlite_cli.folder,
        env={**sqlite_cli.environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
        stdin=subprocess.DEVNULL,
        stdout=follower,
        check=True,
    )
    os.close(follower)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", os.read(leader, 65536).decode()).replace("\r", "")
    os.close(leader)
    assert shown.startswith("2 problems\n")
    assert len(shown.splitlines()) < 24
    assert all(len(line) <= 80 for line in shown.splitlines())


class Statements(logging.Handler):
    """What peewee says at DEBUG: each statement with its parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.msg)


def test_counting_reads_no_member(sqlite_cli: Cli) -> None:
    """Whatever is counted of members, and found of runs, comes from an index."""
    logger, statements = logging.getLogger("peewee"), Statements()
    logger.addHandler(statements)
    logger.setLevel(logging.DEBUG)
    try:
        assert sqlite_cli("status").code == 0
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(statements)
    asked = [each for each in statements.seen if re.search(r'FROM "(member|run)"', each[0])]
    assert len(asked) == 11
    path = sqlite_cli.environment["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        for sql, parameters in asked:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            assert len(plan) == 1, plan
            assert " INDEX " in plan[0][3]


def test_an_unreachable_database_is_no_status(sqlite_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "none.db").write_text("nonsense, and long enough to be looked at " * 50)
    sqlite_cli.environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/none.db"
    for options in (["--json"], ["--check", "--json"], ["--prometheus", "--output", "x"]):
        assert sqlite_cli("status", *options).code == 74
    assert not list(sqlite_cli.folder.iterdir())
