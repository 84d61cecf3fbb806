"""Opening the database: the one way in, and the one place where drivers' errors are translated."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager

from trcpoints.config import sqlite_path
from trcpoints.db import schema
from trcpoints.db.engine import Engine
from trcpoints.db.models import MODELS
from trcpoints.errors import SchemaOutdated, TrcpointsError


class Access(enum.Enum):
    """What a command may do. READ is enforced by the engine itself, not by good behaviour."""

    READ = "read"
    WRITE = "write"


@contextmanager
def open_database(url: str, access: Access) -> Iterator[Engine]:
    """The database of a URL, connected, its schema current, its models bound to it.

    For WRITE a database that is missing or old is made or upgraded first. Raises SchemaOutdated
    where READ meets such a one, SchemaNewer, DatabaseUnavailable, DatabaseLocked, MissingExtra;
    what the drivers raise inside the block comes out as one of these too.
    """
    with connected(url, access) as engine:
        if access is Access.WRITE:
            schema.upgrade(engine)
        else:
            schema.require_current(engine)
        yield engine


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
    if path is None:
        from trcpoints.db.postgres import PostgresEngine

        return PostgresEngine(url, read_only=access is Access.READ)
    from trcpoints.db.sqlite import SqliteEngine

    if access is Access.WRITE:
        SqliteEngine.create_file(path)
    elif not SqliteEngine.has_file(path):
        raise SchemaOutdated(
            f"There is no database at {path} yet.", hint="Make it: trcpoints db upgrade"
        )
    return SqliteEngine(path, read_only=access is Access.READ)
