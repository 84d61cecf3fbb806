"""Work beside the run, which neither the run nor the end of the process has to wait for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from trcpoints.errors import TrcpointsError


class NotTold(Exception):
    """Somebody could not be told. The reason is in words of ours, without a secret."""


class Errand:
    """Does something in a daemon thread, from now on.

    Looking up a name may take minutes, and some libraries know no time-out for the whole.
    """

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do
        self._fault: Exception | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def settle(self, seconds: float) -> None:
        """Wait until it is done, however it went, or the time is over."""
        self._thread.join(max(seconds, 0.0))

    def wait(self, seconds: float) -> None:
        """Wait until it is done.

        Raises what it raised where that is a NotTold or a TrcpointsError, and NotTold for all
        else, by its kind alone: what other people's libraries say may quote a secret.
        """
        self.settle(seconds)
        if self._thread.is_alive():
            raise NotTold("no answer in time")
        if isinstance(self._fault, NotTold | TrcpointsError):
            raise self._fault
        if self._fault is not None:
            raise NotTold(type(self._fault).__name__) from self._fault

    def _run(self) -> None:
        try:
            self._do()
        except Exception as fault:  # noqa: BLE001 (told by the thread that waits)
            self._fault = fault
