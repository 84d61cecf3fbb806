"""Many rows, written as CSV or as a document in pieces (design, section 4)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from trcpoints.cli.text import escaped, harmless
from trcpoints.records import FORMULA_STARTS

_GUARDED = (*FORMULA_STARTS, "'")
_PIECE = 1_000
"""Items of a document that are written at once."""


def write_csv(file: TextIO, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write rows that no spreadsheet runs as formulas, and no terminal obeys if it is one.

    None is an empty cell, truth is spelt as in JSON.
    """
    writer = csv.writer(file)
    writer.writerow(header)
    clean = harmless if file.isatty() else str
    writer.writerows([_cell(value, clean) for value in row] for row in rows)


def csv_cell(value: object) -> object:
    """A cell that no spreadsheet runs as a formula; numbers stay numbers.

    `original_cell` in `trcpoints.records` takes the apostrophe off again.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_GUARDED) else value


def write_json_items(file: TextIO, document: object, items: Iterable[object]) -> None:
    """Write a document in pieces, these items in its empty list, which comes last: one a line."""
    import msgspec

    from trcpoints.db.engine import portions

    empty = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    before = empty.removesuffix("]\n}")
    for portion in portions(items, _PIECE):
        lines = (f"\n    {msgspec.json.encode(item).decode()}" for item in portion)
        file.write(before + escaped(",".join(lines)))
        before = ","
    file.write(f"{'' if before == ',' else before}\n  ]\n}}\n")
    file.flush()


def _cell(value: object, clean: Callable[[str], str]) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return csv_cell(clean(value) if isinstance(value, str) else value)
