"""Text from outside, made fit for a message."""

from __future__ import annotations

_LONGEST = 200


def one_line(text: str) -> str:
    """At most 200 printable characters on one line; control characters become spaces."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * _LONGEST])
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
