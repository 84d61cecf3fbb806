"""`trcpoints doctor`: settings, database, leases and alerts; each fault with its way on."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.doctor import ANN, checks, set_up, statuses
from tests.support.http_sink import HttpSink
from tests.support.mee6 import show
from trcpoints.config import sqlite_path
from trcpoints.db import engine
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Lease
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.jobs.owner import this_process

SECRET = "S3CRETS3CRET"
ALERTS = ["sentry", "notifications", "pings"]
OF_A_FILE = ["disk", "permissions"]
OF_THE_BOOKS = ["last_runs", "leases"]


def file_of(cli: Cli) -> Path | None:
    return sqlite_path(cli.environment["DATABASE_URL"])


def the_file(cli: Cli) -> Path:
    file = file_of(cli)
    assert file is not None
    return file


def behind_its_back(cli: Cli, statement: str) -> None:
    """Run a statement by the engine's own driver."""
    if file_of(cli):
        with closing(sqlite3.connect(the_file(cli))) as connection:
            connection.execute(statement)
            connection.commit()
    else:
        with psycopg.connect(cli.environment["DATABASE_URL"]) as server:
            server.execute(statement.encode())


def leases_taken(cli: Cli, *, minutes: float, pid: int | None = None, name: str = "sync") -> None:
    """A run that this process, or one that is gone, began some time ago."""
    now = datetime.now(UTC)
    us = this_process(None)._asdict()
    owner = us if pid is None else {**us, "pid": pid, "process_started": "1"}
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE):
        Lease.insert(
            name=name,
            token="t",
            run_id="run-1",
            acquired_at=now - timedelta(minutes=minutes),
            heartbeat_at=now,
            **owner,
        ).execute()


