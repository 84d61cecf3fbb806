"""Runs the program, and prints the most memory that it held, in bytes, as the last line of stderr.

`python -m tests.support.peak ARGUMENTS…`, on Linux. What `wait4` says of a child includes what
its parent held when it was started; the kernel's own high-water mark of the process does not.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.cli import Cli


def peak_bytes() -> int:
    """The high-water mark of this process's resident memory."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def peak_of(cli: Cli, *arguments: str) -> int:
    """The most memory, in bytes, that a command holds, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.peak", *arguments],
        cwd=cli.folder,
        env=cli.environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr)


if __name__ == "__main__":
    from trcpoints.cli.main import main

    code = main(sys.argv[1:])
    sys.stderr.write(f"{peak_bytes()}\n")
    sys.exit(code)
