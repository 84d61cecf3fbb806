"""PostgreSQL through psycopg 3, which is imported only here and only when it is used."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import peewee

from trcpoints.config import public_url
from trcpoints.db import engine
from trcpoints.db.engine import FETCHED, Engine, M, Row, portions
from trcpoints.errors import (
    ConfigurationInvalid,
    DatabaseLocked,
    DatabaseTooOld,
    DatabaseUnavailable,
    MissingExtra,
    TrcpointsError,
)
from trcpoints.signals import held

if TYPE_CHECKING:
    import psycopg

OLDEST_VERSION = 10
"""The first that psycopg supports."""

CONNECT_WAIT = 5
"""Seconds to wait for a server that does not answer."""

STUCK_AFTER = 600.0
"""Seconds without a word in a transaction of the books, after which the server ends it: nobody
else could write as long as a machine that has stopped or vanished seems to hold the lock."""

STREAMED = 2_000
"""Rows that a cursor of the server's gives at once; two such lists are in memory at a time."""

CANCEL_WAIT = 1.0
"""Seconds to wait for the server to break off a statement."""

BOOKS_LOCK = 0x7472_6370_6F69_6E74  # "trcpoint": the advisory lock's number in the database
_UNREADABLE = "libpq cannot use this address; see its chapter 'Connection URIs'"
_LOCKED = frozenset({"55P03", "40P01", "40001"})
_DUPLICATE = "23505"
_NO_RIGHT = "42501"
_NO_SCHEMA = "3F000"


class _Adapter(peewee.Psycopg3Adapter):
    """peewee's adapter, which looks psycopg up as peewee is loaded; here it is hidden then."""

    def __init__(self) -> None:
        super().__init__()
        try:
            from psycopg.pq import TransactionStatus
        except ImportError:
            raise MissingExtra("A PostgreSQL database", "postgres") from None
        self.txn_idle = TransactionStatus.IDLE
        self.txn_inerror = TransactionStatus.INERROR
        self.txn_unknown = TransactionStatus.UNKNOWN

    def check_driver(self) -> None:
        """The constructor did."""

    def connect(self, db: peewee.Database, **params: Any) -> psycopg.Connection[Any]:
        """Connect with the parameters of `PostgresEngine`."""
        import psycopg

        try:
            connection = psycopg.connect(**params)
        except (psycopg.ProgrammingError, ValueError) as fault:
            raise ConfigurationInvalid([f"DATABASE_URL: {_UNREADABLE}"]) from fault
        version = connection.info.server_version
        if version // 10_000 < OLDEST_VERSION:
            connection.close()
            raise _too_old(version)
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            connection.close()
            raise ConfigurationInvalid(
                [f"DATABASE_URL: the database stores text as {encoding}; names need UTF8"],
                hint="Make another database: createdb --encoding=UTF8 --template=template0 NAME",
            )
        return connection


def _too_old(version: int) -> DatabaseTooOld:
    # Before version 10 there were three parts: 9.6.24 is 90624.
    name = f"{version // 10_000}.{version // 100 % 100}"
    return DatabaseTooOld(
        f"The PostgreSQL server is version {name}; trcpoints needs {OLDEST_VERSION} or newer.",
        hint="Upgrade the server (pg_upgrade), or name another one in DATABASE_URL.",
    )


