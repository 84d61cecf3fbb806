"""A database that fails in the middle of a run: what is told, and what is left."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import books
from tests.support.asking import asking
from tests.support.cli import Cli, Result
from tests.support.mee6 import show
from tests.support.postgres import PostgresServer
from tests.support.suspended import suspended
from trcpoints.config import sqlite_path
from trcpoints.demo.server import SimulatedMee6

ANN = "101"
CROWD = [str(number) for number in range(1000, 3000)]


@pytest.fixture
def board(cli: Cli, mee6: SimulatedMee6) -> SimulatedMee6:
    """A board on which a member has 250 XP more than at the last sync."""
    _prepare(cli, mee6)
    return mee6


def _prepare(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync", "--sync-id", "first")
    show(mee6, {ANN: 1250})


@pytest.fixture(scope="module")
def own_server(postgres_binaries: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL that may be restarted."""
    server = PostgresServer.start(postgres_binaries)
    yield server
    server.stop()


def assert_told(result: Result, word: str = "database_unavailable") -> None:
    """The failure is one JSON document, without a traceback."""
    assert result.code == 74, result.json["error"]
    assert result.json["status"] == "failed"
    assert result.json["error"]["code"] == word
    assert result.json["error"]["hint"]
    assert result.json["points"] == {"awarded": 0, "deducted": 0, "net": 0}
    assert "Traceback" not in result.err


def assert_next_is_right(cli: Cli) -> None:
    assert cli.ok("sync", "--sync-id", "next")["points"]["awarded"] == 2
    assert books.ledger(cli, ANN) == [2]
    assert cli("points", "verify").code == 0
    assert cli.ok("db", "leases")["leases"] == []


def limited(cli: Cli, size: int, *arguments: str) -> Result:
    """Run a command that may not make files larger than this."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(
        [sys.executable, "-m", "trcpoints", *arguments],
        env=cli.environment,
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_a_file_that_cannot_grow(cli: Cli, board: SimulatedMee6) -> None:
    books.link(cli, CROWD)
    show(board, {ANN: 1250, **dict.fromkeys(CROWD, 10)})
    path = sqlite_path(cli.environment["DATABASE_URL"])
    assert path is not None
    before = books.everything(cli)
    result = limited(cli, 64 * 1024, "sync", "--sync-id", "full", "--json")
    assert_told(result)
    assert str(path) in result.json["error"]["message"]
    after = books.everything(cli)
    assert {**after, "Job": []} == {**before, "Job": []}
    assert cli.ok("sync", "--sync-id", "next")["points"]["awarded"] == 2
    assert cli("points", "verify").code == 0
    assert "running" not in [run.status for run in books.runs(cli)]


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_a_file_replaced_by_garbage(cli: Cli, board: SimulatedMee6) -> None:
    path = sqlite_path(cli.environment["DATABASE_URL"])
    assert path is not None
    kept = cli.folder / "kept.db"
    cli.ok("db", "backup", str(kept))
    path.write_bytes(b"not a database " * 1000)
    for command in (["sync"], ["streaks"], ["status"], ["db", "leases"], ["points", "verify"]):
        result = cli(*command, "--json")
        assert result.code == 74, (command, result)
        assert result.json["error"]["code"] == "database_unavailable"
        assert str(path) in result.json["error"]["message"]
        told = cli(*command)
        assert told.out == ""
        assert "Traceback" not in told.err
    path.write_bytes(kept.read_bytes())
    assert_next_is_right(cli)


@pytest.fixture
def own_board(cli: Cli, mee6: SimulatedMee6, own_server: PostgresServer) -> SimulatedMee6:
    """The same, with the books on a PostgreSQL of our own."""
    cli.environment["DATABASE_URL"] = own_server.create_database()
    _prepare(cli, mee6)
    return mee6


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_a_server_restarted_while_mee6_is_asked(
    cli: Cli, own_board: SimulatedMee6, own_server: PostgresServer
) -> None:
    with asking(cli, own_board, "--sync-id", "steady", "--json") as sync:
        own_server.restart()
        result = sync.end()
    assert result.code == 0, result
    assert result.json["points"]["awarded"] == 2
    assert {run.id: run.status for run in books.runs(cli)}["steady"] == "completed"
    assert books.ledger(cli, ANN) == [2]
    assert cli("points", "verify").code == 0
    assert cli.ok("db", "leases")["leases"] == []


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_a_server_restarted_in_the_transaction(
    cli: Cli, own_board: SimulatedMee6, own_server: PostgresServer
) -> None:
    with suspended(cli, ANN, before=1000, now=1250) as sync:
        own_server.restart()
        result = sync.end()
    assert_told(result)
    assert "server closed the connection" in result.json["error"]["message"]
    # The server was there again, so that the failure could be recorded.
    (cut,) = [run for run in books.runs(cli) if run.id == "suspended"]
    assert (cut.status, cut.error_code) == ("failed", "database_unavailable")
    assert_next_is_right(cli)


def end_other_connections(url: str) -> None:
    """End them as an administrator does, and return when they are gone."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {others}".encode())
        deadline = time.monotonic() + 10
        while connection.execute(f"SELECT 1 {others}".encode()).fetchone():
            assert time.monotonic() < deadline


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_a_connection_that_an_administrator_ends(cli: Cli, board: SimulatedMee6) -> None:
    with suspended(cli, ANN, before=1000, now=1250) as sync:
        end_other_connections(cli.environment["DATABASE_URL"])
        result = sync.end()
    assert_told(result)
    assert_next_is_right(cli)


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_a_server_that_stays_away(cli: Cli, mee6: SimulatedMee6, postgres_binaries: Path) -> None:
    server = PostgresServer.start(postgres_binaries)
    try:
        cli.environment["DATABASE_URL"] = server.create_database()
        _prepare(cli, mee6)
        with asking(cli, mee6, "--json") as sync:
            server.stop()
            result = sync.end()
    finally:
        server.stop()
    assert_told(result)
    assert "psql" in result.json["error"]["hint"]
    assert cli("sync", "--json").code == 74
