"""SIGTERM and SIGINT in every phase of a sync (design, section 9).

Each of these syncs would go on for a minute, or for ever, if the signal were not heard where it
waits. How soon it ends is measured by `tests/benchmarks/signals.py`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

ANN, BOB = "101", "102"

PHASES = {
    "between pages": ({"MEE6_PAGE_SIZE": "1", "MEE6_REQUEST_INTERVAL": "60"}, None, b"page=0"),
    "no answer": ({}, Fault.TIMEOUT, b"reading the leaderboard"),
    "slow headers": ({}, Fault.SLOW_HEADERS, b"reading the leaderboard"),
    "slow body": ({}, Fault.SLOW_BODY, b"reading the leaderboard"),
    "in back-off": ({"MEE6_RETRY_BASE": "60"}, Fault.SERVER_ERROR, b"trying again in"),
    "as asked by a 429": ({}, Fault.RATE_LIMITED, b"trying again in"),
}
"""What makes a sync stay in a phase: settings, the server's fault; and the log that tells it."""


def read_until(process: subprocess.Popen[bytes], mark: bytes) -> None:
    """Read the process' log until a line has this mark."""
    assert process.stderr is not None
    for line in process.stderr:
        if mark in line:
            return
    raise AssertionError(f"it ended without {mark!r}")


@contextmanager
def inherited(number: signal.Signals, handler: signal.Handlers) -> Iterator[None]:
    """What processes that are started in the block do at a signal, until they decide otherwise."""
    previous = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)


def assert_interrupted(cli: Cli, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    out, err = process.communicate(timeout=10)
    assert process.returncode == 128 + number, err
    document = json.loads(out)
    assert (document["status"], document["reason"]) == ("interrupted", "interrupted")
    assert document["consecutive_failures"] == 0
    assert [run.status for run in books.runs(cli)] == ["interrupted"]
    assert cli.ok("db", "leases")["leases"] == []
    assert books.activity(cli, ANN) == []
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        *((phase, signal.SIGTERM) for phase in PHASES),
        ("no answer", signal.SIGINT),
        ("in back-off", signal.SIGHUP),
    ],
)
def test_a_sync_ends_while_it_fetches(
    cli: Cli, mee6: SimulatedMee6, phase: str, number: signal.Signals
) -> None:
    environment, fault, mark = PHASES[phase]
    books.link(cli, [ANN, BOB])
    show(mee6, {ANN: 1000, BOB: 500})
    if fault is Fault.RATE_LIMITED:
        mee6.misbehave(fault, seconds=59)
    elif fault is not None:
        mee6.misbehave(fault)
    # Where the tests themselves are run by nohup, what they start would not hear a SIGHUP.
    with inherited(signal.SIGHUP, signal.SIG_DFL):
        process = cli.start("sync", "--json", "-vv", env=environment)
    with process:
        read_until(process, mark)
        process.send_signal(number)
        assert_interrupted(cli, process, number)
    mee6.behave()
    assert cli.ok("sync")["members"]["baselined"] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_sync_ends_while_it_waits_for_the_books(
    cli: Cli, mee6: SimulatedMee6, number: signal.Signals
) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    answer = threading.Event()
    mee6.misbehave(Fault.LATE, until=answer)
    with ExitStack() as other, cli.start("sync", "--json", "-vv") as process:
        other.callback(answer.set)
        read_until(process, b"reading the leaderboard")
        other.enter_context(books.locked(cli))
        answer.set()
        read_until(process, b"waiting for the books lock")
        process.send_signal(number)
        # It gives the lock a second, to say that it was interrupted.
        other.close()
        assert_interrupted(cli, process, number)


def test_nohup_keeps_a_sync_going(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    answer = threading.Event()
    mee6.misbehave(Fault.LATE, until=answer)
    with ExitStack() as undo:
        undo.callback(answer.set)
        with inherited(signal.SIGHUP, signal.SIG_IGN):
            process = undo.enter_context(cli.start("sync", "--json", "-vv"))
        read_until(process, b"reading the leaderboard")
        process.send_signal(signal.SIGHUP)
        answer.set()
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["status"]) == (0, "completed")
