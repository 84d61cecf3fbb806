"""A terminal of a given width."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

from tests.support.cli import Cli


def on_a_screen(cli: Cli, width: int, *arguments: str) -> list[str]:
    """The lines that a command, which must succeed, shows on a terminal so many columns wide."""
    leader, follower = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "trcpoints", *arguments],
        cwd=cli.folder,
        env={**cli.environment, "TERM": "xterm", "COLUMNS": str(width), "LINES": "24"},
        stdin=subprocess.DEVNULL,
        stdout=follower,
        check=True,
    )
    os.close(follower)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", os.read(leader, 65536).decode()).replace("\r", "")
    os.close(leader)
    return shown.splitlines()
