"""The database: opening it, its models, its migrations. Nothing outside knows which engine it is.

peewee loads every driver that is installed as soon as it is imported; psycopg alone costs a
SQLite user more than peewee itself, at each of hundreds of runs a day. So the drivers are
hidden while peewee loads, and `trcpoints.db.postgres` imports psycopg when it connects.
"""

import sys
from types import ModuleType
from typing import cast

if "peewee" not in sys.modules:
    _hidden = [name for name in ("psycopg", "psycopg2") if name not in sys.modules]
    # None in sys.modules is Python's documented way to say "cannot be imported".
    sys.modules.update(cast("dict[str, ModuleType]", dict.fromkeys(_hidden)))
    try:
        import peewee  # noqa: F401  (loaded here for what its loading does)
    finally:
        for _name in _hidden:
            del sys.modules[_name]
