"""Messages to people, through Apprise: that a job keeps failing, and that it works again."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from trcpoints.config import AlertSettings
from trcpoints.errors import MissingExtra
from trcpoints.monitoring.alerts import ALARMING, RunEnd, scrubber
from trcpoints.monitoring.errands import Errand, NotTold
from trcpoints.secrecy import Scrubber

if TYPE_CHECKING:
    from apprise import NotifyBase

SEND_TIME = 15.0


class Notice(NamedTuple):
    """A message to people."""

    title: str
    body: str
    kind: Literal["info", "success", "failure"]


class NotificationChannel:
    """Notices of the runs of a job."""

    longest = SEND_TIME

    def __init__(self, settings: AlertSettings, *, job: str, run_id: str) -> None:
        self._urls = settings.notify_urls
        self._scrub = scrubber(settings)
        self._job = job
        self._run_id = run_id
        self._sending: Sending | None = None

    def started(self) -> None:
        """Nobody wants to read that."""

    def ended(self, end: RunEnd) -> None:
        """Begin to send a notice, where there is one."""
        found = notice(end, self._job, self._run_id, socket.gethostname(), self._scrub)
        if found is not None:
            self._sending = Sending(self._urls, found)

    def finish(self, seconds: float) -> None:
        """Wait until it is sent; raises NotTold."""
        if self._sending is not None and (untold := list(self._sending.untold(seconds))):
            raise NotTold("; ".join(untold))


def notice(end: RunEnd, job: str, run_id: str, machine: str, scrub: Scrubber) -> Notice | None:
    """What people are told: the third failure in a row, each doubling, and the recovery."""
    about = f"Run {run_id} on {machine}."
    if end.status == "completed" and not end.failures and (end.failures_before or 0) >= ALARMING:
        title = f"trcpoints: {job} works again"
        return Notice(
            title, f"It had failed {end.failures_before} times in a row. {about}", "success"
        )
    if end.status != "failed" or end.fault is None or end.failures == end.failures_before:
        return None
    if end.failures is None or not is_told(end.failures):
        return None
    message, hint = scrub.words(end.fault)
    title = f"trcpoints: {job} failed {end.failures} times in a row"
    rest = f"{about} You are told again at {2 * end.failures} failures, and when it works again."
    return Notice(title, "\n\n".join(part for part in (message, hint, rest) if part), "failure")


def is_told(failures: int) -> bool:
    """Whether people are told of so many failures in a row: at 3, 6, 12, 24, …"""
    times, rest = divmod(failures, ALARMING)
    return rest == 0 and times.bit_count() == 1


class Sending:
    """A notice on its way, to each address for itself: one that hangs keeps no other from it."""

    def __init__(self, urls: Sequence[str], message: Notice) -> None:
        self._urls = urls
        self._message = message
        self._errands: list[tuple[str, Errand]] = []
        self._preparation = Errand(self._prepare)

    def untold(self, seconds: float) -> Iterator[str]:
        """Wait so many seconds; the addresses that were not told, by their schemes, and why.

        Raises MissingExtra.
        """
        end = time.monotonic() + seconds
        self._preparation.wait(seconds)
        for scheme, errand in self._errands:
            try:
                errand.wait(end - time.monotonic())
            except NotTold as fault:
                yield f"{scheme}://… {fault}"

    def _prepare(self) -> None:
        for scheme, target in targets(self._urls):
            self._errands.append((scheme, Errand(partial(_send, target, self._message))))


def targets(urls: Sequence[str]) -> list[tuple[str, NotifyBase | None]]:
    """The addresses as Apprise understands them, with their schemes; None where it does not.

    Raises MissingExtra.
    """
    from trcpoints.http.bounded import bound_sessions

    bound_sessions()
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        raise MissingExtra("TRCPOINTS_NOTIFY_URLS", "notify") from None
    # It tells of addresses it does not understand, passwords and all.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.handlers = [logging.NullHandler()]
    asset = AppriseAsset(app_id="trcpoints", app_desc="trcpoints")
    return [(url.partition("://")[0], Apprise.instantiate(url, asset=asset)) for url in urls]


def _send(target: NotifyBase | None, message: Notice) -> None:
    if target is None:
        raise NotTold("is an address that Apprise does not know")
    from apprise import NotifyFormat, NotifyType
    from apprise.conversion import convert_between

    convert: Callable[[NotifyFormat, NotifyFormat, str], str] = convert_between
    # Not by Apprise.notify, whose pool of threads the process would wait for at its end.
    is_sent = target.notify(
        title=message.title,
        body=convert(NotifyFormat.TEXT, target.notify_format, message.body),
        notify_type=NotifyType(message.kind),
        body_format=target.notify_format,
    )
    if not is_sent:
        raise NotTold("did not take it")
