"""Syncs that have asked MEE6 and wait for its answer."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.cli import Cli, Result
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6


@dataclass
class Asking:
    """A sync in a process of its own."""

    process: subprocess.Popen[bytes]
    answer: threading.Event

    def end(self) -> Result:
        """Let MEE6 answer; how the sync then ended."""
        self.answer.set()
        self.process.send_signal(signal.SIGCONT)
        out, err = self.process.communicate(timeout=60)
        return Result(self.process.returncode, out.decode(), err.decode())


@contextmanager
def asking(
    cli: Cli,
    mee6: SimulatedMee6,
    *options: str,
    env: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> Iterator[Asking]:
    """Start `sync`; the block begins when it waits for MEE6, and MEE6 answers when that ends."""
    mee6.requests.clear()
    answer = threading.Event()
    mee6.misbehave(Fault.LATE, times=1, until=answer)
    with cli.start("sync", *options, env=env, before=before) as process:
        deadline = time.monotonic() + 30
        while not mee6.requests and time.monotonic() < deadline:
            time.sleep(0.005)
        try:
            assert mee6.requests, "it did not ask"
            yield Asking(process, answer)
        finally:
            answer.set()
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.communicate(timeout=60)
