"""Asking a person at a terminal before a command goes past a guard."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.text import harmless

if TYPE_CHECKING:
    from trcpoints.errors import MassChangeRefused
    from trcpoints.guards import Ask

Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask on a terminal before going past a guard.")
]

_AGREED = frozenset({b"y", b"yes"})


def asker(*, yes: bool) -> Ask | None:
    """Return what asks the person at the terminal; None where there is none, and with --yes."""
    return None if yes or not (sys.stdin.isatty() and sys.stderr.isatty()) else _ask


def _ask(refusal: MassChangeRefused) -> bool:
    # Not by `input`, whose prompt goes to stdout, which is a script's.
    sys.stderr.write(f"{harmless(refusal.question)} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.buffer.readline()
    if not answer.endswith(b"\n"):
        sys.stderr.write("\n")  # the input has ended, and the cursor is behind the question
    return answer.strip().lower() in _AGREED
