"""A database that is not there: no command makes one but those that are meant to, and they say so.

A disk that was not mounted once gave empty books with exit 0, and backups of them.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.test_schema import CALLS, WITHOUT_DATABASE, Call, federate
from tests.support.cli import Cli, Result
from tests.support.doctor import checks
from tests.support.postgres import PostgresServer
from trcpoints.config import sqlite_path, sqlite_url

GUILD = "993536706509885777"
HINT = "To make a new database, type: trcpoints db upgrade"

CREATING = {
    "db upgrade": "db upgrade",
    "members import": "members import -",
    "members add": "members add --name Ann",
}
"""Those that make one at DATABASE_URL; `db copy` and `demo` make one elsewhere."""

OTHERS = [
    pytest.param(call, id=call.line)
    for command, calls in CALLS.items()
    if command not in {*CREATING, *WITHOUT_DATABASE, "schema", "crontab", "demo", "doctor"}
    for call in calls
]

NEW = "a new database was made: "


@dataclass(frozen=True)
class Nowhere:
    """The program where there is no database; `place` is how a person knows where that is."""

    cli: Cli
    place: str

    def run(self, line: str, stdin: str = "", **environment: str) -> Result:
        """Run a command line."""
        return self.cli(*line.split(), stdin=stdin, env=environment)

    def has_nothing(self) -> bool:
        """Whether there is still no database."""
        return self.run("db check").code == 78


@pytest.fixture
def nowhere(cli: Cli, request: pytest.FixtureRequest) -> Iterator[Nowhere]:
    """On each engine in turn: no file, and a database without tables."""
    cli.environment["MEE6_GUILD_ID"] = GUILD
    federate(cli)
    path = sqlite_path(cli.environment["DATABASE_URL"])
    if path is not None:
        path.unlink()
        yield Nowhere(cli, str(path))
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = cli.environment["DATABASE_URL"] = server.create_database()
    yield Nowhere(cli, url)
    server.drop_database(url)


def assert_refused(nowhere: Nowhere, result: Result) -> None:
    """The one document says where the database and the settings were looked for, and the way on."""
    error = result.json["error"]
    assert (result.code, error["code"], result.err) == (78, "schema_outdated", "")
    told = error["message"]
    assert f"There is no database at {nowhere.place}: " in told
    assert "DATABASE_URL is set in the environment" in told
    home = Path(nowhere.cli.environment["HOME"])
    for file in (nowhere.cli.folder / ".env", home / ".config" / "trcpoints" / ".env"):
        assert f"{file} (not found)" in told
    assert error["hint"].endswith(HINT)


@pytest.mark.parametrize("call", OTHERS)
@pytest.mark.slow_on_postgresql
def test_no_other_command_makes_one(nowhere: Nowhere, call: Call) -> None:
    (nowhere.cli.folder / "board.json").write_text("{}")
    assert_refused(nowhere, nowhere.run(f"{call.line} --json", call.stdin))
    assert nowhere.has_nothing()
    assert not (nowhere.cli.folder / "backup.db").exists()
    assert not (nowhere.cli.folder / "copy.db").exists()


@pytest.mark.parametrize("line", ["sync", "streaks", "status", "points verify"])
def test_a_person_is_told_the_same(nowhere: Nowhere, line: str) -> None:
    for options in ("", " --quiet"):
        result = nowhere.run(line + options)
        assert (result.code, result.out) == (78, "")
        assert f"There is no database at {nowhere.place}" in result.err
        assert f"{nowhere.cli.folder / '.env'} (not found)" in result.err
        assert result.err.endswith(f"{HINT}\n")


def test_the_doctor_says_the_same(nowhere: Nowhere) -> None:
    nowhere.cli.environment["MEE6_SYNC_ENABLED"] = "no"
    found = checks(nowhere.cli, code=78)
    check, error = found["database"], nowhere.run("status --json").json["error"]
    assert (check["message"], check["hint"]) == (error["message"], error["hint"])
    assert [found[name]["status"] for name in ("schema", "writing")] == ["skipped"] * 2
    assert nowhere.has_nothing()


@pytest.mark.parametrize("command", CREATING)
@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]], ids=" ".join)
@pytest.mark.slow_on_postgresql
def test_those_that_make_one_say_so(nowhere: Nowhere, command: str, options: list[str]) -> None:
    line = " ".join([CREATING[command], *options])
    result = nowhere.run(line, "discord_id,name\n101,Ann\n")
    assert (result.code, result.err.count("\n")) == (0, 1)
    assert result.err.endswith(f"{NEW}{nowhere.place}\n")
    assert bool(result.out) == (options != ["--quiet"])
    again = nowhere.run(line, "discord_id,name\n102,Bob\n")
    assert (again.code, again.err) == (0, "")


@pytest.mark.parametrize("command", CREATING)
@pytest.mark.slow_on_postgresql
def test_cron_makes_none(nowhere: Nowhere, command: str) -> None:
    result = nowhere.run(
        f"{CREATING[command]} --json", "discord_id,name\n101,Ann\n", TRCPOINTS_TRIGGER="scheduled"
    )
    assert_refused(nowhere, result)
    assert "while TRCPOINTS_TRIGGER is scheduled" in result.json["error"]["message"]
    assert nowhere.has_nothing()
    nowhere.cli.ok("db", "upgrade")
    nowhere.cli.environment["TRCPOINTS_TRIGGER"] = "scheduled"
    assert nowhere.run(CREATING[command], "discord_id,name\n101,Ann\n").code == 0


def test_the_log_as_json_has_it_too(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli.environment["TRCPOINTS_LOG_FORMAT"] = "json"
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(tmp_path / "new.db")
    line = json.loads(sqlite_cli("db", "upgrade", "-q").err)
    assert (line["level"], line["message"]) == ("notice", f"{NEW}{tmp_path / 'new.db'}")


def test_a_copy_is_a_new_database_and_a_backup_is_not(sqlite_cli: Cli) -> None:
    copy = sqlite_cli.folder / "copy.db"
    scheduled = {"TRCPOINTS_TRIGGER": "scheduled"}
    refused = sqlite_cli("db", "copy", "--to", sqlite_url(copy), env=scheduled)
    assert (refused.code, copy.exists()) == (78, False)
    made = sqlite_cli("db", "copy", "--to", sqlite_url(copy), "--quiet")
    assert (made.code, made.out, made.err.endswith(f"{NEW}{copy}\n")) == (0, "", True)
    saved = sqlite_cli("db", "backup", "backup.db", "--quiet", env=scheduled)
    assert (saved.code, saved.out, saved.err) == (0, "", "")


def test_the_demo_makes_its_own(sqlite_cli: Cli) -> None:
    refused = sqlite_cli("demo", "--database", "d.db", env={"TRCPOINTS_TRIGGER": "scheduled"})
    assert (refused.code, (sqlite_cli.folder / "d.db").exists()) == (78, False)
    made = sqlite_cli("demo", "--days", "1", "--members", "1", "--database", "d.db", "--quiet")
    assert (made.code, made.out) == (0, "")
    assert made.err.endswith(f"{NEW}{sqlite_cli.folder / 'd.db'}\n")


@pytest.mark.parametrize("line", ["sync", "status", "members export", "db backup b.db"])
def test_an_empty_file_is_none(sqlite_cli: Cli, line: str) -> None:
    path = sqlite_path(sqlite_cli.environment["DATABASE_URL"])
    assert path is not None
    path.write_bytes(b"")
    path.chmod(0o644)
    result = sqlite_cli(*line.split(), env={"MEE6_GUILD_ID": GUILD})
    assert result.code == 78
    assert f"There is no database at {path}: the file is empty." in result.err
    assert path.stat().st_size == 0
    made = sqlite_cli("db", "upgrade")
    assert (made.code, NEW in made.err) == (0, True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_programs_database_is_none(sqlite_cli: Cli, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id)")
    sqlite_cli.environment |= {"DATABASE_URL": sqlite_url(path), "MEE6_GUILD_ID": GUILD}
    for line in ("sync", "status"):
        result = sqlite_cli(line)
        assert (result.code, "none of the tables of trcpoints is there" in result.err) == (78, True)


def test_where_the_settings_were_found_is_said(sqlite_cli: Cli) -> None:
    del sqlite_cli.environment["DATABASE_URL"]
    home = Path(sqlite_cli.environment["HOME"])
    default = home / ".local" / "share" / "trcpoints"
    result = sqlite_cli("status")
    assert f"{default / 'trcpoints.db'}: the folder {default} is not there" in result.err
    assert "DATABASE_URL is not set, so this is the default." in result.err
    file = home / ".config" / "trcpoints" / ".env"
    file.parent.mkdir(parents=True)
    file.write_text("DATABASE_URL=sqlite:///books.db\n")
    result = sqlite_cli("status")
    assert f"no database at {sqlite_cli.folder / 'books.db'}: the file is not there" in result.err
    assert "The path is relative to the working directory." in result.err
    assert f"DATABASE_URL is set in {file}." in result.err
    assert f"{sqlite_cli.folder / '.env'} (not found), {file} (read)" in result.err
    file.unlink()
    assert sqlite_cli("db", "upgrade").err.endswith(f"{NEW}{default / 'trcpoints.db'}\n")


def test_who_has_no_settings_at_all_learns_where_they_were_looked_for(sqlite_cli: Cli) -> None:
    result = sqlite_cli("sync")
    assert (result.code, "MEE6_GUILD_ID: is not set" in result.err) == (78, True)
    assert f"{sqlite_cli.folder / '.env'} (not found)" in result.err
