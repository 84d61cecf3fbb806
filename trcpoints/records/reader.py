"""Turns rows and objects into records, and collects what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from trcpoints.errors import InvalidRecords
from trcpoints.records.csv_table import BadRow, CsvTable, Row
from trcpoints.records.values import JsonObject, loads, quoted, reason_of, text_of

Fault = tuple[int, str]
"""The number of a line or record, and what is wrong with it."""

_BETWEEN_WORDS = str.maketrans("", "", " _-")

MOST_COLUMNS = 100
"""Columns of a file, or keys of an object, with those that are passed over."""

_NEARLY = 0.8
"""Of `difflib`: a letter or two are other ones."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `line` is where it starts in the file, from 1; in a JSON array its number.

    A column that the record does not have is not among `values`; an empty one is None.
    """

    line: int
    values: dict[str, str | None]


@dataclass(slots=True)
class Reader:
    """Makes records of one file; `unit` is what their numbers count.

    `advice` is what to say of an unknown name, or of one whose nearest is a known name: by that
    name, in lower case and without what is between its words.
    """

    columns: tuple[str, ...]
    exported: frozenset[str]
    advice: Mapping[str, str]
    unit: Literal["line", "record"] = "line"
    faults: list[Fault] = field(default_factory=list)
    _reasons: dict[str, str] = field(default_factory=dict)

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

    def table(self, table: CsvTable) -> Iterator[Record]:
        """The rows under a header."""
        if not self._can_be_counted(table.line, len(table.header)):
            return
        header = [name.lower() for name in table.header]
        if not any(name in self.columns or _squeezed(name) in self.advice for name in header):
            self._fault(table.line, f"should be a header: some of {', '.join(self.columns)}")
            return
        self._names_are_sound(table.line, header)
        try:
            for row in table.rows():
                if isinstance(row, BadRow):
                    self._fault(*row)
                elif (record := self._row(row, header)) is not None:
                    yield record
        except InvalidRecords as fault:
            self.faults += fault.faults

    def _row(self, row: Row, header: list[str]) -> Record | None:
        sound = True
        values: dict[str, str | None] = {}
        for name, cell in zip(header, row.cells, strict=True):
            if name in self.columns:
                text, reason = text_of(cell)
                sound &= self._is_sound(row.line, name, reason)
                values[name] = text
        return Record(row.line, values) if sound else None

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
        if name not in self._reasons:
            self._reasons[name] = f"unknown column {quoted(name)}; {self._advise(name)}"
        return self._reasons[name]

    def _advise(self, name: str) -> str:
        nearest = difflib.get_close_matches(name[:50].lower(), self.columns, 1)
        # Advice is for what is nearly that name: membership_expiry is no member_id.
        nearly = difflib.get_close_matches(name[:50].lower(), nearest, 1, _NEARLY)
        for known in map(_squeezed, (name, *nearly)):
            if known in self.advice:
                return self.advice[known]
        nearest = [one for one in nearest if _squeezed(one) not in self.advice]
        return f"do you mean {nearest[0]}?" if nearest else f"known: {', '.join(self.columns)}"

    def _is_sound(self, line: int, name: str, reason: str | None) -> bool:
        if reason is not None:
            self._fault(line, f"{name} {reason}")
        return reason is None

    def _fault(self, line: int, reason: str) -> None:
        self.faults.append((line, reason))


def _squeezed(name: str) -> str:
    return name[:50].lower().translate(_BETWEEN_WORDS)
