"""A sync that stands still in the middle of its last transaction."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.cli import Cli, Result
from trcpoints.demo.server import GUILD_ID


@dataclass(frozen=True)
class Suspended:
    """A sync in a process of its own."""

    process: subprocess.Popen[bytes]

    def end(self) -> Result:
        """Let it go on; how it then ended."""
        self.process.send_signal(signal.SIGCONT)
        out, err = self.process.communicate(timeout=60)
        return Result(self.process.returncode, out.decode(), err.decode())


@contextmanager
def suspended(cli: Cli, player: str, *, before: int, now: int) -> Iterator[Suspended]:
    """A sync `suspended`, from a file where a player has the XP `now`, after one of `before`."""
    saved = _saved(cli, player, before)
    with _start(cli, 0, "sync", "--from", saved) as counting:
        _, err = counting.communicate(timeout=60)
    # The very last steps are the end of the lease and the COMMIT; now there are some more.
    at = int(err.split()[-1]) - 4
    saved = _saved(cli, player, now)
    with _start(cli, at, "sync", "--from", saved, "--json", "--sync-id", "suspended") as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        try:
            yield Suspended(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.communicate(timeout=60)


def _start(cli: Cli, at: int, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.killer", "STOP", str(at), *arguments],
        env=cli.environment,
        cwd=cli.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _saved(cli: Cli, player: str, xp: int) -> str:
    page = {"guild": {"id": GUILD_ID}, "players": [{"id": player, "xp": xp}]}
    (cli.folder / "page.json").write_text(json.dumps(page))
    return "page.json"
