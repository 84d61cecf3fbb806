"""Errors and check-ins for Sentry, without anything that is nobody's business (section 9).

The SDK is told to hook into nothing: not the log, not exceptions, not the exit of the process.
"""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sentry_sdk
from sentry_sdk.crons import capture_checkin
from sentry_sdk.transport import HttpTransport

from trcpoints import __version__, signals
from trcpoints.config import AlertSettings
from trcpoints.errors import InternalError
from trcpoints.http.unread import without_body
from trcpoints.monitoring.alerts import ALARMING, RunEnd, scrubber
from trcpoints.monitoring.errands import NotTold
from trcpoints.monitoring.sentry_event import sendable
from trcpoints.secrecy import kind_of

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint, MonitorConfig
    from sentry_sdk.consts import EndpointType

FLUSH_TIME = 3.5
"""Seconds that Sentry may delay the end of a run; a dead one does, every time."""


class Schedule(NamedTuple):
    """When a job should run, as crontab.example has it. Times are minutes.

    A check-in is missed when it is later than `margin`, and a run hangs after `longest`.
    """

    crontab: str
    margin: int
    longest: int


SCHEDULES: Mapping[str, Schedule] = {
    "sync": Schedule("*/15 * * * *", margin=5, longest=20),
    "streaks": Schedule("5 0 * * *", margin=30, longest=30),
}
"""The jobs that check in; the others are only reported when they fail."""


class SentryChannel:
    """Check-ins of a run, and its error where that is worth one."""

    longest = FLUSH_TIME

    def __init__(self, settings: AlertSettings, *, job: str, run_id: str) -> None:
        self._job = job
        self._run_id = run_id
        self._check_in = uuid.uuid4().hex
        self._client = Client(settings)

    def started(self) -> None:
        """Check in."""
        self._tell("in_progress")

    def ended(self, end: RunEnd) -> None:
        """Check out; report the error."""
        self._tell("ok" if end.status == "completed" else "error", end.duration_seconds)
        if end.fault is not None and is_reported(end):
            self._client.report(end.fault, job=self._job, run_id=self._run_id)

    def finish(self, seconds: float) -> None:
        """Wait until Sentry has all of it; raises NotTold."""
        self._client.close(seconds)

    def _tell(
        self, status: Literal["in_progress", "ok", "error"], duration: float | None = None
    ) -> None:
        schedule = SCHEDULES.get(self._job)
        if schedule is not None:
            self._client.check_in(
                f"trcpoints-{self._job}", schedule, self._check_in, status, duration
            )


def is_reported(end: RunEnd) -> bool:
    """Whether a run ended with an error for Sentry: a bug of ours at once, all else when it lasts.

    Where nobody can say whether it lasts, the database is down, which is told every time.
    """
    if end.status != "failed":
        return False
    return isinstance(end.fault, InternalError) or end.failures is None or end.failures >= ALARMING


class Client:
    """The SDK, set up for this process until `close`.

    The SDK swallows whatever is raised while it prepares something to send, an arriving signal
    too: hence it is held meanwhile.
    """

    def __init__(self, settings: AlertSettings) -> None:
        with signals.held():
            _set_up(settings)
            transport = sentry_sdk.get_client().transport
        self._lost = transport.lost if isinstance(transport, _Transport) else []

    def check_in(
        self,
        slug: str,
        schedule: Schedule,
        check_in_id: str,
        status: Literal["in_progress", "ok", "error"],
        duration: float | None,
    ) -> None:
        """Queue a check-in, with all that Sentry needs to make the monitor."""
        config: MonitorConfig = {
            "schedule": {"type": "crontab", "value": schedule.crontab},
            "timezone": "UTC",
            "checkin_margin": schedule.margin,
            "max_runtime": schedule.longest,
            "failure_issue_threshold": ALARMING,
            "recovery_threshold": 1,
        }
        with signals.held():
            self._require(
                capture_checkin(
                    monitor_slug=slug,
                    check_in_id=check_in_id,
                    status=status,
                    duration=duration,
                    monitor_config=config,
                )
            )

    def report(self, fault: BaseException, *, job: str, run_id: str) -> None:
        """Queue an error; one issue for each job and kind of failure."""
        code = getattr(fault, "code", InternalError.code)
        fingerprint = ["trcpoints", job, code]
        if isinstance(fault, InternalError):
            fingerprint.append(kind_of(fault))  # two bugs are two issues
        with signals.held(), sentry_sdk.new_scope() as scope:
            scope.set_tags({"job": job, "run_id": run_id, "code": code})
            scope.fingerprint = fingerprint
            self._require(sentry_sdk.capture_exception(fault))

    def say(self, message: str) -> None:
        """Queue a message that is no error."""
        with signals.held():
            self._require(sentry_sdk.capture_message(message, level="info"))

    def close(self, seconds: float) -> None:
        """Send what is queued, in so many seconds at most; raises NotTold for what was not."""
        client = sentry_sdk.get_client()
        began = time.monotonic()
        client.flush(timeout=max(seconds, 0.0))
        is_late = time.monotonic() - began >= seconds
        # Its thread is a daemon, and no exit hook waits for it.
        client.close(timeout=0)
        if self._lost:
            raise NotTold("; ".join(sorted(set(map(_in_words, self._lost)))))
        if is_late:
            raise NotTold("no answer in time")

    @staticmethod
    def _require(event_id: str | None) -> None:
        if event_id is None:
            raise NotTold("the SDK did not take it")


class _Transport(HttpTransport):
    """Remembers what could not be sent, and why; reads little of an answer, and goes nowhere else.

    The SDK itself would take a body of any size, and the key to wherever a redirect leads.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.lost: list[str] = []

    # Any: the SDK's arguments are passed through as they come, and its pool's answer.
    def _request(
        self, method: str, endpoint_type: EndpointType, body: Any, headers: Mapping[str, str]
    ) -> Any:
        answer = self._pool.request(
            method,
            self._auth.get_api_url(endpoint_type),
            body=body,
            headers=headers,
            redirect=False,
            preload_content=False,
        )
        return without_body(answer)

    def on_dropped_event(self, reason: str) -> None:
        self.lost.append(reason)


def _in_words(reason: str) -> str:
    known = {"network": "it could not be reached", "self_rate_limits": "it asked for a pause"}
    return known.get(reason, reason.replace("status_", "it answered "))


def _set_up(settings: AlertSettings) -> None:
    scrub = scrubber(settings)

    def before_send(event: Event, hint: Hint) -> Event:
        return sendable(event, hint, scrub)

    with warnings.catch_warnings():
        # Newer versions would rather be told what to send in another way, which older ones refuse.
        warnings.simplefilter("ignore", DeprecationWarning)
        sentry_sdk.init(
            dsn=settings.sentry_dsn,
            environment=settings.sentry_environment,
            release=f"trcpoints@{__version__}",
            server_name="",
            transport=_Transport,
            before_send=before_send,
            send_default_pii=False,
            include_local_variables=False,
            max_breadcrumbs=0,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            enable_backpressure_handling=False,
            send_client_reports=False,
            spotlight=False,
            shutdown_timeout=0,
            debug=False,
        )
