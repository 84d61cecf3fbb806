"""CSV of any columns, row by row: for files too large to be held, written by other systems."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from trcpoints.errors import DataRefused, InvalidRecords
from trcpoints.records.encodings import encoding_of
from trcpoints.records.reader import BadCsv, Fault, rows, wrong_length
from trcpoints.records.values import original_cell, quoted

MOST_COLUMNS = 1000
LONGEST_LINE = 1_000_000
"""Characters; a cell has at most 131,072, which is the limit of Python's reader."""

_MOST_FAULTS = 1000
_HEAD = 65_536
_AS_CSV = "Export it as CSV again; a spreadsheet calls that 'CSV UTF-8'."

Row = dict[str, str | None]


def stream_rows(
    file: IO[bytes],
    name: str,
    *,
    check: Callable[[Sequence[str]], None],
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Iterator[Row]:
    """The rows under a header, by its names as they are written; an empty cell is None.

    `name` is how messages call the file, which has to be seekable. `check` is given the names of a
    sound header, and may raise. Without `delimiter` and `encoding` they are found out. Rows of
    empty cells are none. Raises InvalidRecords with every faulty line, after the rows before the
    first of them; DataRefused for what is empty or no text.
    """
    text = _open(file, name, encoding)
    faults: list[Fault] = []
    try:
        for row in _read(text, delimiter, name, check, faults):
            if not faults:
                yield row
            elif len(faults) >= _MOST_FAULTS:
                break
    except BadCsv as fault:
        faults.append((fault.line, f"not CSV: {fault}"))
    finally:
        text.detach()
    if faults:
        raise InvalidRecords(
            name, faults, hint="Have the file exported again, without these faults."
        )


def _open(file: IO[bytes], name: str, encoding: str | None) -> io.TextIOWrapper:
    found = encoding or encoding_of(file)
    if found is None:
        raise DataRefused(f"{name} is neither UTF-8 nor Windows-1252.", hint=_AS_CSV)
    file.seek(0)
    # A mark at the beginning is no part of the first name, though an encoding was named.
    return io.TextIOWrapper(file, encoding="utf-8-sig" if found == "utf-8" else found, newline="")


def _read(
    text: io.TextIOWrapper,
    delimiter: str | None,
    name: str,
    check: Callable[[Sequence[str]], None],
    faults: list[Fault],
) -> Iterator[Row]:
    """Rows; after a fault also what is not to be used, so that the others are found."""
    found = rows(_lines(text), delimiter or _delimiter(text))
    try:
        line, cells = next(found)
    except StopIteration:
        raise DataRefused(
            f"{name} is empty.", hint="See why there was nothing to export."
        ) from None
    header = [cell.strip() for cell in cells]
    faults.extend((line, reason) for reason in _header_faults(header))
    if not faults:
        check(header)
    for line, cells in found:
        if not any(cells):
            continue
        if len(cells) != len(header):
            faults.append((line, wrong_length(cells, header)))
        yield {key: original_cell(cell) or None for key, cell in zip(header, cells, strict=False)}


def _header_faults(header: list[str]) -> Iterator[str]:
    if len(header) > MOST_COLUMNS:
        yield f"has {len(header):,} columns; at most {MOST_COLUMNS:,} are read"
        return
    if any(char < " " and char not in "\t\r\n" for name in header for char in name):
        yield "should be a header, but is no text"
        return
    if header[0].startswith("<"):
        yield f"should be a header, but begins like a web page: {quoted(header[0])}"
        return
    seen: set[str] = set()
    for place, name in enumerate(header, start=1):
        if not name:
            yield f"has no name over column {place}"
        elif name in seen:
            yield f"has {quoted(name)} more than once"
        seen.add(name)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        try:
            line = text.readline(LONGEST_LINE)
        except UnicodeError as fault:
            # It is read in portions: the fault is here, or some lines below.
            raise BadCsv(number, f"from here on it is not {text.encoding}") from fault
        if not line:
            return
        if len(line) == LONGEST_LINE:
            raise BadCsv(number, f"longer than {LONGEST_LINE:,} characters")
        yield line


def _delimiter(text: io.TextIOWrapper) -> str:
    """The one of comma, semicolon and tab that makes most of the header."""
    try:
        head = text.read(_HEAD)
    except UnicodeError:
        head = ""
    text.seek(0)

    def cells(delimiter: str) -> int:
        try:
            return len(next(rows(io.StringIO(head, newline=""), delimiter), (0, []))[1])
        except BadCsv:
            return 0

    return max(",;\t", key=cells)
