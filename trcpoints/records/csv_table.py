"""CSV as spreadsheets and other programs write it, row by row: the one reader of it.

What a column means is not known here. A fault of one line is one bad row, and the others go on;
what makes the whole file doubtful is raised.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import deque
from collections.abc import Collection, Iterator
from typing import NamedTuple, TextIO

from trcpoints.errors import DataRefused, InvalidRecords
from trcpoints.records.encodings import wrong_encoding
from trcpoints.records.values import original_cell, quoted

LONGEST_LINE = 1_000_000
"""Characters; a cell has at most 131,072, which is the limit of Python's reader."""

MOST_READ_AGAIN = 100_000
"""Lines of a file that are read again after rows that are no CSV: each may take many of them."""

_HEAD = 65_536
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_EXPORT_AGAIN = "Have the file exported again, without these faults."
_BROKEN_OFF = "the file breaks off there, for its last line has no end"
_COMPLETE = "Have the whole file exported again; write it under another name, and rename it then."
_WEB_PAGE = "Open it in a browser to see what it says, and export the file again as CSV."


class Row(NamedTuple):
    """The cells of a row, as many as the header has; an empty one is an empty text.

    `line` is where it starts in the file, from 1.
    """

    line: int
    cells: list[str]


class BadRow(NamedTuple):
    """A row that cannot be read, and why."""

    line: int
    reason: str


