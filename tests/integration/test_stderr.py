"""Nobody takes what the program says on stderr: that decides nothing (design, section 9)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import environment, show
from tests.support.sentry_server import SentryServer
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6


@pytest.fixture
def server(sqlite_cli: Cli) -> Iterator[SimulatedMee6]:
    books.link(sqlite_cli, ["101"])
    with SimulatedMee6() as mee6:
        sqlite_cli.environment.update(environment(mee6))
        show(mee6, {"101": 1000})
        yield mee6


@contextmanager
def stderr_that_is(kind: str) -> Iterator[int]:
    """A descriptor that takes nothing."""
    if kind == "full":
        with Path("/dev/full").open("wb") as full:
            yield full.fileno()
        return
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def run(cli: Cli, kind: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-m", "trcpoints", *arguments]
    if kind == "closed":
        words = ["bash", "-c", 'exec "$@" 2>&-', "bash", *words]
    with stderr_that_is(kind) as stderr:
        return subprocess.run(
            words,
            cwd=cli.folder,
            env=cli.environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            check=False,
            timeout=60,
        )


KINDS = pytest.mark.parametrize("kind", ["full", "broken", "closed"])


@KINDS
def test_a_log_that_nobody_takes_fails_no_sync(
    sqlite_cli: Cli, server: SimulatedMee6, kind: str
) -> None:
    told = run(sqlite_cli, kind, "sync", "-vv")
    assert (told.returncode, told.stdout[:15]) == (0, b"Sync completed.")
    document = run(sqlite_cli, kind, "sync", "-vv", "--json")
    assert (document.returncode, json.loads(document.stdout)["status"]) == (0, "completed")
    assert [run.status for run in books.runs(sqlite_cli)] == ["completed"] * 2


@KINDS
@pytest.mark.parametrize("flags", [[], ["-vv"], ["--json"]], ids=str)
def test_a_failure_that_nobody_hears_of_keeps_its_exit_code(
    sqlite_cli: Cli, server: SimulatedMee6, kind: str, flags: list[str]
) -> None:
    server.misbehave(Fault.NOT_FOUND)
    failed = run(sqlite_cli, kind, "sync", *flags)
    assert failed.returncode == 69
    if "--json" in flags:
        assert json.loads(failed.stdout)["error"]["code"] == "source_refused"
    assert run(sqlite_cli, kind, "sync", "--nonsense").returncode == 2


@KINDS
def test_alerts_that_nobody_hears_of_fail_no_sync(
    sqlite_cli: Cli, server: SimulatedMee6, kind: str
) -> None:
    with SentryServer() as sentry:
        sentry.status = 500
        sqlite_cli.environment["SENTRY_DSN"] = sentry.dsn
        done = run(sqlite_cli, kind, "sync", "--json")
    assert sentry.received
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "completed")


def test_a_terminal_that_goes_away_under_the_progress_bar_fails_no_sync(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    answer = threading.Event()
    server.misbehave(Fault.LATE, until=answer)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "trcpoints", "sync", "-v"],
        cwd=sqlite_cli.folder,
        env={**sqlite_cli.environment, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        while not server.requests:
            assert process.poll() is None
        os.read(ours, 1)
        os.close(ours)
        answer.set()
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out[:15]) == (0, b"Sync completed.")
