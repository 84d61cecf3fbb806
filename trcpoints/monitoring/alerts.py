"""Who is told how a run of a job went (design, section 9): Sentry, healthchecks, people.

Never the cause of a failure: what cannot be told is a warning in the log, and no more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from trcpoints.config import AlertSettings
from trcpoints.documents import RunStatus
from trcpoints.errors import TrcpointsError
from trcpoints.monitoring.errands import NotTold
from trcpoints.secrecy import Scrubber, parts_of_address

ALARMING = 3
"""So many failures in a row are told of; fewer may be a hiccup of the source."""

log = logging.getLogger("trcpoints.alerts")


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended. `fault` is a TrcpointsError or Interrupted.

    The failures are those in a row before and after this run, None where the database could not
    say.
    """

    status: RunStatus
    exit_code: int
    duration_seconds: float
    fault: BaseException | None = None
    failures_before: int | None = None
    failures: int | None = None


class Channel(Protocol):
    """A way to tell somebody. None of its methods but `finish` waits for an answer."""

    longest: float
    """Seconds that `finish` may take at most."""

    def started(self) -> None:
        """Say that the run has begun."""

    def ended(self, end: RunEnd) -> None:
        """Begin to say how it ended; called without `started` for a run that failed before."""

    def finish(self, seconds: float) -> None:
        """Wait until all is told; raises NotTold."""


class Alerts:
    """The alerts of one run."""

    def __init__(self, settings: AlertSettings, *, job: str, run_id: str) -> None:
        self._settings = settings
        self._job = job
        self._run_id = run_id
        self._channels: dict[str, Channel] | None = None

    def started(self) -> None:
        """Tell that the run has begun. Waits for nobody."""
        for name, channel in self._opened().items():
            with _warned(name):
                channel.started()

    def ended(self, end: RunEnd, seconds: float) -> None:
        """Tell how the run ended, in at most `seconds` in all.

        Of a run that had not begun to work, only a failure is told.
        """
        began = time.monotonic()
        if self._channels is None and end.status != "failed":
            return
        channels = self._opened()
        for name, channel in channels.items():
            with _warned(name):
                channel.ended(end)
        for name, channel in channels.items():
            with _warned(name):
                channel.finish(began + min(seconds, channel.longest) - time.monotonic())

    def _opened(self) -> dict[str, Channel]:
        """The channels that there are settings for; opened once."""
        if self._channels is None:
            self._channels = {}
            for name, open_channel in self._wanted().items():
                with _warned(name):
                    self._channels[name] = open_channel()
        return self._channels

    def _wanted(self) -> dict[str, Callable[[], Channel]]:
        settings = self._settings
        wanted: dict[str, Callable[[], Channel]] = {}
        if settings.sentry_dsn is not None:
            wanted["Sentry"] = self._sentry
        if settings.notify_urls:
            wanted["Apprise"] = self._notifications
        if self._job in settings.ping_urls:
            wanted["healthchecks"] = self._pings
        return wanted

    # Imported when they are wanted: a run without alerts does not pay for their libraries.

    def _sentry(self) -> Channel:
        from trcpoints.monitoring.sentry import SentryChannel

        return SentryChannel(self._settings, job=self._job, run_id=self._run_id)

    def _notifications(self) -> Channel:
        from trcpoints.monitoring.notifications import NotificationChannel

        return NotificationChannel(self._settings, job=self._job, run_id=self._run_id)

    def _pings(self) -> Channel:
        from trcpoints.monitoring.pings import PingChannel

        return PingChannel(self._settings.ping_urls[self._job], run_id=self._run_id)


def scrubber(settings: AlertSettings) -> Scrubber:
    """Takes out of texts what nobody who is alerted may read."""
    addresses = [settings.sentry_dsn or "", *settings.notify_urls, *settings.ping_urls.values()]
    return Scrubber({*settings.secrets, *chain.from_iterable(map(parts_of_address, addresses))})


@contextmanager
def _warned(name: str) -> Iterator[None]:
    """Make a warning of what goes wrong in the block."""
    try:
        yield
    except NotTold as fault:
        log.warning("%s was not told of this run: %s", name, fault)
    except TrcpointsError as fault:
        log.warning("%s was not told of this run: %s %s", name, fault.message, fault.hint)
    except Exception as fault:  # noqa: BLE001 (no alert may be the end of a run)
        # Only its kind: texts of other people's libraries may quote an address, and that a secret.
        log.warning("%s was not told of this run: %s", name, type(fault).__name__)
