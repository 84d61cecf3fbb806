"""Files that commands write with `--output` (design, section 4), and CSV."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from trcpoints.cli.text import escaped, harmless
from trcpoints.errors import OutputFailed
from trcpoints.records import FORMULA_STARTS

PRIVATE = 0o600
"""The mode of a file with personal data."""

PUBLIC = 0o666
"""The mode of a file that others may read, less what the umask takes away."""

_GUARDED = (*FORMULA_STARTS, "'")
_PIECE = 1_000
"""Items of a document that are written at once."""


@contextmanager
def atomic_output(path: Path, *, mode: int) -> Iterator[TextIO]:
    """A text file that is there as a whole when the block ends, and not at all when it fails.

    Written next to `path` (or to what that links to) and then renamed. Raises OutputFailed.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        # A rename over a folder fails, and over a device it would replace the device.
        raise OutputFailed(
            f"{path} is not a file that can be replaced.", hint="Name a file after --output."
        )
    draft = target.with_name(f".trcpoints-{secrets.token_hex(8)}.tmp")
    try:
        try:
            yield from _written(draft, mode)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as fault:
        raise OutputFailed(
            f"{path} cannot be written: {fault.strerror or fault}.",
            hint="Check the folder, who may write there, and the room on the disk.",
        ) from fault


def _written(draft: Path, mode: int) -> Iterator[TextIO]:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
        yield file
        file.flush()
        os.fsync(descriptor)


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
