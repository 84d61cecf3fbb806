"""Reading the records of a file, for every import: CSV, JSON or NDJSON, told by the content.

What a record means is not known here; that its values are text which both engines can store is.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trcpoints.errors import DataRefused, InvalidRecords, NotFound
from trcpoints.records.csv_table import BadRow, CsvTable, Row
from trcpoints.records.encodings import decode_text, open_text, to_utf_8
from trcpoints.records.reader import Fault, Reader, Record
from trcpoints.records.values import (
    FORMULA_STARTS,
    loads,
    original_cell,
    quoted,
    reason_of,
    why_unstorable,
)

__all__ = [
    "FORMULA_STARTS",
    "BadRow",
    "CsvTable",
    "Fault",
    "Record",
    "RecordFile",
    "Row",
    "open_text",
    "original_cell",
    "quoted",
    "read_input",
    "scan_records",
    "to_utf_8",
    "why_unstorable",
]


@dataclass(frozen=True, slots=True)
class RecordFile:
    """What was read: the sound records, and the faults of the others."""

    name: str
    unit: Literal["line", "record"]
    records: list[Record]
    faults: list[Fault]

    def refuse(self, more: Iterable[Fault] = ()) -> None:
        """Raise InvalidRecords with all faults, those found later too, unless there is none."""
        faults = sorted([*self.faults, *more], key=lambda fault: fault[0])
        if faults:
            raise InvalidRecords(self.name, faults, unit=self.unit)


def scan_records(
    data: bytes,
    name: str,
    columns: Sequence[str],
    *,
    exported: Sequence[str] = (),
    advice: Mapping[str, str] | None = None,
) -> RecordFile:
    """Read a file for a caller who adds faults of its own before refusing it.

    `name` is how messages call it.
    `exported` are columns of our own export that cannot be imported: passed over where most are
    there, as in a file that we wrote, and faults where somebody wrote one by hand. `advice` is
    that of the Reader. Raises DataRefused for an empty file, one that is no text and one that is
    no table.
    """
    text = decode_text(data, name)
    start = text.lstrip()[:1]
    if not start:
        raise DataRefused(
            f"{name} is empty.",
            hint=f"Give CSV with a header, JSON or NDJSON; columns: {', '.join(columns)}",
        )
    reader = Reader(tuple(columns), frozenset(exported), advice or {})
    if start == "[":
        records = list(reader.array(_whole(text, name)))
    elif start == "{":
        records = list(_objects(reader, text, name))
    else:
        table = CsvTable(io.StringIO(text, newline=""), name, known=columns)
        records = list(reader.table(table))
    return RecordFile(name, reader.unit, records, reader.faults)


def read_input(path: str) -> tuple[bytes, str]:
    """The bytes of a file, or of stdin for `-`, and how messages call it.

    Raises NotFound, and DataRefused for what cannot be read.
    """
    name = "stdin" if path == "-" else path
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes(), name
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise NotFound(
            f"There is no file {path}.", hint="Check the name; - reads from stdin."
        ) from fault
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else fault
        raise DataRefused(f"{name} cannot be read: {reason}.", hint="Check the file.") from fault


def _whole(text: str, name: str) -> object:
    try:
        return loads(text)
    except ValueError as fault:
        line = fault.lineno if isinstance(fault, json.JSONDecodeError) else 1
        raise InvalidRecords(name, [(line, f"not JSON: {reason_of(fault)}")]) from fault


def _objects(reader: Reader, text: str, name: str) -> Iterator[Record]:
    """The records of a text that starts with an object: one document, or NDJSON."""
    line = text[: len(text) - len(text.lstrip())].count("\n") + 1
    try:
        value = loads(text)
    except ValueError:
        # One object a line is NDJSON; what breaks off elsewhere is a document that is damaged.
        if not text.lstrip().partition("\n")[0].rstrip().endswith("}"):
            _whole(text, name)
        return reader.lines(text)
    records = reader.listed(value)
    return reader.one(line, value) if records is None else reader.array(records)
