"""Text from outside, made fit for a message."""

from __future__ import annotations

import re

_LONGEST = 200
_LOOKED_AT = 4 * _LONGEST


def one_line(text: str) -> str:
    """At most 200 printable characters on one line; control characters become spaces.

    Cut between words: half of a secret would not be recognised any more.
    """
    printable = "".join(char if char.isprintable() else " " for char in text[:_LOOKED_AT])
    words = printable.split()
    if len(text) > _LOOKED_AT:
        del words[-1:]
    line = " ".join(words)
    return line if len(line) <= _LONGEST else line[:_LONGEST].rpartition(" ")[0] + "…"


def without(secret: str | None, text: str) -> str:
    """The text with stars for a secret, in whatever case it is written.

    Of a secret of several words, as `Bearer …`, the last one is what must not be told.
    """
    words = (secret or "").split()
    return re.sub(re.escape(words[-1]), "***", text, flags=re.IGNORECASE) if words else text
