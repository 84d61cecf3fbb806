"""A backup: the whole database as one SQLite file, whichever engine it came from (section 9).

The same file for both engines, made and restored by the same code as any copy: it needs no other
program, and it restores into either engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trcpoints.config import sqlite_path, sqlite_url
from trcpoints.db import schema
from trcpoints.db.copying import Tick, both_ends, copy_rows
from trcpoints.db.database import Access, connected, translated
from trcpoints.db.sqlite import SqliteEngine
from trcpoints.documents.db import DbBackupDocument
from trcpoints.errors import DatabaseUnavailable, OutputFailed


def back_up(source_url: str, file: Path, tick: Tick) -> DbBackupDocument:
    """Write one snapshot to a file that is there as a whole in the end, or not at all.

    Others may read and write the database meanwhile. The file is its owner's only, and replaces
    an older one. Raises OutputFailed, and what `both_ends` and `copy_rows` raise.
    """
    target = Path(os.path.realpath(file))
    _require_replaceable(target, sqlite_path(source_url))
    with _writing(file):
        folder = TemporaryDirectory(prefix=".trcpoints-", dir=target.parent)
    with folder:
        draft = Path(folder.name) / "backup.db"
        # No new database to speak of: it is made here, without a word.
        with connected(sqlite_url(draft), Access.CREATE) as engine:
            schema.upgrade(engine, create=True)
        with both_ends(source_url, sqlite_url(draft), Access.WRITE) as (source, engine):
            tables = copy_rows(source, engine, tick)
            document = DbBackupDocument(
                source=source.public_url,
                output=str(file),
                schema_version=schema.inspect(engine).version,
                size_bytes=0,
                tables=tables,
            )
        document.size_bytes = _finish(draft)
        with _writing(file):
            draft.replace(target)
    return document


def _finish(draft: Path) -> int:
    """Read the file back and leave nothing beside it; its size."""
    engine = SqliteEngine(draft, read_only=False)
    with translated(engine), engine.connection_context():
        faults = engine.integrity_faults()
        if faults:
            raise DatabaseUnavailable(
                f"The backup was damaged as it was written: {'; '.join(faults)}",
                hint="Check the disk (df, dmesg).",
            )
        engine.one_file()
        return engine.size_bytes()


def _require_replaceable(target: Path, source: Path | None) -> None:
    if source is not None and Path(os.path.realpath(source)) == target:
        raise OutputFailed(
            f"{target} is the database itself.", hint="Name another file for the backup."
        )
    if target.exists() and not target.is_file():
        raise OutputFailed(
            f"{target} is not a file that can be replaced.",
            hint="Name a file: trcpoints db backup backup.db",
        )
    if target.exists() and not _is_backup(target):
        raise OutputFailed(
            f"{target} is not an older backup: it would be lost.",
            hint="Name another file for the backup, or move that one away.",
        )


def _is_backup(file: Path) -> bool:
    """Whether a file is empty, or a database as `backup` leaves one; live books are in WAL mode."""
    with _writing(file), file.open("rb") as opened:
        head = opened.read(20)
    return not head or (head.startswith(b"SQLite format 3\0") and head[18:20] == b"\1\1")


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise OutputFailed(
            f"{file} cannot be written: {fault.strerror or fault}.",
            hint="Check the folder, who may write there, and the room on the disk.",
        ) from fault
