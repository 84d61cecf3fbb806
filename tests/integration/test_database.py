"""The database layer as an operator meets it (design, sections 6 and 10)."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from playhouse.schema_diff import diff_models

from tests.support.cli import Cli
from trcpoints.config import sqlite_path, sqlite_url
from trcpoints.db import engine, schema
from trcpoints.db.database import Access, connected, open_database
from trcpoints.db.models import MODELS, Member

READERS = [
    ("members", "list"),
    ("members", "export"),
    ("points", "history"),
    ("points", "verify"),
    ("db", "check"),
    ("status",),
    ("leaderboard",),
    ("backfill-dry-run", "--from", "-"),
    ("sync", "--dry-run", "--from", "-"),
]


def test_the_migrated_schema_is_the_declared_one(database_url: str) -> None:
    with open_database(database_url, Access.READ) as database:
        assert not diff_models(database, MODELS)


def test_db_upgrade_makes_a_database_and_can_be_repeated(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(tmp_path / "deep" / "folder" / "new.db")
    first = sqlite_cli.ok("db", "upgrade")
    assert first["applied"] == [
        "0001_members_and_ledger",
        "0002_streaks",
        "0003_status",
        "0004_leases",
        "0005_federation",
        "0006_webhooks",
        "0007_holds",
        "0008_tracked_guild",
        "0009_saved_boards",
        "0010_outages",
    ]
    assert first["schema_version"] == 10
    assert sqlite_cli.ok("db", "upgrade")["applied"] == []
    assert sqlite_cli.ok("db", "check")["schema_version"] == 10


def test_a_sqlite_file_is_for_its_owner_only(sqlite_cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "new.db"
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(path)
    sqlite_cli.ok("members", "add", "--name", "Ann")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_who_only_reads_asks_for_an_upgrade(cli: Cli, command: tuple[str, ...]) -> None:
    with connected(cli.environment["DATABASE_URL"], Access.WRITE) as database:
        database.execute_sql(f"DELETE FROM {schema.TABLE}")
    result = cli(*command, "--json")
    assert result.code == 78
    assert result.json["error"]["code"] == "schema_outdated"
    assert "trcpoints db upgrade" in result.json["error"]["hint"]


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_who_only_reads_makes_no_file(
    sqlite_cli: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / "missing.db"
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(path)
    assert sqlite_cli(*command).code == 78
    assert not path.exists()


@pytest.mark.parametrize("command", [*READERS, ("db", "upgrade"), ("members", "add")], ids=" ".join)
def test_a_newer_database_is_refused(cli: Cli, command: tuple[str, ...]) -> None:
    with connected(cli.environment["DATABASE_URL"], Access.WRITE) as database:
        database.execute_sql(
            f"INSERT INTO {schema.TABLE} (name, applied) "
            "VALUES ('0999_from_the_future', '2030-01-01')"
        )
    result = cli(*command, "--json")
    assert result.code == 78
    assert result.json["error"]["code"] == "schema_newer"
    assert "pip install --upgrade" in result.json["error"]["hint"]
    with connected(cli.environment["DATABASE_URL"], Access.READ):
        assert Member.select().count() == 0


def test_reading_is_enforced_by_the_engine(database_url: str) -> None:
    with (
        pytest.raises(Exception, match=r"read-?only|cannot be written"),
        open_database(database_url, Access.READ),
    ):
        Member.delete().execute()


def test_two_first_commands_upgrade_once(sqlite_cli: Cli, tmp_path: Path) -> None:
    for round_number in range(5):
        url = sqlite_url(tmp_path / f"race-{round_number}.db")
        first, *others = [
            sqlite_cli.start("db", "upgrade", "--json", env={"DATABASE_URL": url}) for _ in range(4)
        ]
        codes = [process.wait(timeout=60) for process in (first, *others)]
        for process in (first, *others):
            process.communicate()
        assert codes == [0, 0, 0, 0]
        assert sqlite_cli("db", "check", env={"DATABASE_URL": url}).code == 0


def test_a_locked_database_is_waited_for_then_left(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT", 0.5)
    url = cli.environment["DATABASE_URL"]
    with open_database(url, Access.WRITE) as other, other.books():
        Member.update(name="locked").execute()
        result = cli("members", "add", "--name", "Ann", "--json")
    assert result.code == 75
    assert result.json["error"]["code"] == "database_locked"
    assert cli.ok("members", "add", "--name", "Ann")
    assert cli.ok("members", "list")["total"] == 1


def test_another_program_that_is_done_in_time_is_no_failure(sqlite_cli: Cli) -> None:
    path = sqlite_path(sqlite_cli.environment["DATABASE_URL"])
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = sqlite_cli.start("members", "add", "--name", "Ann", "--json")
    # It has begun to wait as soon as it has the file open.
    while waiting.poll() is None and not _has_open(waiting.pid, path):
        pass
    other.execute("COMMIT")
    other.close()
    out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, err) == (0, b""), out


def _has_open(pid: int, path: Path) -> bool:
    links = Path(f"/proc/{pid}/fd")
    try:
        return any(link.resolve() == path.resolve() for link in links.iterdir())
    except FileNotFoundError:
        return False


def test_a_file_that_is_no_database(sqlite_cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "garbage.db"
    path.write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    before = path.read_bytes()
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(path)
    for command in (("members", "add", "--name", "Ann"), ("members", "list"), ("db", "check")):
        result = sqlite_cli(*command)
        assert result.code == 74
        assert "is not a SQLite database" in result.err
    assert path.read_bytes() == before


def test_a_damaged_database(sqlite_cli: Cli) -> None:
    path = sqlite_path(sqlite_cli.environment["DATABASE_URL"])
    assert path is not None
    sqlite_cli.ok("members", "add", "--name", "Ann")
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    result = sqlite_cli("db", "check")
    assert result.code == 74
    assert "damaged" in result.err


def test_a_folder_that_cannot_be_made(sqlite_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(tmp_path / "file" / "books.db")
    result = sqlite_cli("members", "add", "--name", "Ann")
    assert result.code == 74
    assert "DATABASE_URL" in result.err


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:secret-word@127.0.0.1:1/nowhere",
        "postgresql://someone:secret-word@/nowhere?host=/nonexistent",
    ],
)
@pytest.mark.parametrize("command", ["list", "export"])
def test_postgresql_is_down(sqlite_cli: Cli, url: str, command: str) -> None:
    for options in ((), ("--json",), ("-vv",)):
        result = sqlite_cli("members", command, *options, env={"DATABASE_URL": url})
        assert result.code == 74
        assert "secret-word" not in result.out + result.err
        assert "Traceback" not in result.err


def test_an_address_that_libpq_cannot_read(sqlite_cli: Cli) -> None:
    url = "postgresql://someone:secret-word@host/db?nonsense=1"
    result = sqlite_cli("members", "list", env={"DATABASE_URL": url})
    assert result.code == 78
    assert "DATABASE_URL" in result.err
    assert "secret-word" not in result.err
