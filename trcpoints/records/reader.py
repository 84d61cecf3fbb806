"""Turns rows and objects into records, and collects what is wrong with them."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trcpoints.records.values import JsonObject, loads, original_cell, quoted, reason_of, text_of

Fault = tuple[int, str]
"""The number of a line or record, and what is wrong with it."""

MOST_COLUMNS = 100
"""Columns of a file, or keys of an object, with those that are passed over."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `line` is where it starts in the file, from 1; in a JSON array its number.

    A column that the record does not have is not among `values`; an empty one is None.
    """

    line: int
    values: dict[str, str | None]


@dataclass(slots=True)
class Reader:
    """Makes records of one file; `unit` is what their numbers count."""

    columns: tuple[str, ...]
    exported: frozenset[str]
    unit: Literal["line", "record"] = "line"
    faults: list[Fault] = field(default_factory=list)
    _advice: dict[str, str] = field(default_factory=dict)

    def array(self, values: object) -> Iterator[Record]:
        """The objects of a list, counted."""
        self.unit = "record"
        for number, value in enumerate(values if isinstance(values, list) else [], start=1):
            yield from self.one(number, value)

    def lines(self, text: str) -> Iterator[Record]:
        """One object a line."""
        # Not splitlines: a string in JSON may hold U+2028 and its like.
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                value = loads(line)
            except ValueError as fault:
                self._fault(number, f"not JSON: {reason_of(fault)}")
            else:
                yield from self.one(number, value)

    def listed(self, value: object) -> object | None:
        """The one list that a document of ours holds; None where this is none."""
        if not isinstance(value, JsonObject):
            return None
        lists = [v for k, v in value if type(v) is list and k not in self.columns]
        return lists[0] if len(lists) == 1 else None

    def one(self, line: int, value: object) -> Iterator[Record]:
        """The record of one object, if it is sound."""
        if not isinstance(value, JsonObject):
            self._fault(line, "should be an object, like {" + f'"{self.columns[0]}": "…"' + "}")
            return
        if not self._can_be_counted(line, len(value)):
            return
        sound = self._names_are_sound(line, [key for key, _ in value])
        values: dict[str, str | None] = {}
        for key, cell in value:
            if key in self.columns:
                text, reason = text_of(cell)
                sound &= self._is_sound(line, key, reason)
                values[key] = text
        if sound:
            yield Record(line, values)

    def csv(self, text: str) -> Iterator[Record]:
        """The rows under a header."""
        found = rows(io.StringIO(text, newline=""), _delimiter(text, self.columns))
        try:
            line, cells = next(found)
            if not self._can_be_counted(line, len(cells)):
                return
            header = [cell.strip().lower() for cell in cells]
            if not any(name in self.columns for name in header):
                self._fault(line, f"should be a header: some of {', '.join(self.columns)}")
                return
            self._names_are_sound(line, header)
            for line, cells in found:
                yield from self._row(line, header, cells)
        except BadCsv as fault:
            self._fault(fault.line, f"not CSV: {fault}")

    def _row(self, line: int, header: list[str], cells: list[str]) -> Iterator[Record]:
        if len(cells) != len(header):
            self._fault(line, wrong_length(cells, header))
            return
        sound = True
        values: dict[str, str | None] = {}
        for name, cell in zip(header, cells, strict=True):
            if name in self.columns:
                text, reason = text_of(original_cell(cell))
                sound &= self._is_sound(line, name, reason)
                values[name] = text
        if sound:
            yield Record(line, values)

    def _can_be_counted(self, line: int, columns: int) -> bool:
        if columns > MOST_COLUMNS:
            self._fault(line, f"has {columns:,} columns; at most {MOST_COLUMNS} are read")
        return columns <= MOST_COLUMNS

    def _names_are_sound(self, line: int, names: list[str]) -> bool:
        # Most of them: an older version's export has not all that ours has.
        are_most = 2 * len(self.exported & set(names)) > len(self.exported)
        passed_over = self.exported if are_most else frozenset()
        reasons = [
            self._unknown(n) for n in names if n not in self.columns and n not in passed_over
        ]
        seen: set[str] = set()
        for name in names:
            if name in seen:
                reasons.append(f"has {quoted(name)} more than once")
                break
            seen.add(name)
        for reason in reasons:
            self._fault(line, reason)
        return not reasons

    def _unknown(self, name: str) -> str:
        if not name:
            return "has a column without a name"
        if name in self.exported:
            return f"{quoted(name)} cannot be imported"
        if name not in self._advice:
            nearest = difflib.get_close_matches(name[:50], self.columns, 1)
            known = f"do you mean {nearest[0]}?" if nearest else f"known: {', '.join(self.columns)}"
            self._advice[name] = f"unknown column {quoted(name)}; {known}"
        return self._advice[name]

    def _is_sound(self, line: int, name: str, reason: str | None) -> bool:
        if reason is not None:
            self._fault(line, f"{name} {reason}")
        return reason is None

    def _fault(self, line: int, reason: str) -> None:
        self.faults.append((line, reason))


class BadCsv(Exception):
    """CSV that cannot be read from a line on."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def wrong_length(cells: list[str], header: list[str]) -> str:
    """What is wrong with a row that the header does not fit."""
    return f"has {len(cells)} cells where the header has {len(header)}"


def rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line that it starts on; raises BadCsv.

    `lines` have their ends as they are in the file.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            raise BadCsv(line, str(fault)) from fault
        if cells:
            yield line, cells


def _delimiter(text: str, columns: Sequence[str]) -> str:
    """The one of comma, semicolon and tab that makes most of the header."""

    def known(delimiter: str) -> int:
        try:
            _, cells = next(rows(io.StringIO(text, newline=""), delimiter))
        except BadCsv:
            return 0
        return sum(cell.strip().lower() in columns for cell in cells)

    return max(",;\t", key=known)
