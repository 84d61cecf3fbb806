"""Whether the SQLite that Python brings has what our statements need."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from trcpoints.errors import DatabaseTooOld

OLDEST = (3, 24)
"""The first that has UPSERT."""

JSON_BUILT_IN = (3, 38)
"""The first that has its JSON functions unless they were left out; before, they were an option."""

_JSON_QUERY = "SELECT value FROM json_each('[]')"
_HINT = (
    "Install trcpoints with a Python whose SQLite is newer: "
    "python3 -c 'import sqlite3; print(sqlite3.sqlite_version)'"
)


def require_sqlite() -> None:
    """Raise DatabaseTooOld where SQLite is older than OLDEST or lacks the JSON functions."""
    version = sqlite3.sqlite_version_info
    if version < OLDEST:
        raise DatabaseTooOld(
            f"This Python has SQLite {sqlite3.sqlite_version}; trcpoints needs SQLite "
            f"{'.'.join(map(str, OLDEST))} or newer.",
            hint=_HINT,
        )
    if version < JSON_BUILT_IN and not _has_json():
        raise DatabaseTooOld(
            f"This Python has a SQLite ({sqlite3.sqlite_version}) that was built without its JSON "
            "functions; trcpoints needs them.",
            hint=_HINT,
        )


def _has_json() -> bool:
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(_JSON_QUERY)
        except sqlite3.OperationalError:
            return False
    return True