class PostgresEngine(Engine, peewee.PostgresqlDatabase):
    """A PostgreSQL database, by a libpq URI."""

    name = "postgresql"
    when_missing = "Check that this is the right database."
    books_mode = ()
    field_types = {  # noqa: RUF012 (peewee's own, read only)
        **peewee.PostgresqlDatabase.field_types,
        "UTCTIME": "TIMESTAMPTZ",
    }
    psycopg2_adapter = _Adapter
    psycopg3_adapter = _Adapter

    def __init__(self, url: str, *, read_only: bool) -> None:
        self.lock_wait = engine.LOCK_WAIT
        self.public_url = self.place = public_url(url)
        super().__init__(url, **_connection_parameters(url, read_only=read_only))

    def enter_books(self, transaction: AbstractContextManager[object]) -> None:
        """One advisory lock for whoever writes the books, held to the end of the transaction."""
        with held():
            transaction.__enter__()
        # For PostgreSQL 0 is no limit at all.
        wait, stuck = max(1, round(1000 * self.lock_wait)), round(1000 * STUCK_AFTER)
        self.execute_sql(
            "SELECT set_config('lock_timeout', %s, true), "
            "set_config('idle_in_transaction_session_timeout', %s, true)",
            (f"{wait}ms", f"{stuck}ms"),
        )
        self.execute_sql("SELECT pg_advisory_xact_lock(%s)", (BOOKS_LOCK,))

    def begin(self, isolation_level: str | None = None) -> None:
        """Begin, on a new connection where the old one is of no use any more.

        A server that restarts between two transactions costs nothing but that.
        """
        self._leave_if_useless()
        self.connect(reuse_if_open=True)
        try:
            super().begin(isolation_level)
        except peewee.OperationalError:
            if not self._leave_if_useless():
                raise
            # Not left to `begin`, which would wrap the driver's error twice.
            self.connect()
            super().begin(isolation_level)

    def rollback(self) -> None:
        """Roll back; where the connection is of no use any more, the server does."""
        if not self._leave_if_useless():
            super().rollback()

    def _leave_if_useless(self) -> bool:
        """Give up a connection that is lost, or in the middle of a statement that a signal broke
        off, and say whether it was."""
        from psycopg.pq import TransactionStatus

        connection = self.connection()
        if connection.info.transaction_status is TransactionStatus.ACTIVE:
            connection.cancel_safe(timeout=CANCEL_WAIT)
            connection.close()
        if not connection.closed:
            return False
        self.dispose()
        return True

    def snapshot(self) -> AbstractContextManager[object]:
        """At READ COMMITTED, the default, each query would read a state of its own."""
        return self.atomic("REPEATABLE READ")

    def stream(self, query: peewee.Query) -> Iterator[tuple[Any, ...]]:
        """By a cursor of the server's: libpq would fetch the whole result first."""
        with self.connection().cursor(name=secrets.token_hex(8)) as cursor:
            cursor.itersize = STREAMED
            cursor.execute(*query.sql())
            yield from cursor

    def rows_of(self, query: peewee.ModelSelect[Any]) -> Iterator[tuple[Any, ...]]:
        """In chunks, where libpq can (since its version 17): taken while the server sends more."""
        from psycopg import capabilities

        if capabilities.has_stream_chunked():
            return self.cursor().stream(*query.sql(), size=FETCHED)  # type: ignore[no-any-return]  # peewee's cursor has no type
        return super().rows_of(query)

    def clock(self, now: datetime) -> datetime:
        """The server's: hosts disagree."""
        at: datetime = self.execute_sql("SELECT clock_timestamp()").fetchone()[0]
        return at.astimezone(UTC)

    def locking(self, query: M) -> M:
        """By `FOR UPDATE`."""
        locking: M = query.for_update()
        return locking

    def insert_rows(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """By `COPY`."""
        for portion in portions(rows):
            self._copy(table, columns, portion)

    def update_rows(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """By `COPY` into a temporary table and an UPDATE from it."""
        key, *changed = columns
        settings = ", ".join(f"{name} = changes.{name}" for name in changed)
        for portion in portions(rows):
            self.execute_sql(
                f"CREATE TEMPORARY TABLE changes ON COMMIT DROP AS "
                f"SELECT {', '.join(columns)} FROM {table} WITH NO DATA"
            )
            self._copy("changes", columns, portion)
            with self._row_by_row():
                self.execute_sql(
                    f"UPDATE {table} SET {settings} FROM changes "
                    f"WHERE {table}.{key} = changes.{key}"
                )
            self.execute_sql("DROP TABLE changes")

    @contextmanager
    def _row_by_row(self) -> Iterator[None]:
        """Joins look each row up by its key.

        Of a table without statistics PostgreSQL thinks the worst, and would read and hash the
        whole of the other one, though each row that changes has to be looked up to be written.
        """
        before = self.execute_sql(
            "SELECT current_setting('enable_hashjoin'), current_setting('enable_mergejoin')"
        ).fetchone()
        self._allow_joins("off", "off")
        yield
        # After a failure the transaction is over, and with it the settings.
        self._allow_joins(*before)

    def _allow_joins(self, hashed: str, merged: str) -> None:
        self.execute_sql(
            "SELECT set_config('enable_hashjoin', %s, true), "
            "set_config('enable_mergejoin', %s, true)",
            (hashed, merged),
        )

    def continue_ids(self, table: str, key: str) -> None:
        """By the column's sequence, which does not move where there is no row."""
        self.execute_sql(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}"
        )

    def utc_day(self, moment: peewee.ColumnBase) -> peewee.Function:
        """By `to_char`."""
        return peewee.fn.TO_CHAR(peewee.fn.TIMEZONE("UTC", moment), "YYYY-MM-DD")

    def json_text(self, document: peewee.ColumnBase, key: peewee.ColumnBase) -> peewee.Function:
        """By `json_extract_path_text`, which takes a key."""
        return peewee.fn.JSON_EXTRACT_PATH_TEXT(document.cast("json"), key)

    def is_among(
        self, field: peewee.Field[Any], values: Iterable[int] | Iterable[str]
    ) -> peewee.Expression:
        """By an array."""
        listed = peewee.fn.ANY(peewee.AsIs(list(values), converter=False))
        return peewee.Expression(field, "=", listed)

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with self.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def explain(self, fault: Exception) -> TrcpointsError | None:
        """By SQLSTATE; a failure to connect has none and is an OperationalError."""
        import psycopg

        cause = getattr(fault, "orig", fault)
        if not isinstance(cause, psycopg.Error):
            return None
        state = cause.sqlstate or ""
        if state in _LOCKED:
            return DatabaseLocked(
                f"The database {self.public_url} was locked by another session for "
                f"{self.lock_wait:g} seconds.",
                hint="Run the command again; if it stays locked: SELECT * FROM pg_stat_activity",
            )
        is_theirs = state[:2] in {"25", "53"} or state in {_NO_RIGHT, _NO_SCHEMA}
        if isinstance(cause, psycopg.OperationalError) or is_theirs:
            return self._unavailable(cause)
        return None  # any other statement that PostgreSQL cannot run is a bug of ours

    def _unavailable(self, cause: psycopg.Error) -> TrcpointsError:
        reason = (str(cause).strip().splitlines() or ["no reason given"])[0]
        return DatabaseUnavailable(
            f"The database {self.public_url} cannot be used: {reason}",
            hint="Check that PostgreSQL runs and that this names it: "
            f"psql '{self.public_url}' -c 'SELECT 1'",
            quoted=f": {reason}",
        )

    def is_duplicate(self, fault: Exception) -> bool:
        """By SQLSTATE."""
        return getattr(getattr(fault, "orig", fault), "sqlstate", "") == _DUPLICATE

    def size_bytes(self) -> int:
        """As PostgreSQL counts it."""
        size: int = self.execute_sql("SELECT pg_database_size(current_database())").fetchone()[0]
        return size

    def integrity_faults(self) -> list[str]:
        """PostgreSQL reports a damaged page when it reads one; its constraints hold always."""
        return []


def _connection_parameters(url: str, *, read_only: bool) -> dict[str, Any]:
    """What psycopg connects with: the URL's own parameters and ours where it has none."""
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise MissingExtra("A PostgreSQL database", "postgres") from None
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        # libpq's own message quotes the URL, and with it perhaps the password.
        raise ConfigurationInvalid([f"DATABASE_URL: {_UNREADABLE}"]) from None
    options = [
        str(given.pop("options", "") or ""),
        "-c timezone=UTC",
        "-c datestyle=ISO",
        f"-c lock_timeout={engine.LOCK_WAIT:g}s",
        f"-c default_transaction_read_only={'on' if read_only else 'off'}",
    ]
    return {
        "connect_timeout": CONNECT_WAIT,
        "application_name": "trcpoints",
        **given,
        "client_encoding": "UTF8",
        "options": " ".join(options).strip(),
        # Poolers in transaction mode do not keep prepared statements.
        "prepare_threshold": None,
    }