def test_all_is_well(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    found = statuses(checks(cli))
    told_no_time = ["clock"] if file_of(cli) else []
    not_set_up = [*ALERTS, "federation"]
    assert found.pop("skipped") == [
        "env_file", *([] if file_of(cli) else OF_A_FILE), *told_no_time, *not_set_up
    ]  # fmt: skip
    assert list(found) == ["ok"]


def test_it_leaves_nothing_behind(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    before = (books.everything(cli), len(books.runs(cli)), sorted(cli.folder.rglob("*")))
    beside = sorted(file.parent.iterdir()) if (file := file_of(cli)) else None
    checks(cli)
    assert (books.everything(cli), len(books.runs(cli)), sorted(cli.folder.rglob("*"))) == before
    assert (sorted(file.parent.iterdir()) if file else None) == beside


def test_a_person_sees_a_line_for_each_check(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    well = cli("doctor")
    assert (well.code, well.err) == (0, "")
    assert re.search(r"^ok +configuration +Every setting is valid", well.out, re.MULTILINE)
    assert well.out.rstrip().endswith("All is well.")
    mee6.misbehave(Fault.UNAUTHORIZED)
    ill = cli("doctor")
    assert ill.code == 69
    assert re.search(r"^FAULT +mee6 +The MEE6 .* is not public \(401\)\.", ill.out, re.MULTILINE)
    assert re.search(r"^ +-> On mee6\.xyz", ill.out, re.MULTILINE)
    assert re.search(r"^skip +members +The leaderboard was not read", ill.out, re.MULTILINE)
    assert "1 fault." in ill.out


def test_quiet_tells_faults_only(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    cli.environment["TRCPOINTS_TRIGGER"] = "manual"
    books.change_runs(cli, trigger="manual")
    assert statuses(checks(cli))["warning"] == ["last_runs"]
    result = cli("doctor", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")
    mee6.misbehave(Fault.NOT_FOUND)
    cli.environment["SENTRY_DSN"] = SECRET
    result = cli("doctor", "--quiet")
    assert (result.code, result.out) == (78, "")
    first, second = result.err.splitlines()
    assert "error: configuration: 1 setting is wrong" in first
    assert "mee6: MEE6 knows no guild" in second
    assert " -> Check MEE6_GUILD_ID" in second
    assert SECRET not in result.err


def test_every_setting_is_wrong(cli: Cli) -> None:
    wrong = [
        "DATABASE_URL", "MEE6_GUILD_ID", "DISCORD_GUILD_ID", "MEE6_SYNC_ENABLED", "MEE6_API_BASE",
        "MEE6_PAGE_SIZE", "MEE6_RETRY_BASE", "MEE6_REQUEST_INTERVAL", "SENTRY_DSN",
        "SENTRY_ENVIRONMENT", "TRCPOINTS_NOTIFY_URLS", "TRCPOINTS_PING_URL_SYNC",
        "TRCPOINTS_PING_URL_STREAKS", "TRCPOINTS_TRIGGER", "TRCPOINTS_LOG_FORMAT",
    ]  # fmt: skip
    cli.environment |= dict.fromkeys(wrong, f"{SECRET} /")
    found = checks(cli, code=78)
    first, *lines = found["configuration"]["message"].splitlines()
    assert first == f"{len(wrong)} settings are wrong:"
    assert {line.strip().partition(":")[0] for line in lines} == set(wrong)
    assert statuses(found)["fault"] == ["configuration"]
    for name in ("database", "schema", *OF_A_FILE, "writing", "mee6", "members", *ALERTS):
        assert found[name]["status"] == "skipped"
        assert found[name]["message"] == "Its settings are wrong: see configuration."
    for name in OF_THE_BOOKS:
        assert found[name]["message"] == "The database was not read."
    for options in ([], ["--quiet"], ["--json"], ["-vv"]):
        result = cli("doctor", *options)
        assert SECRET not in result.out + result.err
        assert all(name in result.out + result.err for name in wrong)


def test_quiet_tells_several_wrong_settings_apart(cli: Cli) -> None:
    cli.environment |= {"MEE6_PAGE_SIZE": "x", "MEE6_GUILD_ID": "y"}
    (line,) = [x for x in cli("doctor", "-q").err.splitlines() if "configuration" in x]
    message = checks(cli, code=78)["configuration"]["message"]
    first, second, third = (x.strip() for x in message.splitlines())
    assert f"{first} {second}; {third} -> " in line


def test_one_wrong_setting_hides_nothing_else(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    cli.environment["TRCPOINTS_NOTIFY_URLS"] = "x"
    found = checks(cli, code=78)
    assert statuses(found)["fault"] == ["configuration"]
    assert found["notifications"]["message"].startswith("Its settings are wrong")
    assert (found["mee6"]["status"], found["writing"]["status"]) == ("ok", "ok")


def test_no_guild_is_set(cli: Cli) -> None:
    found = checks(cli, code=78)
    assert "MEE6_GUILD_ID: is not set" in found["configuration"]["message"]
    assert statuses(found)["fault"] == ["configuration"]
    cli.environment["MEE6_SYNC_ENABLED"] = "false"
    found = checks(cli)
    assert "MEE6_SYNC_ENABLED" in found["mee6"]["message"]
    assert "sync" not in found["last_runs"]["message"]


def test_an_env_file_that_cannot_be_read(cli: Cli) -> None:
    found = checks(cli, "--env-file", "none.env", code=78)
    assert "none.env cannot be read" in found["configuration"]["message"]
    judged = {x for names in map(statuses(found).get, ("ok", "warning")) for x in names or ()}
    assert judged <= {"cron", "time_zone"}


def test_there_is_no_database_yet(sqlite_cli: Cli) -> None:
    the_file(sqlite_cli).unlink()
    with SimulatedMee6() as mee6:
        show(mee6, {ANN: 5})
        sqlite_cli.environment |= {"MEE6_API_BASE": mee6.api_base, "MEE6_GUILD_ID": mee6.guild_id}
        found = checks(sqlite_cli, code=78)
    assert found["database"]["hint"].endswith("make a new database, type: trcpoints db upgrade")
    assert [found[name]["status"] for name in ("schema", *OF_A_FILE, "writing")] == ["skipped"] * 4
    # A newcomer's guild is worth a look before there is a database.
    assert (found["mee6"]["status"], found["members"]["status"]) == ("ok", "warning")
    assert found["members"]["hint"] == "Import them: trcpoints members import FILE"
    assert not the_file(sqlite_cli).exists()


def test_an_older_and_a_newer_schema(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    behind_its_back(cli, "UPDATE schema_migration SET name = '9999_future' WHERE name LIKE '0001%'")
    found = checks(cli, code=78)
    assert "9999_future" in found["schema"]["message"]
    assert (found["database"]["status"], found["writing"]["status"]) == ("ok", "skipped")
    # Whether MEE6 wants a pause is not known, so it is left alone.
    assert found["mee6"]["message"] == "The database was not read."


def test_a_database_without_tables(sqlite_cli: Cli) -> None:
    the_file(sqlite_cli).write_bytes(b"")
    found = checks(sqlite_cli, code=78)
    assert "the file is empty" in found["database"]["message"]
    assert found["database"]["hint"].endswith("trcpoints db upgrade")
    assert found["schema"]["status"] == "skipped"
    assert the_file(sqlite_cli).stat().st_size == 0


@pytest.mark.parametrize(
    "url", [f"postgresql://u:{SECRET}@127.0.0.1:1/x", f"postgresql:///x?host=/no&password={SECRET}"]
)
def test_a_server_that_is_not_there(sqlite_cli: Cli, url: str) -> None:
    sqlite_cli.environment |= {"DATABASE_URL": url, "MEE6_GUILD_ID": "1234567"}
    found = checks(sqlite_cli, code=74)
    assert found["database"]["status"] == "fault"
    assert {found[x]["status"] for x in (*OF_THE_BOOKS, "schema", "mee6", "writing")} == {"skipped"}
    for option in ("--json", "-q", "-v"):
        result = sqlite_cli("doctor", option)
        assert SECRET not in result.out + result.err


def test_what_is_no_database(sqlite_cli: Cli) -> None:
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "no"
    the_file(sqlite_cli).write_text("nonsense, and a lot of it. " * 100)
    assert "is not a SQLite database" in checks(sqlite_cli, code=74)["database"]["message"]
    the_file(sqlite_cli).unlink()
    the_file(sqlite_cli).mkdir()
    assert "it is not a file" in checks(sqlite_cli, code=74)["database"]["message"]


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o444, 0o400, 0o777])
def test_a_file_with_another_mode(sqlite_cli: Cli, mode: int) -> None:
    """Root may write whatever the mode says; its owner is who matters."""
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "no"
    the_file(sqlite_cli).chmod(mode)
    check = checks(sqlite_cli, code=74)["permissions"]
    assert f"{mode:04o}" in check["message"]
    subprocess.run(shlex.split(check["hint"]), check=True)
    assert checks(sqlite_cli)["permissions"]["status"] == "ok"


def test_a_disk_with_less_room_than_the_database_has(sqlite_cli: Cli) -> None:
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "no"
    file = the_file(sqlite_cli)
    free = shutil.disk_usage(file.parent).free
    os.truncate(file, free // 2)  # a file with a hole, which takes no room
    assert checks(sqlite_cli)["disk"]["status"] == "ok"
    os.truncate(file, free + 10**9)
    check = checks(sqlite_cli, code=74)["disk"]
    assert "are free" in check["message"]
    assert f"df -h {file.parent}" in check["hint"]


def test_a_disk_that_takes_nothing(sqlite_cli: Cli) -> None:
    """Not even from root: a limit on the size of files."""
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "no"
    command = f"ulimit -f 0; exec {shlex.quote(sys.executable)} -m trcpoints doctor --quiet"
    done = subprocess.run(
        ["bash", "-c", command],
        env=sqlite_cli.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (74, "")
    assert "may be full" in done.stderr


@pytest.fixture
def reader(cli: Cli) -> Iterator[None]:
    """A user of PostgreSQL who may only read; on SQLite, a table that cannot be written."""
    url = cli.environment["DATABASE_URL"]
    if file_of(cli):
        behind_its_back(cli, "CREATE TRIGGER t AFTER INSERT ON job BEGIN DELETE FROM job; END")
        yield
        return
    name = f"reader_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}".encode())
        cli.environment["DATABASE_URL"] = url.replace("//postgres@", f"//{name}@")
        yield
        connection.execute(f"DROP OWNED BY {name}".encode())
        connection.execute(f"DROP ROLE {name}".encode())


@pytest.mark.usefixtures("reader")
def test_what_is_written_does_not_arrive(cli: Cli) -> None:
    cli.environment["MEE6_SYNC_ENABLED"] = "no"
    found = checks(cli, code=74)
    assert statuses(found)["fault"] == ["writing"]


def test_another_program_has_the_lock(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT", 0.3)
    cli.environment["MEE6_SYNC_ENABLED"] = "no"
    with books.locked(cli):
        found = checks(cli, code=75)
    assert statuses(found)["fault"] == ["writing"]


def test_a_run_that_is_at_work(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    leases_taken(cli, minutes=29)
    assert checks(cli)["leases"]["message"] == "At work: sync."


def test_a_run_that_hangs(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    leases_taken(cli, minutes=31)
    check = checks(cli, code=75)["leases"]
    assert f"31 minutes: process {os.getpid()} on " in check["message"]
    command = check["hint"].partition("trcpoints ")[2]
    cli.ok(*command.split())
    assert checks(cli)["leases"]["status"] == "ok"


def test_a_run_whose_process_is_gone(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    with subprocess.Popen(["true"]) as ended:
        pass
    leases_taken(cli, minutes=31, pid=ended.pid)
    check = checks(cli)["leases"]
    assert (check["status"], "gone" in check["message"]) == ("warning", True)
    assert check["hint"].endswith("trcpoints sync")


def test_a_federation_whose_process_is_gone(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    with subprocess.Popen(["true"]) as ended:
        pass
    leases_taken(cli, minutes=31, pid=ended.pid, name="federation:club/st-judes")
    check = checks(cli)["leases"]
    assert "federation:club/st-judes has been at work for 31 minutes" in check["message"]
    assert check["hint"].endswith("trcpoints federation retry")


def test_alerts_that_are_set_up(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    cli.environment |= {
        "SENTRY_DSN": f"http://{SECRET}@127.0.0.1:9/42",
        "TRCPOINTS_NOTIFY_URLS": f"json://127.0.0.1:9/{SECRET}",
        "TRCPOINTS_PING_URL_STREAKS": f"http://127.0.0.1:9/{SECRET}",
    }
    found = checks(cli)
    assert [found[name]["status"] for name in ALERTS] == ["ok"] * 3
    assert "project 42" in found["sentry"]["message"]
    assert SECRET not in str(found)
    # Nobody listens there.
    found = checks(cli, "--send-test", code=69)
    assert [found[name]["status"] for name in ALERTS] == ["fault"] * 3
    assert SECRET not in str(found)
    for name in ALERTS:
        assert re.search(r"[\w)]\.$", found[name]["message"]), found[name]["message"]


def test_who_has_taken_the_test_is_told_beside_who_has_not(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    with HttpSink() as sink:
        cli.environment["TRCPOINTS_NOTIFY_URLS"] = (
            f"json://127.0.0.1:{sink.port}/a xml://127.0.0.1:9/b nonesuch://x"
        )
        message = checks(cli, "--send-test", code=69)["notifications"]["message"]
    assert "json://… has taken the test." in message
    assert "xml://… did not take it." in message
    assert "nonesuch://… is an address that Apprise does not know." in message


def test_an_address_that_nobody_knows(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    cli.environment["TRCPOINTS_NOTIFY_URLS"] = f"json://127.0.0.1:9/ nonesuch://{SECRET}"
    found = checks(cli, code=78)
    assert "nonesuch" in found["notifications"]["message"]
    assert "TRCPOINTS_NOTIFY_URLS" in found["notifications"]["hint"]
    assert SECRET not in str(found)
