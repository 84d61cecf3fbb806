"""A database engine that is too old is refused in words, before anything is made or changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.doctor import checks
from trcpoints.config import sqlite_url
from trcpoints.db import sqlite_version

COMMANDS = [("db", "upgrade"), ("members", "add", "--name", "Ann"), ("status",), ("demo",)]


@pytest.fixture
def old_sqlite(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.23.1")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 23, 1))
    return "This Python has SQLite 3.23.1; trcpoints needs SQLite 3.24 or newer."


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_old_sqlite_is_refused(
    sqlite_cli: Cli, tmp_path: Path, old_sqlite: str, command: tuple[str, ...]
) -> None:
    file = tmp_path / "new.db"
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(file)
    result = sqlite_cli(*command, "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "database_too_old")
    assert result.json["error"]["message"] == old_sqlite
    assert "sqlite3.sqlite_version" in result.json["error"]["hint"]
    assert not file.exists()


def test_doctor_says_that_sqlite_is_old(sqlite_cli: Cli, old_sqlite: str) -> None:
    sqlite_cli.environment["MEE6_GUILD_ID"] = "1"
    sqlite_cli.environment["MEE6_API_BASE"] = "http://127.0.0.1:1"
    found = checks(sqlite_cli, code=78)
    assert (found["database"]["status"], found["database"]["message"]) == ("fault", old_sqlite)
    assert found["writing"]["status"] == "skipped"


@pytest.mark.parametrize("version", [(3, 24, 0), (3, 37, 2), (3, 38, 0)])
def test_sqlite_from_the_oldest_on_is_taken(
    sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    sqlite_cli.ok("db", "upgrade")


def test_an_old_sqlite_without_json_functions_is_refused(
    sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.37.2")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    monkeypatch.setattr(sqlite_version, "_JSON_QUERY", "SELECT value FROM json_absent('[]')")
    result = sqlite_cli("status")
    assert result.code == 78
    assert "3.37.2) that was built without its JSON functions" in result.err


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_an_old_postgresql_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", 90624)
    told = "The PostgreSQL server is version 9.6; trcpoints needs 10 or newer."
    for command in COMMANDS[:-1]:
        result = cli(*command, "--json")
        assert (result.code, result.json["error"]["code"]) == (78, "database_too_old")
        assert result.json["error"]["message"] == told
        assert "pg_upgrade" in result.json["error"]["hint"]
    cli.environment["MEE6_GUILD_ID"] = "1"
    cli.environment["MEE6_API_BASE"] = "http://127.0.0.1:1"
    assert checks(cli, code=78)["database"]["message"] == told
