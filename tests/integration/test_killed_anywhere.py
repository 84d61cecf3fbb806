"""Killed with SIGKILL at any write or commit and run again: the books of an undisturbed run."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.support.postgres import PostgresServer
from tests.support.warm import Ended, Warm
from trcpoints.config import sqlite_path, sqlite_url
from trcpoints.demo.server import SimulatedMee6

CopyOf = Callable[[str], str]
TIMES = {
    *("synced_at", "occurred_at", "created_at", "updated_at", "left_at", "last_active_at"),
    *("known_at", "held_at", "began_at", "accepted_at", "ended_at"),
}
GUILD = "993536706509885777"
TODAY = datetime.now(UTC)


NEXT = {
    "101": 1990,
    "102": 640,
    "103": 1111,
    "104": 5000,
    "105": 1000,
    "106": 9000,
    "108": 700,
    "109": 7000,
}
"""One gains, one loses, one returns, one leaves, one falls quiet, one is baselined by hand, one is
seen for the first time, one is held, and of one it is booked what was held and accepted."""

JOBS = ["sync", "saved sync", "failing sync", "cooling down", "streaks"]
COMMANDS = [
    *("points award", "points import", "late import", "members import"),
    *("excuse", "rebuild", "prune"),
]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """Starts processes quickly."""
    with Warm() as started:
        yield started


def saved_board(path: Path, xp: dict[str, int]) -> str:
    """Write a leaderboard to sync `--from`."""
    players = [{"id": player, "username": player, "xp": value} for player, value in xp.items()]
    path.write_text(json.dumps({"guild": {"id": GUILD}, "page": 0, "players": players}))
    return str(path)


@pytest.fixture
def prepared(cli: Cli, tmp_path: Path) -> Cli:
    """Members with every kind of past: tracked, quiet, away, with points, and unseen."""
    board = tmp_path / "board.json"
    # Two runs differ in time; what is held should not.
    cli.environment["MEE6_MAX_GAIN"] = "1000"
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
    second = {**first, "101": 1250, "102": 940, "106": 9000}
    del second["103"]
    cli.ok("sync", "--from", saved_board(board, second))
    cli.ok("members", "rebaseline", "discord:104")
    cli.ok("members", "accept", "discord:106")
    return cli


EVERY = [pytest.param(29, id="29th step"), pytest.param(1, id="step", marks=pytest.mark.slow)]


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


def a_job(kind: str, cli: Cli, mee6: SimulatedMee6, folder: Path) -> list[str]:
    """A command that runs a job."""
    if kind == "streaks":
        return ["streaks", "--json"]
    if kind == "saved sync":
        board = saved_board(folder / "next.json", NEXT)
        return ["sync", "--from", board, "--sync-id", "tick", "--json"]
    show(mee6, {} if kind == "failing sync" else NEXT)
    if kind == "cooling down":
        books.change_job(cli, "sync", cooldown_until=TODAY + timedelta(hours=1))
    return ["sync", "--sync-id", "tick", "--json"]


def a_command(kind: str, cli: Cli, folder: Path) -> list[str]:
    """A command that writes and is no job."""
    if kind == "points award":
        options = ["--points", "7", "--source", "intro", "--key", "k1"]
        return ["points", "award", "discord:101", *options]
    if kind == "prune":
        books.change_runs(cli, started_at=TODAY - timedelta(days=500))
        return ["history", "prune", "--keep", "400d"]
    if kind == "rebuild":
        cli.ok("streaks")
        books.change_member(cli, "101", current_streak=99)
        return ["streaks", "rebuild"]
    if kind == "excuse":
        cli.ok("streaks")
        days = [TODAY - timedelta(days=back) for back in range(2, 6)]
        day = next(day for day in days if day.weekday() < 5)
        return ["streaks", "excuse", f"{day:%Y-%m-%d}", "--reason", "a holiday"]
    if kind == "members import":
        lines = [f"{number},new name {number}" for number in range(105, 115)]
        return ["members", "import", table(folder, "discord_id,name", lines)]
    if kind == "points import":
        lines = [f"discord:{number},5,download,d{number}" for number in range(101, 106)]
        return ["points", "import", table(folder, "member,points,source,key", lines)]
    cli.ok("streaks")
    lines = [
        f"discord:{number},5,download,{number}-{back},{TODAY - timedelta(days=back):%Y-%m-%d}"
        for number in (102, 104, 106)
        for back in range(2, 6)
    ]
    return ["points", "import", table(folder, "member,points,source,key,at", lines)]


def table(folder: Path, head: str, lines: list[str]) -> str:
    """Write a file to import."""
    file = folder / "rows.csv"
    file.write_text("\n".join([head, *lines]))
    return str(file)


def timeless(tables: dict[str, books.Rows]) -> dict[str, list[dict[str, Any]]]:
    """The rows without their times, and without ids that a rolled-back insert may have used up.

    A job that remembers nothing is as good as none.
    """
    dropped = {name: {*TIMES, "id"} for name in tables}
    dropped["Job"] = {"last_completed_at", "last_completed_run"}
    dropped["Milestone"] = {"id", "run_id"}
    return {
        table: [
            {k: v for k, v in row.items() if k not in dropped[table]}
            | ({"gone": row["left_at"] is not None} if table == "Member" else {})
            for row in rows
            if table != "Job" or any(row[k] for k in row.keys() - dropped["Job"] - {"name"})
        ]
        for table, rows in tables.items()
    }


def remains(cli: Cli, command: list[str]) -> object:
    """What a command leaves in the database, but for times and its own record."""
    pruned = [run.id for run in books.runs(cli)] if command[0] == "history" else []
    return timeless(books.everything(cli)), pruned


def assert_nothing_hangs(cli: Cli) -> None:
    """No lease is held, and no run is told to be under way."""
    assert cli.ok("db", "leases")["leases"] == []
    assert "running" not in [run.status for run in books.runs(cli)]


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("kind", [*JOBS, *COMMANDS])
def test_the_next_run_gives_the_books_of_an_undisturbed_one(
    prepared: Cli,
    mee6: SimulatedMee6,
    copy_of: CopyOf,
    warm: Warm,
    tmp_path: Path,
    kind: str,
    every: int,
) -> None:
    if kind in JOBS:
        command = a_job(kind, prepared, mee6, tmp_path)
    else:
        command = a_command(kind, prepared, tmp_path)

    def disturbed(at: int) -> Ended:
        return warm.run([command], prepared.folder, prepared.environment, at=at)[0]

    origin = prepared.environment["DATABASE_URL"]
    prepared.environment["DATABASE_URL"] = copy_of(origin)
    undisturbed = disturbed(0)
    expected = remains(prepared, command)
    prepared(*command)
    repeated = remains(prepared, command)
    steps = int(undisturbed.err.splitlines()[-1])
    assert steps >= 4

    for at in range(1, steps + 1, every):
        prepared.environment["DATABASE_URL"] = copy_of(origin)
        assert disturbed(at).code == -signal.SIGKILL, at
        if kind != "rebuild":
            assert prepared("points", "verify").code == 0, at
        # Failures are counted: to have failed before, and to tell it, makes two.
        had_failed = "failed" in [run.status for run in books.runs(prepared)]
        assert prepared(*command).code == undisturbed.code, at
        assert remains(prepared, command) == (repeated if had_failed else expected), at
        assert_nothing_hangs(prepared)


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("kind", JOBS)
def test_a_signal_anywhere_leaves_a_record_that_is_true(
    prepared: Cli,
    mee6: SimulatedMee6,
    copy_of: CopyOf,
    warm: Warm,
    tmp_path: Path,
    kind: str,
    every: int,
) -> None:
    command = a_job(kind, prepared, mee6, tmp_path)
    origin = prepared.environment["DATABASE_URL"]
    past = {run.id for run in books.runs(prepared)}
    before = timeless(books.everything(prepared))
    prepared.environment["DATABASE_URL"] = copy_of(origin)
    (undisturbed,) = warm.run([command], prepared.folder, prepared.environment, at=0)
    after = timeless(books.everything(prepared))
    prepared(*command)
    repeated = timeless(books.everything(prepared))
    told = undisturbed.json["status"]

    for at in range(1, int(undisturbed.err.splitlines()[-1]) + 1, every):
        prepared.environment["DATABASE_URL"] = copy_of(origin)
        (stopped,) = warm.run(
            [command], prepared.folder, prepared.environment, at=at, number="TERM"
        )
        assert stopped.code == 128 + signal.SIGTERM, (at, stopped)
        document = stopped.json
        assert document["status"] in {told, "interrupted"}, at
        is_done = document["status"] == told
        assert timeless(books.everything(prepared)) == (after if is_done else before), at
        run_id = document.get("sync_id") or document.get("run_id")
        known = [(run.id, run.status) for run in books.runs(prepared) if run.id not in past]
        # Where the signal came before the run could be recorded, there is no record.
        assert known == [(run_id, document["status"])] or (not known and not is_done), at
        assert_nothing_hangs(prepared)
        assert prepared(*command).code == undisturbed.code, at
        assert timeless(books.everything(prepared)) == (repeated if is_done else after), at
