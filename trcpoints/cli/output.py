"""Files that commands write with `--output` (design, section 4), and CSV."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from trcpoints.cli.text import csv_cell, harmless
from trcpoints.errors import OutputFailed

PRIVATE = 0o600
"""The mode of a file with personal data."""

PUBLIC = 0o666
"""The mode of a file that others may read, less what the umask takes away."""


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


def _cell(value: object, clean: Callable[[str], str]) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return csv_cell(clean(value) if isinstance(value, str) else value)
