"""Moving a database to another engine, backing it up, and restoring it (design, section 9)."""

from __future__ import annotations

import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENGINES
from tests.support import books, queue
from tests.support.cli import Cli
from tests.support.history import write_runs
from tests.support.postgres import PostgresServer
from trcpoints.config import sqlite_path, sqlite_url
from trcpoints.db.backup import back_up
from trcpoints.db.database import Access, connected, open_database
from trcpoints.db.models import MODELS, Lease, Milestone, WebhookDelivery, WebhookRefusal

ANN, BOB, CID = "101", "102", "103"

# Runs `points award` over and over, and says so after each.
WRITER = """
import itertools
from trcpoints.cli.main import main
for number in itertools.count():
    line = ["points", "award", "discord:101", "--points", "1", "--source", "intro"]
    if main([*line, "--key", f"w-{number}", "--quiet"]) == 0:
        print(number, flush=True)
"""


@pytest.fixture(params=ENGINES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where to copy to: a file that is not there, or a PostgreSQL database without any table."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "new" / "target.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def filled(cli: Cli) -> Cli:
    """A program with something in each table, and texts that a careless copy would change."""
    people = "\n".join(
        [
            "discord_id,name,email",
            f'{ANN},"Ann \\N \\t ""O\'Hara"" 👩‍👩‍👧 ÅÖ %s {{}}",ann@example.org',
            f"{BOB},,",
            f"{CID},Cid,",
        ]
    )
    cli.ok("members", "import", "-", stdin=people)
    page = '{"guild":{"id":"993536706509885777"},"players":[{"id":"101","xp":%d}]}'
    for xp in (1000, 1250, 900, 9000):  # the last of which is held
        cli.ok("sync", "--from", "-", stdin=page % xp)
    cli.ok("points", "award", f"discord:{BOB}", "--points", "7", "--source", "intro", "--key", "k")
    unreachable = {"MEE6_GUILD_ID": "993536706509885777", "MEE6_API_BASE": "http://127.0.0.1:1"}
    assert cli("sync", env=unreachable).code == 69
    cli.ok("streaks", "excuse", "2026-12-25", "--reason", "Christmas Day")
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        Lease.create(
            name="streaks",
            token="t",
            run_id="r",
            host="h",
            namespace="",
            pid=1,
            process_started="2",
            machine="other",
            acquired_at=datetime.now(UTC),
            heartbeat_at=datetime.now(UTC),
        )
        # What takes five days to reach.
        Milestone.create(member=1, streak_since="2026-01-05", days=5, reached_on="2026-01-09")
    federate(cli)
    return cli


def federate(cli: Cli) -> None:
    """Sync a federation that does not agree with us, and let webhooks have come."""
    queue.configure(cli, ["st-judes"])
    file = queue.export(cli, "st-judes", ["Ann"])
    file.write_text("id,first,email\n1,Ann \\N,ann@example.org\n")
    cli.ok("members", "set", "1", "--first-name", "Annie", "--by", "eve \\. é")
    cli.ok("federation", "sync")
    # Backups are looked for in this folder, and nothing else.
    file.unlink()
    (cli.folder / cli.environment.pop("FEDERATION_CONFIG")).unlink()
    now = datetime.now(UTC)
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        WebhookDelivery.create(
            connector="club", form="headers", delivery_id="m", received_at=now, outcome="queued"
        )
        WebhookRefusal.create(connector="", reason="malformed", minute=now, count=2)


def everything(url: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    with open_database(url, Access.READ):
        return {
            model.__name__: [*model.select().order_by(model._meta.primary_key).dicts()]
            for model in MODELS
        }


def kept(url: str) -> dict[str, list[dict[str, Any]]]:
    """What a copy has of it: everything but the leases."""
    return {name: rows for name, rows in everything(url).items() if name != "Lease"}


def _assert_spelling_of_times(url: str) -> None:
    """SQLite compares times as text: they must all be spelt alike."""
    path = sqlite_path(url)
    if path is not None:
        connection = sqlite3.connect(path)
        times = connection.execute("SELECT created_at FROM ledger").fetchall()
        connection.close()
        assert times
        for (text,) in times:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text)


def at(cli: Cli, url: str) -> Cli:
    """The same program on another database."""
    return Cli(cli.folder, {**cli.environment, "DATABASE_URL": url})


def test_a_database_moves_to_either_engine(filled: Cli, target: str) -> None:
    source = filled.environment["DATABASE_URL"]
    before = everything(source)
    assert all(before.values()), "a table without a row shows nothing"
    document = filled.ok("db", "copy", "--to", target)
    assert everything(source) == before
    assert everything(target) == {**before, "Lease": []}
    assert "lease" not in document["tables"]
    assert document["verified"] is True
    assert {name: document["tables"][name] for name in ("member", "discord_activity", "run")} == {
        "member": 3,
        "discord_activity": 5,
        "run": 6,
    }
    _assert_spelling_of_times(target)
    moved = at(filled, target)
    assert moved.ok("points", "verify")["faults"] == []
    # New rows do not meet the ids that were copied.
    assert moved.ok("members", "add", "--name", "Dot")["member"]["member_id"] == "4"
    moved.ok("points", "award", "4", "--points", "1", "--source", "intro", "--key", "k2")
    page = '{"guild":{"id":"993536706509885777"},"players":[{"id":"101","xp":5000}]}'
    moved.ok("sync", "--from", "-", stdin=page)
    assert moved.ok("points", "verify")["members"] == 4


def test_who_is_at_work_here_is_not_at_work_in_the_copy(filled: Cli, target: str) -> None:
    write_runs(filled, [{"id": "r", "job": "streaks", "status": "running", "finished_at": None}])
    filled.ok("db", "copy", "--to", target)
    assert [run.status for run in books.runs(filled) if run.id == "r"] == ["running"]
    copy = at(filled, target)
    assert copy.ok("db", "leases")["leases"] == []
    run = copy.ok("history", "show", "r")["run"]
    assert (run["status"], run["finished_at"] is not None) == ("abandoned", True)


def test_a_job_that_is_at_work_here_waits_in_the_copy(filled: Cli, target: str) -> None:
    """Or nobody could sync that organization there until it was found to be stuck."""
    queue.execute(filled, "UPDATE federation_job SET status = 'running', finished_at = NULL")
    filled.ok("db", "copy", "--to", target)
    assert [job.status for job in queue.jobs(filled)] == ["running"]
    copy = at(filled, target)
    (job,) = queue.jobs(copy)
    assert (job.status, job.started_at, job.retry_count) == ("pending", None, 0)
    queue.configure(copy, ["st-judes"])
    queue.export(copy, "st-judes", ["Ann"])
    done = copy.ok("federation", "retry")
    assert ([run["job_id"] for run in done["runs"]], done["stuck"]) == (["1"], [])


def test_an_empty_database_can_be_copied(cli: Cli, target: str) -> None:
    assert set(cli.ok("db", "copy", "--to", target)["tables"].values()) == {0}
    assert at(cli, target).ok("members", "add", "--name", "Ann")["member"]["member_id"] == "1"


def test_a_target_with_rows_is_refused(filled: Cli, target: str) -> None:
    other = at(filled, target)
    other.ok("members", "add", "--name", "Was here before")
    before = everything(target)
    result = filled("db", "copy", "--to", target, "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "target_not_empty")
    assert "member" in result.json["error"]["message"]
    assert everything(target) == before


def test_a_target_with_other_tables_is_refused_and_left_alone(filled: Cli, target: str) -> None:
    with connected(target, Access.CREATE) as engine:
        engine.execute_sql("CREATE TABLE invoice (id INTEGER)")
    result = filled("db", "copy", "--to", target)
    assert result.code == 65
    assert "invoice" in result.err
    with connected(target, Access.READ) as engine:
        assert engine.get_tables() == ["invoice"]


def test_a_database_is_not_copied_into_itself(filled: Cli) -> None:
    url = filled.environment["DATABASE_URL"]
    before = everything(url)
    assert filled("db", "copy", "--to", url).code == 65
    assert everything(url) == before


def _trigger(url: str, action: str) -> None:
    """Make the last rows of the ledger fail, or vanish, as they are written."""
    what = {
        ("sqlite", "fail"): "SELECT RAISE(ABORT, 'no')",
        ("sqlite", "vanish"): "SELECT RAISE(IGNORE)",
        ("postgresql", "fail"): "RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'no room'",
        ("postgresql", "vanish"): "RETURN NULL",
    }
    with open_database(url, Access.CREATE) as engine:
        body = what[engine.name, action]
        if engine.name == "sqlite":
            engine.execute_sql(
                "CREATE TRIGGER broken BEFORE INSERT ON ledger WHEN new.points = 7 "
                f"BEGIN {body}; END"
            )
            return
        engine.execute_sql(
            f"CREATE FUNCTION broken() RETURNS trigger AS $$ BEGIN {body}; END $$ LANGUAGE plpgsql"
        )
        engine.execute_sql(
            "CREATE TRIGGER broken BEFORE INSERT ON ledger FOR EACH ROW WHEN (new.points = 7) "
            "EXECUTE FUNCTION broken()"
        )


@pytest.mark.parametrize("action", ["fail", "vanish"])
def test_a_copy_that_fails_leaves_the_target_empty(filled: Cli, target: str, action: str) -> None:
    _trigger(target, action)
    result = filled("db", "copy", "--to", target, "--json")
    assert result.code != 0
    if action == "vanish":
        assert result.code == 74
        assert "2 of 3 rows of ledger" in result.json["error"]["message"]
    assert not any(everything(target).values())
    with connected(target, Access.WRITE) as engine:
        on = "" if engine.name == "sqlite" else " ON ledger"
        engine.execute_sql(f"DROP TRIGGER broken{on}")
    assert filled.ok("db", "copy", "--to", target)["verified"] is True


@pytest.mark.parametrize("every", [23, pytest.param(2, marks=pytest.mark.slow)])
def test_a_copy_that_is_killed_leaves_the_target_empty(
    filled: Cli, target: str, every: int
) -> None:
    def run(step: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.support.killer",
                "KILL",
                str(step),
                "db",
                "copy",
                "--to",
                target,
            ],
            env=filled.environment,
            cwd=filled.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    with open_database(target, Access.CREATE):
        pass  # the schema is there: what is killed is the copying
    for step in range(2, 100, every):
        done = run(step)
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        rows = everything(target)
        if any(rows.values()):  # killed after the commit
            assert rows == {**everything(filled.environment["DATABASE_URL"]), "Lease": []}
            break
    assert step > 10
    assert len(everything(target)["Member"]) == 3


def test_books_that_do_not_add_up_are_copied_and_told(filled: Cli, target: str) -> None:
    books.change_member(filled, ANN, points=99)
    result = filled("db", "copy", "--to", target, "--json")
    assert result.code == 65
    assert (result.json["schema"], result.json["status"]) == ("trcpoints.db.copy/1", "failed")
    assert result.json["verified"] is False
    assert "Everything was copied" in result.json["error"]["message"]
    assert kept(target) == kept(filled.environment["DATABASE_URL"])


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:secret-word@host/name",
        "postgresql://someone@host/name?password=secret-word",
        "mysql://host/name",
        "sqlite:///:memory:",
    ],
)
def test_an_address_that_is_not_taken(sqlite_cli: Cli, url: str) -> None:
    result = sqlite_cli("db", "copy", "--to", url)
    assert result.code == 2
    assert "secret-word" not in result.err + result.out
    if "secret-word" in url:
        assert "~/.pgpass" in result.err


