"""Pings to healthchecks: that a run has begun, and with which exit code it ended."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from uuid import NAMESPACE_URL, UUID, uuid5

from trcpoints.config import DEFAULT_USER_AGENT
from trcpoints.errors import TrcpointsError
from trcpoints.http.transport import Answer, Limits, Transport
from trcpoints.monitoring.alerts import RunEnd
from trcpoints.monitoring.errands import Errand, NotTold
from trcpoints.secrecy import Scrubber, parts_of_address

START_TIME = 4.0
END_TIME = 6.0

# The transport tells of requests with their addresses, and whoever knows such an address can ping.
_unheard = logging.getLogger("trcpoints.alerts.pings")
_unheard.setLevel(logging.CRITICAL)


class PingChannel:
    """Pings `<url>/start`, then `<url>/<exit code>`; 10 seconds for both at most."""

    longest = START_TIME + END_TIME

    def __init__(self, url: str, *, run_id: str) -> None:
        self._url = url
        self._run = run_uuid(run_id)
        self._start: Errand | None = None
        self._end: Errand | None = None

    def started(self) -> None:
        """Ping the start, beside the run."""
        self._start = Errand(partial(ping, f"{self._url}/start?rid={self._run}", START_TIME))

    def ended(self, end: RunEnd) -> None:
        """Ping the exit code, but not before the start."""
        self._end = Errand(partial(self._ping_end, end.exit_code))

    def finish(self, seconds: float) -> None:
        """Wait until both are answered; raises NotTold."""
        if self._end is not None:
            self._end.wait(seconds)
        if self._start is not None:
            self._start.wait(0.0)

    def _ping_end(self, exit_code: int) -> None:
        if self._start is not None:
            self._start.settle(START_TIME)
        ping(f"{self._url}/{exit_code}?rid={self._run}", END_TIME)


def run_uuid(run_id: str) -> UUID:
    """The UUID by which healthchecks tells runs apart."""
    return uuid5(NAMESPACE_URL, f"trcpoints:run:{run_id}")


def ping(url: str, seconds: float) -> None:
    """GET an address, in about so many seconds; raises NotTold unless the answer is 2xx."""
    limits = Limits(
        interval=0.0,
        retry_base=0.5,
        longest_wait=1.0,
        retries=1,
        connect_timeout=seconds / 2,
        read_timeout=seconds / 2,
        request_time=seconds / 2,
        budget=seconds,
        body_cap=65_536,
    )
    try:
        with Transport(
            "the address to ping",
            limits,
            user_agent=DEFAULT_USER_AGENT,
            authorization=None,
            now=_now,
            log=_unheard,
            hint="",
        ) as transport:
            transport.get(url, _accept)
    except TrcpointsError as fault:
        why = Scrubber(parts_of_address(url))(fault.message).removesuffix(".")
        raise NotTold(why) from fault


def _accept(answer: Answer) -> None:
    if not 200 <= answer.status < 300:
        raise NotTold(f"the address to ping answered {answer.status}")


def _now() -> datetime:
    return datetime.now(UTC)
