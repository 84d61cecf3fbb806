"""SQLite: one file, no set-up."""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from datetime import datetime
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import peewee

from trcpoints.config import sqlite_url
from trcpoints.db import engine
from trcpoints.db.engine import Engine, M, Row, portions
from trcpoints.errors import (
    ConfigurationInvalid,
    DatabaseLocked,
    DatabaseUnavailable,
    TrcpointsError,
)
from trcpoints.signals import held

_TURN = 0.2

T = TypeVar("T")

_READER_PRAGMAS: dict[str, str | int] = {"query_only": 1}
_WRITER_PRAGMAS: dict[str, str | int] = {
    "journal_mode": "wal",
    # A committed award survives a power cut, not only a crash of the program.
    "synchronous": "full",
    "foreign_keys": 1,
}

_LOCKED = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"})
_NO_ROOM_BESIDE = "SQLITE_READONLY_DIRECTORY"
_OF_THE_DISK = frozenset({"SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_READONLY", "SQLITE_IOERR"})
_REASONS = {
    "SQLITE_CANTOPEN": ("cannot be opened", "Check the path in DATABASE_URL and who may read it."),
    "SQLITE_PERM": ("cannot be opened", "Check who owns the file: cron may run as another user."),
    "SQLITE_READONLY": (
        "cannot be written",
        "Check who owns the file and its folder: cron may run as another user.",
    ),
    "SQLITE_FULL": ("cannot grow: the disk is full", "Make room and run the command again."),
    "SQLITE_IOERR": (
        "cannot be read or written",
        "The disk may be full or failing: see df -h and dmesg.",
    ),
    "SQLITE_CORRUPT": ("is damaged", "Put it back from a backup; keep the damaged file."),
    "SQLITE_NOTADB": ("is not a SQLite database", "Check the path in DATABASE_URL."),
}


