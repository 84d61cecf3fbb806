"""A terminal of a given width."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress

from tests.support.cli import Cli


def on_a_screen(cli: Cli, width: int, *arguments: str) -> list[str]:
    """The lines that a command, which must succeed, shows on a terminal so many columns wide."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "trcpoints", *arguments],
        cwd=cli.folder,
        env={**cli.environment, "TERM": "xterm", "COLUMNS": str(width), "LINES": "24"},
        stdin=subprocess.DEVNULL,
        stdout=follower,
    ) as process:
        os.close(follower)
        seen = b""
        # Linux says that the other end was closed by an error.
        with suppress(OSError):
            while some := os.read(leader, 65536):
                seen += some
    os.close(leader)
    assert process.returncode == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", seen.decode()).replace("\r", "")
    return shown.splitlines()
