"""SIGTERM, SIGINT and SIGHUP as exceptions, but never in a moment that must not be cut in two."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from trcpoints.errors import Interrupted


class _State:
    """Signals arrive in the main thread only, which is the only one that waits for them."""

    holders = 0
    arrived: int | None = None


def install() -> None:
    """From now on these raise Interrupted wherever the program is."""
    signal.signal(signal.SIGTERM, _arrive)
    signal.signal(signal.SIGINT, _arrive)
    # A terminal that is closed; nohup has it ignored, and so it stays.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _arrive)


@contextmanager
def held() -> Iterator[None]:
    """Let a signal that arrives inside the block raise at its end.

    For a COMMIT or ROLLBACK: broken off, nobody would know whether it was done.
    """
    _State.holders += 1
    try:
        yield
    finally:
        _State.holders -= 1
        number = _State.arrived
        if number is not None and _State.holders == 0:
            _State.arrived = None
            raise Interrupted(number)


def _arrive(number: int, _frame: FrameType | None) -> None:
    # A second signal is for somebody who will not wait.
    signal.signal(number, signal.SIG_DFL)
    if _State.holders:
        _State.arrived = number
        return
    raise Interrupted(number)