class SqliteEngine(Engine, peewee.SqliteDatabase):
    """A SQLite file; made with mode 0600 where it does not exist and may be written."""

    name = "sqlite"
    when_missing = "Check the path, and that its disk is mounted."
    books_mode = ("IMMEDIATE",)
    field_types = {  # noqa: RUF012 (peewee's own, read only)
        **peewee.SqliteDatabase.field_types,
        "UTCTIME": "TEXT",
    }

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self.lock_wait = engine.LOCK_WAIT
        self.public_url = sqlite_url(path)
        self.place = str(_absolute(path))
        self._was_alone = read_only and not self._log_exists()
        super().__init__(
            f"file:{quote(str(path))}?mode={'ro' if read_only else 'rw'}",
            pragmas=_READER_PRAGMAS if read_only else _WRITER_PRAGMAS,
            timeout=_TURN,
            uri=True,
        )

    def close(self) -> bool:
        """Close; a reader that found the file alone leaves it alone.

        SQLite makes two files to read one in WAL mode, and only who may write can take them away.
        """
        closed = super().close()
        if closed and self._was_alone and self._log_exists():
            # Busy or not permitted: then somebody else uses them, or they stay, which is harmless.
            with suppress(sqlite3.Error), closing(self._writer()) as connection:
                connection.execute("SELECT 1 FROM sqlite_master")
        return bool(closed)

    def _log_exists(self) -> bool:
        return self.path.with_name(f"{self.path.name}-wal").exists()

    def _writer(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(self.path))}?mode=rw", uri=True, timeout=0)

    @staticmethod
    def is_empty(path: Path) -> bool:
        """Whether there is no file, or one without a byte in it.

        Raises DatabaseUnavailable for anything else of that name.
        """
        try:
            found = path.stat()
        except FileNotFoundError:
            return True
        except OSError as fault:
            raise _unusable(path, fault) from fault
        if not stat.S_ISREG(found.st_mode):
            raise _unusable(path, "it is not a file")
        return found.st_size == 0

    @staticmethod
    def create_file(path: Path) -> None:
        """Make an empty database file that only its owner can read; keep one that exists.

        Its folder is made too, unless the path is relative: then it is probably meant to be
        another one. Raises ConfigurationInvalid for such a folder, and DatabaseUnavailable.
        """
        try:
            if not SqliteEngine.is_empty(path):
                return
            if not (path.is_absolute() or path.parent.is_dir()):
                raise ConfigurationInvalid(
                    [
                        f"{sqlite_url(path)}: the folder {_absolute(path.parent)} is not there. "
                        "Folders of a relative path are not made."
                    ],
                    hint=f"{_four_slashes(path)} Or make the folder: "
                    f"mkdir -p {shlex.quote(str(path.parent))}",
                )
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
        except OSError as fault:
            raise _unusable(path, fault) from fault

    def absence(self) -> str:
        """What shows that there is no database of ours, and that another path may be meant."""
        path, folder = self.path, _absolute(self.path.parent)
        if path.exists():
            found = "the file is empty" if SqliteEngine.is_empty(path) else super().absence()
        else:
            found = "the file" if folder.is_dir() else f"the folder {folder}"
            found += " is not there"
        return found if path.is_absolute() else f"{found}. {_four_slashes(path)}".rstrip(".")

    def enter_books(self, transaction: AbstractContextManager[object]) -> None:
        """SQLite's own single writer lock is the books lock."""
        self._patiently(transaction.__enter__)

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Connect; setting up a new file needs its lock for a moment."""
        return self._patiently(partial(super().connect, reuse_if_open))

    def rollback(self) -> None:
        """Roll back, unless SQLite did so by itself, as on a full disk."""
        if self.connection().in_transaction:
            super().rollback()

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Wait for a lock in short turns: inside SQLite's own wait no signal is heard."""
        deadline = time.monotonic() + self.lock_wait
        while True:
            try:
                with held():
                    return attempt()
            except peewee.OperationalError as fault:
                is_locked = isinstance(self.explain(fault), DatabaseLocked)
                if not is_locked or time.monotonic() >= deadline:
                    raise

    def snapshot(self) -> AbstractContextManager[object]:
        """SQLite's transactions read one state by themselves."""
        return self.atomic()

    def stream(self, query: peewee.Query) -> Iterator[tuple[Any, ...]]:
        """SQLite finds the rows as they are asked for."""
        yield from self.execute(query)

    def clock(self, now: datetime) -> datetime:
        """Ours: all who use a file are on one machine."""
        return now

    def locking(self, query: M) -> M:
        """As it is: there is one writer at a time."""
        return query

    def insert_rows(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """By `executemany`."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self._execute_many(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)

    def update_rows(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """By `executemany`, the key last: Python 3.12.0 to 3.12.3 warn of numbered parameters."""
        key, *changed = columns
        settings = ", ".join(f"{name} = ?" for name in changed)
        key_last = itemgetter(*range(1, len(columns)), 0)
        self._execute_many(f"UPDATE {table} SET {settings} WHERE {key} = ?", map(key_last, rows))

    def continue_ids(self, table: str, key: str) -> None:
        """SQLite always takes the next one."""

    def utc_day(self, moment: peewee.ColumnBase) -> peewee.Function:
        """The beginning of the text."""
        return peewee.fn.SUBSTR(moment, 1, 10)

    def json_text(self, document: peewee.ColumnBase, key: peewee.ColumnBase) -> peewee.Function:
        """By `json_extract`, which takes a path."""
        path = peewee.Value('$."').concat(key).concat('"')
        return peewee.fn.JSON_EXTRACT(document, path)

    def is_among(
        self, field: peewee.Field[Any], values: Iterable[int] | Iterable[str]
    ) -> peewee.Expression:
        """By `json_each`."""
        array = msgspec.json.encode(list(values)).decode()
        listed = peewee.SQL("(SELECT value FROM json_each(?))", (array,))
        return peewee.Expression(field, "IN", listed)

    def one_file(self) -> None:
        """Leave nothing beside the file: it can be read from a read-only disk, and be copied."""
        self.execute_sql("PRAGMA journal_mode = delete")

    def _execute_many(self, sql: str, rows: Iterable[Row]) -> None:
        cursor = self.cursor()
        for portion in portions(rows):
            cursor.executemany(sql, portion)

    def explain(self, fault: Exception) -> TrcpointsError | None:
        """By SQLite's own error codes."""
        cause = getattr(fault, "orig", fault)
        if not isinstance(cause, sqlite3.Error):
            return None
        name = getattr(cause, "sqlite_errorname", "")
        primary = "_".join(name.split("_")[:2])
        if primary in _LOCKED:
            return DatabaseLocked(
                f"The database {self.path} was locked by another program for "
                f"{self.lock_wait:g} seconds.",
                hint="Run the command again; if it stays locked, find the program that holds it: "
                f"fuser {self.path}",
            )
        if primary not in _REASONS:
            return None
        if primary in _OF_THE_DISK and _is_on_read_only_disk(self.path):
            return _on_read_only_disk(self.path, "read" if self.read_only else "written")
        if name == _NO_ROOM_BESIDE and self.read_only:
            return DatabaseUnavailable(
                f"The database {self.path} cannot be read: SQLite keeps two files beside it, and "
                "may not write in its folder.",
                hint="Run the command as the owner, or read a copy: trcpoints db backup FILE",
            )
        reason, hint = _REASONS[primary]
        return DatabaseUnavailable(f"The database {self.path} {reason}.", hint=hint)

    def is_duplicate(self, fault: Exception) -> bool:
        """By SQLite's own error codes."""
        cause = getattr(fault, "orig", fault)
        return getattr(cause, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_UNIQUE"

    def size_bytes(self) -> int:
        """The size of the file; the write-ahead log is not counted."""
        return self.path.stat().st_size

    def integrity_faults(self) -> list[str]:
        """By `quick_check` and `foreign_key_check`."""
        faults = [str(line) for (line,) in self.execute_sql("PRAGMA quick_check")]
        orphans = self.execute_sql("PRAGMA foreign_key_check").fetchall()
        if orphans:
            faults.append(f"{len(orphans)} rows refer to rows that are not there")
        return [fault for fault in faults if fault != "ok"]


def _unusable(path: Path, reason: OSError | str) -> DatabaseUnavailable:
    if isinstance(reason, OSError):
        if reason.errno == errno.EROFS:
            return _on_read_only_disk(path, "made")
        reason = str(reason.strerror)
    return DatabaseUnavailable(
        f"The database {path} cannot be used: {reason}.",
        hint="Check the path in DATABASE_URL and who may read and write there.",
    )


def _is_on_read_only_disk(path: Path) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _on_read_only_disk(path: Path, what: str) -> DatabaseUnavailable:
    folder = next(place for place in _absolute(path).parents if place.exists())
    return DatabaseUnavailable(
        f"The database {path} cannot be {what}: its file system is read-only, and SQLite writes "
        "in its folder, even to read it.",
        hint=f"See how it is mounted: findmnt -T {shlex.quote(str(folder))}. After an error "
        "Linux mounts a disk read-only (dmesg); a systemd service needs the folder in "
        "ReadWritePaths=.",
    )


def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except OSError:  # the working directory is gone
        return path


def _four_slashes(path: Path) -> str:
    """What to type for an absolute path, where a relative one was typed."""
    told = "The path is relative to the working directory"
    if len(path.parts) == 1 or path.parts[0] == "..":
        return f"{told}."
    return f"{told}; for /{path} type {sqlite_url(Path('/') / path)}."
