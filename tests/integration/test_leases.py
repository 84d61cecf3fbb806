"""Leases: who may do a job, and what becomes of one whose holder died, hangs or was suspended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.test_sync_beside import slow_sync
from tests.support import books
from tests.support.cli import Cli, Result
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

ANN, BOB = "101", "102"
HALF_AN_HOUR = timedelta(minutes=30)
ELSEWHERE = {"TRCPOINTS_HOST_ID": "another-machine"}


@pytest.fixture
def board(cli: Cli, mee6: SimulatedMee6) -> SimulatedMee6:
    """A member with a baseline of 1000 XP, who has 1250 now."""
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync", "--sync-id", "first")
    show(mee6, {ANN: 1250})
    return mee6


@contextmanager
def killed_sync(
    cli: Cli, mee6: SimulatedMee6, *, reaped: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """A sync that was killed as it waited for MEE6; not reaped, it is a zombie in the block."""
    with late(mee6), cli.start("sync", "--sync-id", "killed") as process:
        await_request(mee6)
        process.kill()
        if reaped:
            process.wait()
        else:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        mee6.behave()
        yield process
