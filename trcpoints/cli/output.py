"""Files that commands write with `--output` (design, section 4)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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
