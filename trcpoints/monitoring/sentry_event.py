"""What of an event the SDK may send to Sentry (design, section 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from trcpoints.secrecy import Scrubber

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint

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
_TEXTS = ("message", "tags", "exception")
"""What of it may hold anything; the rest are our own constants."""

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


def sendable(event: Event, hint: Hint, scrub: Scrubber) -> Event:
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
    return cast("Event", kept | _scrubbed(_only(_TEXTS, kept), scrub))


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
