"""How long a sync lives on after SIGTERM, in each phase; two seconds at most (section 9).

    python -m tests.benchmarks.signals [ROUNDS]

Prints the median and the longest of the rounds, in milliseconds, on SQLite.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.test_signals import PHASES, read_until
from tests.support import books
from tests.support import mee6 as mee6_support
from tests.support.cli import Cli
from trcpoints.config import sqlite_url
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

MEMBERS = 100_000
"""Whose first sync makes a transaction of a second or more, which the signal breaks off."""


def main(rounds: int) -> None:
    """Measure every phase."""
    with tempfile.TemporaryDirectory() as folder, SimulatedMee6() as mee6:
        cli = Cli(
            Path(folder),
            {
                "DATABASE_URL": sqlite_url(Path(folder) / "books.db"),
                "MEE6_REQUEST_INTERVAL": "0",
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path.cwd()),
                **mee6_support.environment(mee6),
            },
        )
        books.link(cli, ["101", "102"])
        mee6_support.show(mee6, {"101": 1000, "102": 500})
        for phase, (environment, fault, mark) in PHASES.items():
            mee6.behave()
            if fault is Fault.RATE_LIMITED:
                mee6.misbehave(fault, seconds=59)
            elif fault is not None:
                mee6.misbehave(fault)
            _report(phase, [_once(cli, environment, mark) for _ in range(rounds)])
        mee6.behave()
        board = {str(number): number for number in range(1_000, 1_000 + MEMBERS)}
        books.link(cli, board)
        mee6_support.show(mee6, board)
        _report(
            "in the transaction", [_once(cli, {}, b"of them found", 0.2) for _ in range(rounds)]
        )


def _once(cli: Cli, environment: dict[str, str], mark: bytes, later: float = 0.0) -> float:
    with cli.start("sync", "--json", "-vv", env=environment) as process:
        read_until(process, mark)
        time.sleep(later)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate()
        took = time.monotonic() - began
    if process.returncode != 128 + signal.SIGTERM:
        raise subprocess.CalledProcessError(process.returncode, "sync")
    return took * 1000


def _report(phase: str, times: list[float]) -> None:
    print(f"{phase:22} {statistics.median(times):7.0f} {max(times):7.0f}")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
