"""Errors and check-ins for Sentry, without anything that is nobody's business (section 9).

The SDK is told to hook into nothing: not the log, not exceptions, not the exit of the process.
"""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import sentry_sdk
from sentry_sdk.crons import capture_checkin
from sentry_sdk.transport import HttpTransport

from trcpoints import __version__, signals
from trcpoints.config import AlertSettings
from trcpoints.errors import InternalError
from trcpoints.monitoring.alerts import ALARMING, RunEnd, scrubber
from trcpoints.monitoring.errands import NotTold
from trcpoints.secrecy import Scrubber, kind_of

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint, MonitorConfig

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

_KEPT = (
    "type",
    "event_id",
    "timestamp",
    "platform",
    "level",
    "release",
    "environment",
    "sdk",
    "message",
    "tags",
    "fingerprint",
    "exception",
    "monitor_slug",
    "check_in_id",
    "status",
    "duration",
    "monitor_config",
)
_KEPT_OF_EXCEPTION = ("type", "module", "value", "mechanism", "stacktrace")
_KEPT_OF_MECHANISM = (
    "type",
    "handled",
    "source",
    "exception_id",
    "parent_id",
    "is_exception_group",
)
_KEPT_OF_FRAME = (
    "filename",
    "module",
    "function",
    "lineno",
    "pre_context",
    "context_line",
    "post_context",
    "in_app",
)


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
    """Remembers what could not be sent, and why."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.lost: list[str] = []

    def on_dropped_event(self, reason: str) -> None:
        self.lost.append(reason)


def _in_words(reason: str) -> str:
    known = {"network": "it could not be reached", "self_rate_limits": "it asked for a pause"}
    return known.get(reason, reason.replace("status_", "it answered "))


def _set_up(settings: AlertSettings) -> None:
    scrub = scrubber(settings)

    def before_send(event: Event, hint: Hint) -> Event:
        return _sendable(event, hint, scrub)

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


def _sendable(event: Event, hint: Hint, scrub: Scrubber) -> Event:
    """What of an event is sent: what is named here, and nothing that the SDK may add one day."""
    kept: dict[str, Any] = _only(_KEPT, event)
    if kept.get("type") == "check_in":
        return cast("Event", kept)
    if "exception" in kept:
        values = kept["exception"]["values"]
        kept["exception"] = {"values": [_exception(value) for value in values]}
        # The last one is what was reported; only its text is ours.
        fault = hint["exc_info"][1]
        kept["exception"]["values"][-1]["value"] = scrub.words(fault)[0]
    return cast("Event", _scrubbed(kept, scrub))


# Any: events are JSON.
def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value[key] for key in _KEPT_OF_EXCEPTION if key in value}
    # A server's answer, a row of the database: nobody knows what others' texts quote.
    kept["value"] = ""
    kept["mechanism"] = _only(_KEPT_OF_MECHANISM, kept.get("mechanism") or {})
    frames = (kept.get("stacktrace") or {}).get("frames") or []
    kept["stacktrace"] = {"frames": [_only(_KEPT_OF_FRAME, frame) for frame in frames]}
    return kept


def _only(names: tuple[str, ...], value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


def _scrubbed(value: Any, scrub: Scrubber) -> Any:
    match value:
        case str():
            return scrub(value)
        case dict():
            return {key: _scrubbed(item, scrub) for key, item in value.items()}
        case list() | tuple():
            return [_scrubbed(item, scrub) for item in value]
        case _:
            return value
