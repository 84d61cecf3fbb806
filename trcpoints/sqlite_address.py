"""Addresses of SQLite that people type and that mean another file, and what to type instead."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = "sqlite:"
_SLASHES = 3
"""Before a relative path; an absolute one begins with a fourth."""

_PATH = re.compile(r"(~?/|\.{1,2}/)?[^@:]+(\.db|\.sqlite3?)|(~?/|\.{1,2}/)[^@:]+")
"""What is a file's path by its looks, and holds no password."""


def advise(url: str) -> str | None:
    """Say what is wrong with an address and what to type; None where nothing is."""
    if not url.startswith(_SCHEME):
        if not _PATH.fullmatch(url):
            return None
        return f"is a path, not an address{_type_instead(_alternatives(url))}"
    rest = url.removeprefix(_SCHEME)
    name = rest.lstrip("/")
    if name.startswith("~"):
        reason = "~ is not replaced by your home folder"
    elif len(rest) - len(name) < _SLASHES:
        reason = f"an address of SQLite begins with sqlite:{'/' * _SLASHES}"
    elif "?" in rest or "#" in rest:
        reason = "options after ? or # are not understood; in a file's name write %3F and %23"
    else:
        return None
    return f"{reason}{_type_instead(_alternatives(rest))}"


def _alternatives(rest: str) -> list[tuple[str, str]]:
    """The addresses that may be meant, each with what it says; none where it could be a secret."""
    path = re.split(r"[?#]", rest)[0]
    name = path.lstrip("/")
    if "@" in rest or not name or not path.isprintable():
        return []
    if name.startswith("~"):
        try:
            return [(f"sqlite:///{Path(name).expanduser()}", "")]
        except RuntimeError:
            return []
    relative = (f"sqlite:///{name}", "in the working directory")
    absolute = (f"sqlite:////{name}", f"the file /{name}")
    return {0: [relative], 1: [absolute], 2: [relative, absolute], 3: [relative]}.get(
        len(path) - len(name), [absolute]
    )


def _type_instead(alternatives: list[tuple[str, str]]) -> str:
    if not alternatives:
        return "; should look like sqlite:///relative.db or sqlite:////absolute.db"
    if len(alternatives) == 1:
        return f"; type {alternatives[0][0]}"
    return "; type " + " or ".join(f"{url} ({meaning})" for url, meaning in alternatives)
