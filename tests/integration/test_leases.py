"""Leases: who may do a job, and what becomes of one whose holder died, hangs or was suspended."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import time_machine

from tests.support import books
from tests.support.asking import asking
from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.support.suspended import suspended
from trcpoints.config import sqlite_path, sqlite_url
from trcpoints.db import postgres
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Lease
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.errors import DatabaseLocked, DatabaseUnavailable

ANN = "101"
ELSEWHERE = {"TRCPOINTS_HOST_ID": "another-machine"}


@pytest.fixture
def board(cli: Cli, mee6: SimulatedMee6) -> SimulatedMee6:
    """A board on which a member has 250 XP more than at the last sync."""
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync", "--sync-id", "first")
    show(mee6, {ANN: 1250})
    return mee6


def ago(minutes: float) -> datetime:
    """So many minutes before now."""
    return datetime.now(UTC) - timedelta(minutes=minutes)


def statuses(cli: Cli) -> dict[str, str]:
    """How the runs of a test ended, by their ids."""
    return {run.id: run.status for run in books.runs(cli) if run.id != "first"}


def assert_next_takes_over(cli: Cli, *abandoned: str) -> None:
    assert cli.ok("sync", "--sync-id", "next")["points"]["awarded"] == 2
    assert statuses(cli) == {"next": "completed", **dict.fromkeys(abandoned, "abandoned")}
    assert all(run.finished_at is not None for run in books.runs(cli))
    assert books.ledger(cli, ANN) == [2]
    assert cli("points", "verify").code == 0
    assert cli.ok("db", "leases")["leases"] == []


def assert_next_must_wait(cli: Cli) -> None:
    result = cli("sync", "--json")
    assert (result.code, result.json["reason"]) == (75, "lease_held")


def test_who_is_at_work_is_told(cli: Cli, board: SimulatedMee6) -> None:
    with asking(cli, board, "--sync-id", "tick") as holder:
        pid = holder.process.pid
        refused = cli("sync")
        assert refused.code == 75
        assert f"sync is at work already: process {pid} on " in refused.err
        assert f"since {datetime.now(UTC):%Y-}" in refused.err
        assert "(run tick)" in refused.err
        assert "trcpoints db leases" in refused.err
        quiet = cli("sync", "--quiet")
        assert (quiet.code, quiet.out, quiet.err) == (75, "", "")
        assert_next_must_wait(cli)
        (held,) = cli.ok("db", "leases")["leases"]
        assert (held["lease"], held["run_id"], held["pid"], held["live"]) == (
            *("sync", "tick", pid),
            True,
        )
        shown = cli("db", "leases")
        assert "at work" in shown.out
        status = cli.ok("status")
        last = status["sync"]["last_run"]
        assert (last["run_id"], last["status"], last["finished_at"]) == ("tick", "running", None)
        # Another job does not wait for it.
        assert cli.ok("streaks")["status"] == "completed"
        assert holder.end().code == 0
    assert "tick" in statuses(cli)
    assert cli("db", "leases").out == "No job is at work.\n"
    # Those who met it are no runs.
    assert len(books.runs(cli)) == 3


@pytest.mark.parametrize("reaped", [True, False], ids=["gone", "zombie"])
def test_a_killed_holder_is_followed_at_once(cli: Cli, board: SimulatedMee6, reaped: bool) -> None:
    with asking(cli, board, "--sync-id", "killed") as holder:
        holder.process.kill()
        if reaped:
            holder.process.wait()
        else:
            os.waitid(os.P_PID, holder.process.pid, os.WEXITED | os.WNOWAIT)
        (held,) = cli.ok("db", "leases")["leases"]
        assert held["live"] is False
        assert "gone: the next run takes over" in cli("db", "leases").out
        assert_next_takes_over(cli, "killed")


def test_a_pid_that_another_process_has_now_is_no_holder(cli: Cli, board: SimulatedMee6) -> None:
    with asking(cli, board, "--sync-id", "killed") as holder:
        holder.process.kill()
        holder.process.wait()
        books.change_lease(cli, pid=os.getpid())
        assert_next_takes_over(cli, "killed")


@pytest.mark.parametrize("minutes", [31, -31], ids=["silent", "by a wrong clock"])
def test_on_another_machine_it_counts_as_gone_after_half_an_hour(
    cli: Cli, board: SimulatedMee6, minutes: int
) -> None:
    with asking(cli, board, "--sync-id", "killed", env=ELSEWHERE) as holder:
        holder.process.kill()
        holder.process.wait()
        assert_next_must_wait(cli)
        books.change_lease(cli, heartbeat_at=ago(minutes * 29 / 31))
        assert_next_must_wait(cli)
        books.change_lease(cli, heartbeat_at=ago(minutes))
        assert_next_takes_over(cli, "killed")


def test_who_was_suspended_past_its_lease_writes_nothing(cli: Cli, board: SimulatedMee6) -> None:
    with asking(cli, board, "--sync-id", "suspended", "--json") as holder:
        holder.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, holder.process.pid, os.WSTOPPED)
        assert_next_must_wait(cli)
        books.change_lease(cli, heartbeat_at=ago(31))
        assert_next_takes_over(cli, "suspended")
        late = holder.end()
    assert late.code == 75
    assert (late.json["status"], late.json["reason"]) == ("skipped", "lease_lost")
    assert late.json["points"]["awarded"] == 0
    assert statuses(cli) == {"suspended": "abandoned", "next": "completed"}
    assert books.ledger(cli, ANN) == [2]
    assert cli("points", "verify").code == 0


def server_ends_stuck_transactions(cli: Cli) -> None:
    """Do what PostgreSQL does by itself after `STUCK_AFTER`."""
    with psycopg.connect(cli.environment["DATABASE_URL"], autocommit=True) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        ).fetchall()
    assert ended == [(True,)]


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_who_was_suspended_in_its_transaction_too_long_writes_nothing(
    cli: Cli, board: SimulatedMee6
) -> None:
    with suspended(cli, ANN, before=1000, now=1250) as sync:
        assert_next_must_wait(cli)
        server_ends_stuck_transactions(cli)
        books.change_lease(cli, heartbeat_at=ago(31))
        assert cli.ok("sync", "--sync-id", "next")["points"]["awarded"] == 2
        late = sync.end()
    assert (late.code, late.json["error"]["code"]) == (74, "database_unavailable")
    assert (statuses(cli)["suspended"], statuses(cli)["next"]) == ("abandoned", "completed")
    assert books.ledger(cli, ANN) == [2]
    assert cli("points", "verify").code == 0


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_a_stuck_transaction_is_ended_by_the_server(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "STUCK_AFTER", 0.2)
    url = cli.environment["DATABASE_URL"]
    limit = "-c statement_timeout=20s"  # where this test fails, it ends
    with psycopg.connect(url, options=limit) as other, pytest.raises(DatabaseUnavailable) as ended:
        say_nothing_until_it_is_ended(url, other)
    assert "statement timeout" not in ended.value.message


def say_nothing_until_it_is_ended(url: str, other: psycopg.Connection) -> None:
    with open_database(url, Access.WRITE) as engine, engine.books():
        # Granted when the server has ended our transaction.
        other.execute("SELECT pg_advisory_xact_lock(%s)", (postgres.BOOKS_LOCK,))
        Lease.select().count()


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_a_file_is_locked_by_who_was_suspended_in_its_transaction(
    cli: Cli, board: SimulatedMee6, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trcpoints.db.engine.LOCK_WAIT", 0.3)
    with suspended(cli, ANN, before=1000, now=1250) as sync:
        assert_next_must_wait(cli)
        other = cli("streaks", "--json")
        assert (other.code, other.json["reason"]) == (75, "database_locked")
        assert "fuser" in other.json["error"]["hint"]
        late = sync.end()
    assert (late.code, late.json["points"]["awarded"]) == (0, 2)
    assert cli("points", "verify").code == 0


def test_no_time_to_wait_for_a_lock_is_not_for_ever(cli: Cli) -> None:
    url = cli.environment["DATABASE_URL"]
    if sqlite_path(url) is None:
        # Where this test fails, it ends.
        url += f"{'&' if '?' in url else '?'}options=-c%20statement_timeout%3D20s"
    with books.locked(cli), pytest.raises(DatabaseLocked):
        enter_books_at_once(url)


def enter_books_at_once(url: str) -> None:
    with open_database(url, Access.WRITE) as engine:
        engine.lock_wait = 0.0
        with engine.books():
            pass


class AtNthLine(logging.Handler):
    """Calls something when a line of the log comes for the n-th time."""

    def __init__(self, line: str, calls: dict[int, Callable[[], object]]) -> None:
        super().__init__()
        self.line = line
        self.calls = calls
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self.line:
            self.seen += 1
            self.calls.get(self.seen, lambda: None)()


def test_a_lock_is_no_failure_of_the_run(
    cli: Cli, board: SimulatedMee6, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trcpoints.db.engine.LOCK_WAIT", 0.3)
    with ExitStack() as other:
        # The lock is another one's for the second transaction, that of the books, only.
        handler = AtNthLine(
            "waiting for the books lock",
            {2: lambda: other.enter_context(books.locked(cli)), 3: other.close},
        )
        logger = logging.getLogger("trcpoints.db")
        logger.addHandler(handler)
        other.callback(logger.removeHandler, handler)
        result = cli("sync", "--sync-id", "locked", "--json", "-vv")
    assert handler.seen == 3
    assert (result.code, result.json["reason"]) == (75, "database_locked")
    assert result.json["consecutive_failures"] == 0
    (run,) = [run for run in books.runs(cli) if run.id == "locked"]
    assert (run.status, run.error_code) == ("skipped", "database_locked")
    assert cli.ok("db", "leases")["leases"] == []


def test_a_pause_does_not_touch_the_record_of_a_run_at_work(cli: Cli, board: SimulatedMee6) -> None:
    books.change_job(cli, "sync", cooldown_until=ago(-60))
    with asking(cli, board, "--sync-id", "tick", "--ignore-cooldown") as holder:
        same = cli("sync", "--sync-id", "tick", "--json")
        assert (same.code, same.json["reason"]) == (75, "lease_held")
        assert statuses(cli) == {"tick": "running"}
        assert holder.end().code == 0
    assert statuses(cli) == {"tick": "completed"}
    assert cli.ok("sync", "--sync-id", "tick")["reason"] == "already_completed"


def test_what_is_released_is_gone(cli: Cli, board: SimulatedMee6) -> None:
    nobody = cli("db", "leases", "--release", "sync", "--json")
    assert (nobody.code, nobody.json["error"]["code"]) == (65, "not_found")
    with asking(cli, board, "--sync-id", "hung", "--json") as holder:
        document = cli.ok("db", "leases", "--release", "sync")
        assert document["status"] == "released"
        assert (document["released"]["run_id"], document["leases"]) == ("hung", [])
        assert_next_takes_over(cli, "hung")
        late = holder.end()
    assert (late.code, late.json["reason"]) == (75, "lease_lost")
    assert statuses(cli)["hung"] == "abandoned"


def test_who_is_released_alive_is_named(cli: Cli, board: SimulatedMee6) -> None:
    with asking(cli, board, "--sync-id", "hung") as holder:
        said = cli("db", "leases", "--release", "sync").out
        assert "Released: sync. Its run hung is abandoned;" in said
        assert f"process {holder.process.pid} on " in said
        assert "can write nothing more" in said
        assert f"kill {holder.process.pid}\n" in said
    with asking(cli, board, "--sync-id", "dead") as holder:
        holder.process.kill()
        holder.process.wait()
        said = cli("db", "leases", "--release", "sync").out
    assert f"process {holder.process.pid} on " in said
    assert "is gone or silent" in said
    assert "kill" not in said


@pytest.mark.parametrize("options", [["--release"], ["--release="], ["--release", " "]])
def test_a_release_of_nothing_is_wrong_usage(sqlite_cli: Cli, options: list[str]) -> None:
    result = sqlite_cli("db", "leases", *options)
    assert (result.code, "-> trcpoints db leases --help" in result.err) == (2, True), result.err


def test_a_copy_has_no_lease_of_who_was_at_work(cli: Cli, board: SimulatedMee6) -> None:
    backup = cli.folder / "backup.db"
    with asking(cli, board, "--sync-id", "tick") as holder:
        cli.ok("db", "backup", str(backup))
        holder.process.kill()
        holder.process.wait()
    cli.environment["DATABASE_URL"] = sqlite_url(backup)
    assert_next_takes_over(cli, "tick")


def test_a_clock_that_is_set_back_silences_nobody(cli: Cli, board: SimulatedMee6) -> None:
    cli.environment["MEE6_PAGE_SIZE"] = "1"
    show(board, {"1": 3000, "2": 2000, ANN: 1250})
    heard: list[str] = []
    answers = [threading.Event(), threading.Event()]
    for page, answer in enumerate(answers, start=1):
        board.misbehave(Fault.LATE, times=1, page=page, until=answer)

    def set_clock_back(traveller: time_machine.Traveller) -> None:
        for page, answer in enumerate(answers, start=1):
            while len(board.requests) < page + 1 and syncing.is_set():
                threading.Event().wait(0.005)
            heard.append(books.heartbeat(cli))
            traveller.shift(timedelta(hours=-1))
            answer.set()

    syncing = threading.Event()
    syncing.set()
    board.requests.clear()
    with time_machine.travel(datetime.now(UTC)) as traveller:
        other = threading.Thread(target=set_clock_back, args=(traveller,))
        other.start()
        try:
            cli.ok("sync")
        finally:
            syncing.clear()
            other.join()
    before, after = heard
    assert after != before
