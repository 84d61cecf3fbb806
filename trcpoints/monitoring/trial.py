"""Whether alerts would arrive: what is set up, and a test of it (`trcpoints doctor`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from trcpoints.config import AlertSettings
from trcpoints.errors import MissingExtra
from trcpoints.monitoring.errands import Errand, NotTold

_CHECK_SENTRY = (
    "Compare SENTRY_DSN with what Sentry shows: your project's Settings, Client Keys (DSN)."
)
_CHECK_NOTIFY = (
    "Check this address in TRCPOINTS_NOTIFY_URLS; https://appriseit.com/services/ has all kinds."
)
_SENTRY_TIME = 10.0


@dataclass(frozen=True, slots=True)
class TestSent:
    """What became of a test, or of a look at a setting. `hint` is the way on where it is not ok."""

    what: Literal["sentry", "notifications", "pings"]
    ok: bool
    message: str
    hint: str = ""


def check_alerts(settings: AlertSettings) -> list[TestSent]:
    """Look at every setting, without telling anybody anything; nothing for those not set."""
    return [*_check_sentry(settings), *_check_notifications(settings), *_check_pings(settings)]


def send_tests(settings: AlertSettings) -> list[TestSent]:
    """Send a test to everybody who would be alerted; no monitor changes its state by it.

    Takes up to half a minute where nobody answers, and longer with a ping for each job.
    """
    return [*_send_sentry(settings), *_send_notifications(settings), *_send_pings(settings)]


def _check_sentry(settings: AlertSettings) -> Iterator[TestSent]:
    if settings.sentry_dsn is None:
        return
    from sentry_sdk.utils import BadDsn, Dsn

    try:
        dsn = Dsn(settings.sentry_dsn)
    except BadDsn:
        yield TestSent("sentry", False, "SENTRY_DSN is not a DSN.", _CHECK_SENTRY)
        return
    yield TestSent("sentry", True, f"Errors go to project {dsn.project_id} at {dsn.host}.")


def _send_sentry(settings: AlertSettings) -> Iterator[TestSent]:
    checked = list(_check_sentry(settings))
    if not all(check.ok for check in checked) or not checked:
        yield from checked
        return
    from trcpoints.monitoring.sentry import Client

    client = Client(settings)
    client.say("A test of trcpoints: its errors arrive here.")
    try:
        client.close(_SENTRY_TIME)
    except NotTold as fault:
        yield TestSent("sentry", False, f"Sentry did not take the test: {fault}.", _CHECK_SENTRY)
        return
    yield TestSent("sentry", True, "Sentry has taken the test.")


def _check_notifications(settings: AlertSettings) -> Iterator[TestSent]:
    if not settings.notify_urls:
        return
    from trcpoints.monitoring.notifications import targets

    try:
        known = targets(settings.notify_urls)
    except MissingExtra as fault:
        yield TestSent("notifications", False, fault.message, fault.hint)
        return
    for scheme, target in known:
        if target is None:
            message = f"{scheme}://… is an address that Apprise does not know."
            yield TestSent("notifications", False, message, _CHECK_NOTIFY)
        else:
            yield TestSent("notifications", True, f"{scheme}://… is known to Apprise.")


def _send_notifications(settings: AlertSettings) -> Iterator[TestSent]:
    if not settings.notify_urls:
        return
    from trcpoints.monitoring.notifications import SEND_TIME, Notice, Sending

    test = Notice("trcpoints: a test", "You are told here when a job keeps failing.", "info")
    end = time.monotonic() + SEND_TIME
    # All are on their way before the first is waited for.
    sendings = [(url.partition("://")[0], Sending([url], test)) for url in settings.notify_urls]
    for scheme, sending in sendings:
        try:
            untold = list(sending.untold(end - time.monotonic()))
        except NotTold as fault:
            untold = [f"{scheme}://… {fault}"]
        except MissingExtra as fault:
            yield TestSent("notifications", False, fault.message, fault.hint)
            return
        for reason in untold:
            yield TestSent("notifications", False, f"{reason}.", _CHECK_NOTIFY)
        if not untold:
            yield TestSent("notifications", True, f"{scheme}://… has taken the test.")


def _check_pings(settings: AlertSettings) -> Iterator[TestSent]:
    for job in settings.ping_urls:
        yield TestSent("pings", True, f"The runs of {job} are pinged.")


def _send_pings(settings: AlertSettings) -> Iterator[TestSent]:
    for job, url in settings.ping_urls.items():
        from trcpoints.monitoring.pings import END_TIME, ping

        # Healthchecks writes a ping to /log down without taking it for a run.
        errand = Errand(partial(ping, f"{url}/log", END_TIME))
        try:
            errand.wait(END_TIME)
        except NotTold as fault:
            name = f"TRCPOINTS_PING_URL_{job.upper()}"
            yield TestSent("pings", False, f"{job}: {fault}.", f"Check the address in {name}.")
        else:
            yield TestSent("pings", True, f"The ping for {job} was answered.")
