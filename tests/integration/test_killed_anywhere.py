"""Killed with SIGKILL at any write or commit and run again: the books of an undisturbed run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli
from tests.support.postgres import PostgresServer
from trcpoints.config import sqlite_path, sqlite_url

CopyOf = Callable[[str], str]
TIMES = {"synced_at", "occurred_at", "created_at", "updated_at", "left_at", "last_active_at"}
GUILD = "993536706509885777"
TODAY = datetime.now(UTC)


def saved_board(path: Path, xp: dict[str, int]) -> str:
    """Write a leaderboard to sync `--from`."""
    players = [{"id": player, "username": player, "xp": value} for player, value in xp.items()]
    path.write_text(json.dumps({"guild": {"id": GUILD}, "page": 0, "players": players}))
    return str(path)


@pytest.fixture
def prepared(cli: Cli, tmp_path: Path) -> Cli:
    """Members with every kind of past: tracked, quiet, away, with points, and unseen."""
    board = tmp_path / "board.json"
    with time_machine.travel(TODAY - timedelta(days=12)):
        books.link(cli, [str(number) for number in range(101, 110)])
    lines = [
        f"discord:{number},1,intro,{number}-{back},{TODAY - timedelta(days=back):%Y-%m-%d}"
        for number in range(101, 105)
        for back in range(1, 11, number - 100)
    ]
    cli.ok("points", "import", "-", stdin="\n".join(["member,points,source,key,at", *lines]))
    first = {str(number): 1000 for number in range(101, 108)}
    cli.ok("sync", "--from", saved_board(board, first))
    second = {**first, "101": 1250, "102": 940}
    del second["103"]
    cli.ok("sync", "--from", saved_board(board, second))
    cli.ok("members", "rebaseline", "discord:104")
    return cli


@pytest.fixture
def copy_of(request: pytest.FixtureRequest, tmp_path: Path) -> CopyOf:
    """Makes a copy of a database, for one try."""
    tries = iter(range(1000))

    def copy(url: str) -> str:
        path = sqlite_path(url)
        if path is None:
            server: PostgresServer = request.getfixturevalue("postgres")
            return server.create_database(template=url)
        target = tmp_path / f"copy-{next(tries)}.db"
        target.write_bytes(path.read_bytes())
        return sqlite_url(target)

    return copy


@pytest.fixture(
    params=[
        *("sync", "failing sync", "points award", "points import", "members import"),
        *("streaks", "late import", "excuse"),
    ]
)
def command(prepared: Cli, request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """A command that writes."""
    if request.param == "streaks":
        return ["streaks"]
    if request.param == "excuse":
        prepared.ok("streaks")
        days = [TODAY - timedelta(days=back) for back in range(2, 6)]
        day = next(day for day in days if day.weekday() < 5)
        return ["streaks", "excuse", f"{day:%Y-%m-%d}", "--reason", "a holiday"]
    if request.param == "points award":
        options = ["--points", "7", "--source", "intro", "--key", "k1"]
        return ["points", "award", "discord:101", *options]
    rows = tmp_path / "rows.csv"
    if request.param == "points import":
        lines = [f"discord:{number},5,download,d{number}" for number in range(101, 106)]
        rows.write_text("\n".join(["member,points,source,key", *lines]))
        return ["points", "import", str(rows)]
    if request.param == "late import":
        prepared.ok("streaks")
        lines = [
            f"discord:{number},5,download,{number}-{back},{TODAY - timedelta(days=back):%Y-%m-%d}"
            for number in (102, 104, 106)
            for back in range(2, 6)
        ]
        rows.write_text("\n".join(["member,points,source,key,at", *lines]))
        return ["points", "import", str(rows)]
    if request.param == "members import":
        lines = [f"{number},new name {number}" for number in range(105, 115)]
        rows.write_text("\n".join(["discord_id,name", *lines]))
        return ["members", "import", str(rows)]
    # One gains, one loses, one returns, one leaves, one falls quiet, one is baselined by hand,
    # two are seen for the first time: one of them on the board, one not.
    board = {"101": 1990, "102": 640, "103": 1111, "104": 5000, "105": 1000, "106": 1000}
    path = saved_board(tmp_path / "next.json", {**board, "108": 700})
    if request.param == "failing sync":
        path = saved_board(tmp_path / "next.json", {})
    return ["sync", "--from", path, "--sync-id", "tick"]


def timeless(tables: dict[str, books.Rows]) -> dict[str, list[dict[str, Any]]]:
    """The rows without their times, and without ids that a rolled-back insert may have used up."""
    dropped = {name: {*TIMES, "id"} for name in tables}
    dropped["Job"] = {"last_completed_at", "last_completed_run"}
    dropped["Milestone"] = {"id", "run_id"}
    return {
        table: [
            {k: v for k, v in row.items() if k not in dropped[table]}
            | ({"gone": row["left_at"] is not None} if table == "Member" else {})
            for row in rows
        ]
        for table, rows in tables.items()
    }


def disturbed(
    cli: Cli, at: int, command: list[str], number: str = "KILL"
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process that gets a signal at a step."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.killer", number, str(at), *command],
        env=cli.environment,
        cwd=cli.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_next_run_gives_the_books_of_an_undisturbed_one(
    prepared: Cli, copy_of: CopyOf, command: list[str]
) -> None:
    origin = prepared.environment["DATABASE_URL"]
    prepared.environment["DATABASE_URL"] = copy_of(origin)
    undisturbed = disturbed(prepared, 0, command)
    expected = timeless(books.everything(prepared))
    steps = int(undisturbed.stderr.splitlines()[-1])
    assert steps >= 8

    for at in range(1, steps + 1):
        prepared.environment["DATABASE_URL"] = copy_of(origin)
        assert disturbed(prepared, at, command).returncode == -signal.SIGKILL, at
        assert prepared("points", "verify").code == 0, at
        assert prepared(*command).code == undisturbed.returncode, at
        assert timeless(books.everything(prepared)) == expected, at


def test_a_signal_anywhere_leaves_a_record_that_is_true(
    prepared: Cli, copy_of: CopyOf, tmp_path: Path
) -> None:
    board = saved_board(tmp_path / "next.json", {"101": 1990, "102": 640, "103": 1111, "108": 7})
    command = ["sync", "--from", board, "--accept-decrease", "--sync-id", "tick", "--json"]
    origin = prepared.environment["DATABASE_URL"]
    prepared.environment["DATABASE_URL"] = copy_of(origin)
    undisturbed = disturbed(prepared, 0, command)
    assert undisturbed.returncode == 0, undisturbed
    expected = timeless(books.everything(prepared))

    for at in range(1, int(undisturbed.stderr.splitlines()[-1]) + 1):
        prepared.environment["DATABASE_URL"] = copy_of(origin)
        stopped = disturbed(prepared, at, command, "TERM")
        assert stopped.returncode == 128 + signal.SIGTERM, (at, stopped)
        status = json.loads(stopped.stdout)["status"]
        booked = bool(
            [entry for entry in books.entries(prepared, "101") if entry.sync_id == "tick"]
        )
        assert (status == "completed") == booked, at
        known = [run.status for run in books.runs(prepared) if run.id == "tick"]
        # Where the signal came before the run could be recorded, there is no record.
        assert known in ([status], []), at
        assert prepared(*command).code == 0, at
        assert timeless(books.everything(prepared)) == expected, at