class CsvTable:
    """A header, in `line`, and the rows under it.

    Columns without a name and without a cell are passed over where they are the last ones, and so
    are empty rows at the end. A first line `sep=;` says what is between the cells; else
    `delimiter` does; else it is the one of comma, semicolon and tab that makes most of the
    header, of its `known` names first of all. `skip_lines` is how many lines are above the header,
    not counting one with `sep=`.

    Raises DataRefused for what is empty, InvalidRecords for what is no table. `name` is how
    messages call the file.
    """

    def __init__(
        self,
        text: TextIO,
        name: str,
        *,
        known: Collection[str] = (),
        delimiter: str | None = None,
        skip_lines: int = 0,
    ) -> None:
        head = _head(text)
        mark = _SEPARATOR_LINE.match(head)
        above = skip_lines + (mark is not None)
        self._name = name
        self._lines = _Lines(text, name)
        for _ in itertools.islice(self._lines, above):
            pass
        self._delimiter = delimiter or (mark[1] if mark else _guess(head, above, known))
        self._split = self._split_rows()
        self.line, cells = self._read_header()
        self.header = [cell.strip() for cell in cells]
        self._columns = len(self.header)
        while not self.header[-1]:
            self.header.pop()
        self._check_is_table()

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the rows; raises InvalidRecords for a line from which on nothing can be read."""
        width = len(self.header)
        empty: list[int] = []
        for row in self._split:
            if isinstance(row, Row):
                line, cells = row
                if not cells[0].strip() and not any(map(str.strip, cells)):
                    empty.append(line)
                    continue
                if len(cells) != width:
                    row = self._fitted(row)
            if empty:
                yield from (Row(number, [""] * width) for number in empty)
                empty.clear()
            yield row

    def _read_header(self) -> Row:
        for row in self._split:
            if isinstance(row, BadRow):
                raise self._invalid(*row)
            if any(map(str.strip, row.cells)):
                return row
        raise DataRefused(f"{self._name} is empty.", hint="See why there was nothing to export.")

    def _check_is_table(self) -> None:
        first = self.header[0]
        if first.startswith("<"):
            reason = f"should be a header, but begins like a web page (HTML): {quoted(first)}"
            raise self._invalid(self.line, reason, hint=_WEB_PAGE)
        if any(char < " " and char not in "\t\r\n" for name in self.header for char in name):
            raise self._invalid(self.line, "should be a header, but is no text")

    def _fitted(self, row: Row) -> Row | BadRow:
        """Take off the empty cells of columns without a name."""
        width, (line, cells) = len(self.header), row
        if width < len(cells) <= self._columns:
            more = [cell for cell in cells[width:] if cell.strip()]
            if not more:
                return Row(line, cells[:width])
            return BadRow(line, f"has {quoted(more[0])} under a column without a name")
        noun = "cell" if len(cells) == 1 else "cells"
        reason = f"has {len(cells)} {noun} where the header has {width}"
        if len(cells) < width and self._lines.break_off():
            raise self._invalid(line, f"{reason}: {_BROKEN_OFF}", hint=_COMPLETE)
        return BadRow(line, reason)

    def _split_rows(self) -> Iterator[Row | BadRow]:
        """Split the lines into rows that are not blank.

        After a row that is no CSV it goes on with the next line: a quote that is opened and never
        closed takes no other row with it.
        """
        reader = self._reader()
        while True:
            line = self._lines.begin_row()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as fault:
                reason = f"not CSV: {self._reason(fault)}"
                if self._lines.is_overlong():
                    raise self._invalid(line, reason) from fault
                if self._lines.break_off() and not self._lines.are_several():
                    raise self._invalid(line, f"{reason}: {_BROKEN_OFF}", hint=_COMPLETE) from fault
                yield BadRow(line, reason)
                self._lines.give_back()
                if self._lines.read_again > MOST_READ_AGAIN:
                    raise self._invalid(line, f"{reason}, as many lines before it do") from fault
                reader = self._reader()
            else:
                if cells:
                    yield Row(line, _originals(cells) if self._lines.have("'") else cells)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(iter(self._lines), delimiter=self._delimiter, strict=True)

    def _reason(self, fault: csv.Error) -> str:
        if self._lines.are_several() or str(fault) == "unexpected end of data":
            return 'it opens a quote (") that is not closed'
        return str(fault)

    def _invalid(self, line: int, reason: str, hint: str = _EXPORT_AGAIN) -> InvalidRecords:
        return InvalidRecords(self._name, [(line, reason)], hint=hint)


class _Lines:
    """The lines of a text, of which those of the last row can be given back."""

    def __init__(self, text: TextIO, name: str) -> None:
        self._text = text
        self._name = name
        self._number = 0
        self._row: list[str] = []
        self._given_back: deque[str] = deque()
        self.read_again = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._given_back.popleft() if self._given_back else self._read():
            self._number += 1
            self._row.append(line)
            yield line

    def begin_row(self) -> int:
        """Forget the lines so far; the number of the line that comes next."""
        self._row.clear()
        return self._number + 1

    def give_back(self) -> None:
        """Have all lines of the row but its first one read again."""
        again = self._row[1:]
        self._given_back.extendleft(reversed(again))
        self.read_again += len(again)
        self._number -= len(again)

    def have(self, char: str) -> bool:
        """Whether a character is anywhere in the row."""
        row = self._row
        return char in row[0] if len(row) == 1 else any(char in line for line in row)

    def are_several(self) -> bool:
        """Whether the row has more than one line."""
        return len(self._row) > 1

    def break_off(self) -> bool:
        """Whether the row goes to the end of the file, whose last line has no end."""
        return not self._row[-1].endswith(("\n", "\r"))

    def is_overlong(self) -> bool:
        """Whether a cell of several lines may be longer than is read.

        That can be a sound one, whose lines are no rows.
        """
        return self.are_several() and sum(map(len, self._row)) > csv.field_size_limit()

    def _read(self) -> str:
        """Read one more line; an empty text at the end."""
        number = self._number + 1
        try:
            line = self._text.readline(LONGEST_LINE)
        except UnicodeError as fault:
            # It is read in portions: the fault is here, or some lines below.
            raise wrong_encoding(self._name, number, self._text.encoding) from fault
        if len(line) == LONGEST_LINE:
            reason = f"not CSV: longer than {LONGEST_LINE:,} characters"
            raise InvalidRecords(self._name, [(number, reason)], hint=_EXPORT_AGAIN)
        return line


def _head(text: TextIO) -> str:
    try:
        return text.read(_HEAD)
    except UnicodeError:
        return ""  # the reader comes to it again, and says where it is
    finally:
        text.seek(0)


def _guess(head: str, above: int, known: Collection[str]) -> str:
    """Return the one of comma, semicolon and tab that makes most of the header."""

    def score(delimiter: str) -> tuple[int, int]:
        lines = itertools.islice(io.StringIO(head, newline=""), above, None)
        try:
            for cells in csv.reader(lines, delimiter=delimiter, strict=True):
                names = [name for cell in cells if (name := cell.strip().lower())]
                if names:
                    return sum(name in known for name in names), len(names)
        except csv.Error:
            pass
        return 0, 0

    return max(",;\t", key=score)


def _originals(cells: list[str]) -> list[str]:
    """Take off the apostrophes that our own CSV puts before what looks like a formula."""
    return [original_cell(cell) if cell[:1] == "'" else cell for cell in cells]
