"""Opening the database: the one way in, and the one place where drivers' errors are translated."""

from __future__ import annotations

import enum
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from trcpoints.config import DatabaseUrl, sqlite_path
from trcpoints.db import schema
from trcpoints.db.engine import Engine
from trcpoints.db.models import MODELS
from trcpoints.errors import TrcpointsError
from trcpoints.logs import NOTICE

log = logging.getLogger("trcpoints.db")


class Access(enum.Enum):
    """What a command may do. READ is enforced by the engine itself, not by good behaviour.

    WRITE is to a database that is there; CREATE makes one where there is none.
    """

    READ = "read"
    WRITE = "write"
    CREATE = "create"


def access_to_create(trigger: str) -> Access:
    """What a command that may make a database may do: make one only where a person has typed it.

    When cron starts it, a database that is missing is one whose disk is not mounted.
    """
    return Access.WRITE if trigger == "scheduled" else Access.CREATE


@contextmanager
def open_database(url: str, access: Access) -> Iterator[Engine]:
    """The database of a URL, connected, its schema current, its models bound to it.

    An old one is upgraded first, unless for READ. Raises DatabaseMissing where there is none,
    unless for CREATE; SchemaOutdated, SchemaNewer, DatabaseTooOld, DatabaseUnavailable,
    DatabaseLocked, MissingExtra; what the drivers raise inside the block comes out as one of these
    too.
    """
    with connected(url, access) as engine:
        if access is Access.READ:
            schema.require_current(engine)
        else:
            upgrade(engine, access)
        yield engine


def upgrade(engine: Engine, access: Access) -> list[str]:
    """Make the schema current, and say so where the database is a new one; what was applied."""
    applied = schema.upgrade(engine, create=access is Access.CREATE)
    if schema.is_first(applied):
        log.log(NOTICE, "a new database was made: %s", engine.place)
    return applied


@contextmanager
def connected(url: str, access: Access) -> Iterator[Engine]:
    """The database of a URL, connected, whatever its schema is."""
    engine = _engine(url, access)
    with translated(engine):
        engine.connect()
        try:
            with engine.bind_ctx(MODELS):
                yield engine
        finally:
            engine.close()


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """What this engine's driver raises inside the block comes out as one of our errors."""
    try:
        yield
    except Exception as fault:
        explained = None if isinstance(fault, TrcpointsError) else engine.explain(fault)
        if explained is None:
            raise
        raise explained from fault


def _engine(url: str, access: Access) -> Engine:
    path = sqlite_path(url)
    origin = url.origin if isinstance(url, DatabaseUrl) else ""
    is_reader = access is Access.READ
    if path is None:
        from trcpoints.db.postgres import PostgresEngine

        server = PostgresEngine(url, read_only=is_reader)
        server.origin = origin
        return server
    from trcpoints.db.sqlite import SqliteEngine
    from trcpoints.db.sqlite_version import require_sqlite

    require_sqlite()
    if access is Access.CREATE:
        SqliteEngine.create_file(path)
    is_empty = SqliteEngine.is_empty(path)
    file = SqliteEngine(path, read_only=is_reader)
    file.origin = origin
    if is_empty and access is not Access.CREATE:
        raise schema.missing(file)
    return file
