"""What both engines can do, in one shape."""

from __future__ import annotations

import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Literal, TypeVar

import peewee

from trcpoints.errors import TrcpointsError
from trcpoints.signals import held

T = TypeVar("T")
M = TypeVar("M", bound="peewee.ModelSelect[Any]")

Row = Sequence[object]

log = logging.getLogger("trcpoints.db")

PORTION = 20_000
"""Rows written by one call into a driver: between two calls a signal can be handled."""

LOCK_WAIT = 15.0

FETCHED = 1_000
"""Rows taken from a driver at once: psycopg's single rows cost several times as much, and larger
lists cost the garbage collector's time.
"""


class Engine(peewee.Database, ABC):
    """A peewee database with the few things that peewee does not do alike on both engines."""

    name: Literal["sqlite", "postgresql"]
    public_url: str
    place: str
    """Where the database is, for a person: a file, or a server's address."""
    origin: str = ""
    """Where its address was set, and where else that was looked for."""
    when_missing: str
    """What to check where there is no database of ours."""
    books_mode: tuple[str, ...]
    """How peewee's `atomic` begins the transaction of `books`."""
    lock_wait: float
    """Seconds to wait for the books lock while another program has it; LOCK_WAIT at first."""

    @contextmanager
    def books(self) -> Iterator[None]:
        """A transaction that first takes the books lock (design, section 9).

        Commits at the end, rolls back on any exception; a signal breaks off neither. Whoever
        writes members or ledger reads the state that they decide on inside it. Nothing is
        fetched inside it.
        """
        # Who was reading outside of a transaction has given up, as when a signal arrived.
        self.is_reading = False
        transaction = self.atomic(*self.books_mode)
        log.debug("waiting for the books lock")
        try:
            self.enter_books(transaction)
            yield
            with held():
                transaction.__exit__(None, None, None)
        except BaseException as fault:
            if self.in_transaction():
                with held():
                    transaction.__exit__(type(fault), fault, fault.__traceback__)
            raise

    @abstractmethod
    def enter_books(self, transaction: AbstractContextManager[object]) -> None:
        """Begin the transaction and take the books lock, waiting for it up to `lock_wait`."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[object]:
        """A transaction whose queries all read the same state, whatever is written meanwhile."""

    @abstractmethod
    def stream(self, query: peewee.Query) -> Iterator[tuple[Any, ...]]:
        """The rows of a query inside a `snapshot`, raw, without ever holding all of them."""

    @abstractmethod
    def clock(self, now: datetime) -> datetime:
        """The time by the clock that all who use this database share; `now` is by ours."""

    @abstractmethod
    def locking(self, query: M) -> M:
        """The query, its rows kept from others until the transaction ends."""

    @abstractmethod
    def insert_rows(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Insert many rows in bulk, values as the driver wants them (times by `to_text`)."""

    @abstractmethod
    def update_rows(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Update many rows in bulk, found by the first of the columns."""

    @abstractmethod
    def continue_ids(self, table: str, key: str) -> None:
        """Let the ids of new rows go on after the highest that `insert_rows` has written."""

    @abstractmethod
    def utc_day(self, moment: peewee.ColumnBase) -> peewee.Function:
        """The UTC day of a time, in SQL, as the text of an ISO date."""

    @abstractmethod
    def json_text(self, document: peewee.ColumnBase, key: peewee.ColumnBase) -> peewee.Function:
        """The text at a key of a JSON object, in SQL; NULL where there is none."""

    @abstractmethod
    def is_among(
        self, field: peewee.Field[Any], values: Iterable[int] | Iterable[str]
    ) -> peewee.Expression:
        """The condition that a field is one of these, however many: one parameter for all."""

    is_reading = False
    """Whether the rows of `raw_rows` are not through yet."""

    def cursor(self, named_cursor: str | None = None) -> Any:
        """A cursor of the driver's, whose type depends on it (hence Any)."""
        if self.is_reading:
            # PostgreSQL would wait for ever for the rows to be through.
            raise RuntimeError("the database was asked while the rows of a query were being read")
        return super().cursor(named_cursor)

    def rollback(self) -> None:
        """Roll back; what was being read is over."""
        self.is_reading = False
        super().rollback()

    def raw_rows(self, query: peewee.ModelSelect[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query with their cells as the driver gives them.

        For jobs over all members: peewee's conversion of each cell costs more than the job. A time
        comes as `from_driver` takes it and may be written back as it is. Nothing else can be asked
        until they are through, as it can beside a `stream`.
        """
        rows = self.rows_of(query)
        self.is_reading = True
        try:
            yield from rows
        finally:
            self.is_reading = False

    def rows_of(self, query: peewee.ModelSelect[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows for `raw_rows`, from a cursor that is open when this returns."""
        cursor = self.execute_sql(*query.sql())
        return itertools.chain.from_iterable(iter(lambda: cursor.fetchmany(FETCHED), []))

    @abstractmethod
    def explain(self, fault: Exception) -> TrcpointsError | None:
        """The failure to tell the reader of for a driver's exception; None: a bug of ours."""

    def absence(self) -> str:
        """What shows that there is no database of ours."""
        return "none of the tables of trcpoints is there"

    @abstractmethod
    def is_duplicate(self, fault: Exception) -> bool:
        """Whether a driver refused a row because of one that is there already."""

    @abstractmethod
    def size_bytes(self) -> int:
        """The size of the database on disk."""

    @abstractmethod
    def integrity_faults(self) -> list[str]:
        """What the engine finds wrong with its own files."""


def portions(values: Iterable[T], size: int = PORTION) -> Iterator[list[T]]:
    """The values in lists of at most `size`; PORTION is few enough for one `IN` everywhere."""
    iterator = iter(values)
    while portion := list(itertools.islice(iterator, size)):
        yield portion
