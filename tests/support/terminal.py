"""A person at a terminal, who is asked before something is done."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from tests.support.cli import Cli, Result

QUESTION = b"[y/N] "


def typed(
    cli: Cli, answer: str | None, *arguments: str, meanwhile: Callable[[], object] | None = None
) -> Result:
    """Run a command with stdin and stderr on a terminal, and type a line when it asks.

    `meanwhile` is called while the question stands. `None` is Ctrl-D. What is on the terminal is
    the result's `err`.
    """
    leader, follower = pty.openpty()
    with subprocess.Popen(
        # Its controlling terminal, whose Ctrl-C it hears.
        ["setsid", "--ctty", sys.executable, "-m", "trcpoints", *arguments],
        cwd=cli.folder,
        env={**cli.environment, "TERM": "xterm", "COLUMNS": "1000"},
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown, asked = b"", 0
        # Linux says that the other end was closed by an error.
        with suppress(OSError):
            while some := os.read(leader, 65536):
                shown += some
                if shown.count(QUESTION) > asked:
                    asked += 1
                    if meanwhile is not None:
                        meanwhile()
                    os.write(leader, b"\x04" if answer is None else f"{answer}\n".encode())
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(leader)
    return Result(process.returncode, out.decode(), shown.decode().replace("\r", ""))