def test_a_target_that_is_down_is_named_as_it_was_typed(sqlite_cli: Cli) -> None:
    result = sqlite_cli("db", "copy", "--to", "postgresql:///nowhere?host=/nonexistent")
    assert result.code == 74
    assert "The database postgresql:///nowhere?host=/nonexistent cannot be used" in result.err


def test_without_a_source_there_is_no_target(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(tmp_path / "missing.db")
    assert sqlite_cli("db", "copy", "--to", sqlite_url(tmp_path / "target.db")).code == 78
    assert sqlite_cli("db", "backup", str(tmp_path / "backup.db")).code == 78
    assert {path.name for path in tmp_path.iterdir()} == {"work", "books.db"}


def test_a_damaged_source_is_the_one_that_is_named(sqlite_cli: Cli, tmp_path: Path) -> None:
    source = sqlite_path(sqlite_cli.environment["DATABASE_URL"])
    assert source is not None
    books.link(sqlite_cli, [str(number) for number in range(1000, 3000)])
    data = bytearray(source.read_bytes())
    # A page with rows: they can still be counted, by an index, but not read.
    page = data.index(b"member 2500") // 4096 * 4096
    data[page : page + 4096] = b"\xff" * 4096
    source.write_bytes(data)
    result = sqlite_cli("db", "copy", "--to", sqlite_url(tmp_path / "target.db"))
    assert result.code == 74
    assert f"{source} is damaged" in result.err


def test_a_backup_is_one_private_file_that_restores_into_either_engine(
    filled: Cli, target: str
) -> None:
    source = filled.environment["DATABASE_URL"]
    document = filled.ok("db", "backup", "backup.db")
    file = filled.folder / "backup.db"
    assert (document["output"], document["source"]) == ("backup.db", document["source"])
    assert document["size_bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in filled.folder.iterdir()] == ["backup.db"]
    assert file.read_bytes()[18:20] == b"\x01\x01"  # no write-ahead log: it can be read anywhere
    restored = at(filled, sqlite_url(file)).ok("db", "copy", "--to", target)
    assert restored["verified"] is True
    assert everything(target) == {**everything(source), "Lease": []}
    # A copy of the file is a database to go on with, too.
    shutil.copyfile(file, filled.folder / "plain.db")
    plain = at(filled, "sqlite:///plain.db")
    plain.ok("members", "add", "--name", "Dot")
    assert plain.ok("points", "verify")["members"] == 4


def test_a_backup_replaces_an_older_one(filled: Cli) -> None:
    filled.ok("db", "backup", "backup.db")
    filled.ok("members", "add", "--name", "Dot")
    assert filled("db", "backup", "backup.db", "-q").out == ""
    assert at(filled, "sqlite:///backup.db").ok("members", "list")["total"] == 4


def test_a_backup_is_of_one_moment(filled: Cli) -> None:
    """An award comes after the members were copied and before the ledger is."""
    awarded: list[str] = []

    def meanwhile(done: int, _total: int) -> None:
        key = f"at-{done}"
        filled.ok(
            *("points", "award", f"discord:{ANN}", "--points", "5"),
            *("--source", "intro", "--key", key),
        )
        awarded.append(key)

    back_up(filled.environment["DATABASE_URL"], filled.folder / "backup.db", meanwhile)
    assert len(awarded) > 2
    backup = at(filled, "sqlite:///backup.db").ok("points", "verify")
    assert backup["entries"] + len(awarded) == filled.ok("points", "verify")["entries"]


def test_backups_while_another_program_writes(filled: Cli) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER],
        cwd=filled.folder,
        env=filled.environment,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    try:
        seen = 0
        for number in range(5):
            writer.stdout.readline()
            filled.ok("db", "backup", f"{number}.db")
            verified = at(filled, f"sqlite:///{number}.db").ok("points", "verify")
            assert verified["entries"] > seen
            seen = verified["entries"]
    finally:
        writer.terminate()
        writer.communicate(timeout=30)
    assert filled.ok("points", "verify")["faults"] == []


def _itself(cli: Cli) -> str:
    path = sqlite_path(cli.environment["DATABASE_URL"])
    assert path is not None
    (cli.folder / "link.db").symlink_to(path)
    return "link.db"


def _folder(cli: Cli) -> str:
    (cli.folder / "folder").mkdir()
    return "folder"


def _live_books(cli: Cli) -> str:
    at(cli, "sqlite:///other.db").ok("db", "upgrade")
    return "other.db"


def _something_else(cli: Cli) -> str:
    (cli.folder / "notes.txt").write_text("do not lose these notes")
    return "notes.txt"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (_itself, "the database itself"),
        (_folder, "is not a file"),
        (_live_books, "not an older backup"),
        (_something_else, "not an older backup"),
        (lambda _: "missing/backup.db", "No such file or directory"),
        (lambda _: "/dev/null", "is not a file"),
    ],
)
def test_a_backup_goes_nowhere_that_it_would_do_harm(
    sqlite_cli: Cli, place: Callable[[Cli], str], reason: str
) -> None:
    file = place(sqlite_cli)
    before = everything(sqlite_cli.environment["DATABASE_URL"])
    result = sqlite_cli("db", "backup", file, "--json")
    assert (result.code, result.json["error"]["code"]) == (74, "output_failed")
    assert reason in result.json["error"]["message"]
    assert everything(sqlite_cli.environment["DATABASE_URL"]) == before


def test_a_backup_that_fails_leaves_the_old_one(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli.ok("members", "add", "--name", "Ann")
    sqlite_cli.ok("db", "backup", "backup.db")
    old = (sqlite_cli.folder / "backup.db").read_bytes()
    url = sqlite_cli.environment["DATABASE_URL"]
    source = sqlite3.connect(str(sqlite_path(url)))
    source.execute("PRAGMA ignore_check_constraints = 1")
    source.execute("UPDATE member SET carry = 1000")  # what the schema of the copy forbids
    source.commit()
    source.close()
    assert sqlite_cli("db", "backup", "backup.db").code != 0
    assert (sqlite_cli.folder / "backup.db").read_bytes() == old
    assert [path.name for path in sqlite_cli.folder.iterdir()] == ["backup.db"]
