"""Messages to the admins of an organization: that its members could not be synced."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass, replace
from datetime import datetime

from trcpoints.config import Settings
from trcpoints.errors import MissingExtra, TrcpointsError
from trcpoints.federation.config import Federations, Organization
from trcpoints.monitoring.alerts import scrubber
from trcpoints.monitoring.errands import NotTold
from trcpoints.monitoring.notifications import SEND_TIME, Notice, Sending
from trcpoints.secrecy import Scrubber

log = logging.getLogger("trcpoints.federation")


@dataclass(frozen=True, slots=True)
class Failure:
    """A try of a job that has failed, and what comes next; `tries` are those so far.

    `next_retry_at` is None where it has failed for good.
    """

    job_id: int
    connector: str
    organization: str
    run_id: str
    fault: TrcpointsError
    tries: int
    next_retry_at: datetime | None

    @property
    def scope(self) -> str:
        """What could not be synced."""
        return f"{self.connector}/{self.organization}"


def tell_admins(settings: Settings, federations: Federations, failure: Failure) -> None:
    """Tell those who want to know; that nobody could be told is a warning in the log."""
    connector = federations.connectors.get(failure.connector)
    organization = connector.organizations.get(failure.organization) if connector else None
    if organization is None or not is_told(organization, failure):
        return
    scrub = scrubber(with_secrets(settings, federations).alerts)
    try:
        sending = Sending(organization.notify_urls, notice(failure, scrub))
        untold = "; ".join(sending.untold(SEND_TIME))
    except NotTold as fault:
        untold = str(fault)
    except MissingExtra as fault:
        untold = f"{fault.message} {fault.hint}"
    except Exception as fault:  # noqa: BLE001 (no notice may be the end of a sync)
        # Only its kind: texts of other people's libraries may quote an address, and that a secret.
        untold = type(fault).__name__
    if untold:
        log.warning("the admins of %s were not told: %s", failure.scope, untold)


def is_told(organization: Organization, failure: Failure) -> bool:
    """Whether its admins are told of a failure: for good, or the first where they want that."""
    if not organization.notify_urls:
        return False
    is_first = organization.notify_on == "first" and failure.tries == 1
    return failure.next_retry_at is None or is_first


def notice(failure: Failure, scrub: Scrubber) -> Notice:
    """What they read."""
    message, hint = scrub.words(failure.fault)
    if failure.next_retry_at is None:
        tries = "the first try" if failure.tries == 1 else f"{failure.tries} tries"
        rest = f"It is not tried again after {tries}; the next nightly sync begins anew."
    else:
        rest = f"It is tried again by itself at {failure.next_retry_at:%Y-%m-%d %H:%M} UTC."
    about = f"Job {failure.job_id}, run {failure.run_id} on {socket.gethostname()}."
    body = "\n\n".join(part for part in (message, hint, rest, about) if part)
    return Notice(f"trcpoints: {failure.scope} could not be synced", body, "failure")


def with_secrets(settings: Settings, federations: Federations) -> Settings:
    """The settings, with what must not be told of the federations either."""
    alerts = settings.alerts
    return replace(settings, alerts=replace(alerts, secrets=alerts.secrets | federations.secrets))
