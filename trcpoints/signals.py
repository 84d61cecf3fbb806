"""SIGTERM, SIGINT and SIGHUP as exceptions, but never in a moment that must not be cut in two."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from trcpoints.errors import Interrupted

_AGAIN = 0.01
"""Seconds after which a signal is raised again that was raised where nobody can hear it."""


class _State:
    """Signals arrive in the main thread only, which is the only one that waits for them."""

    holders = 0
    arrived: int | None = None
    raised: Interrupted | None = None


def install() -> None:
    """From now on these raise Interrupted wherever the program is."""
    signal.signal(signal.SIGTERM, _arrive)
    signal.signal(signal.SIGINT, _arrive)
    # A terminal that is closed; nohup has it ignored, and so it stays.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _arrive)
    sys.unraisablehook = _hear_again


def begin() -> None:
    """Forget what was raised before this command."""
    _State.raised = None


def finish() -> None:
    """From now on they are too late: nothing is left to be done but to end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def raised() -> Interrupted | None:
    """The signal that has been raised. Python wraps it where it breaks off a class statement."""
    return _State.raised


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
            _raise(number)


def _arrive(number: int, _frame: FrameType | None) -> None:
    # A second signal is for somebody who will not wait.
    signal.signal(number, signal.SIG_DFL)
    if _State.holders:
        _State.arrived = number
        return
    _raise(number)


def _raise(number: int) -> NoReturn:
    _State.raised = Interrupted(number)
    raise _State.raised


def _hear_again(lost: sys.UnraisableHookArgs) -> None:
    """A signal that broke off a finalizer, which Python only mumbles about, has to be heard."""
    fault = lost.exc_value
    if not isinstance(fault, Interrupted):
        sys.__unraisablehook__(lost)
        return
    number = fault.signal_number
    signal.signal(signal.SIGALRM, lambda _number, frame: _arrive(number, frame))
    signal.setitimer(signal.ITIMER_REAL, _AGAIN)
