"""The three streams of the process, as a daemon's or a container's shell may not have them."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def open_streams() -> None:
    """Have all three, print UTF-8, and go on where nobody takes what stderr says."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115, PTH123 (for the process's life)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    stderr = sys.stderr.fileno() if sys.stderr else os.open(os.devnull, os.O_WRONLY)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Unheard(stderr, "wb", closefd=False)),
        encoding=sys.stderr.encoding if sys.stderr else "utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


class _Unheard(io.FileIO):
    """Takes all that it is given: a full disk or a reader that has gone decides no run.

    Nothing is left in a buffer either, which Python would fail on once more at its end.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            written: int | None = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written
