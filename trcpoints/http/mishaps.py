"""What went wrong with a request, in words, and how long a server asks to be left alone."""

from __future__ import annotations

import http.client
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
import urllib3

from trcpoints.errors import TrcpointsError
from trcpoints.http.deadline import TooLarge
from trcpoints.http.text import one_line

# Anything above is "very long"; it keeps sums of times finite.
_LONGEST_RETRY_AFTER = 1e9


class Hiccup(Exception):
    """A request failed that may succeed in a moment. `why` is for the reader, `quoted` the part of
    it that is not ours (`TrcpointsError`).

    `limited` says that the server asked for a pause, of `retry_after` seconds where it said so.
    `lasting` is what it comes to when no other try helps; SourceUnavailable without it.
    """

    def __init__(
        self,
        why: str,
        *,
        quoted: str = "",
        limited: bool = False,
        retry_after: float | None = None,
        lasting: TrcpointsError | None = None,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.quoted = quoted
        self.limited = limited
        self.retry_after = retry_after
        self.lasting = lasting


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait from a Retry-After header; None where it is missing or makes no sense.

    Takes seconds (whole or not) and HTTP dates; a date in the past is 0.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        return min(float(text), _LONGEST_RETRY_AFTER)
    # A date begins with the name of a day; the parser alone takes "-5" or "1e3" for dates, too.
    if not re.match(r"(mon|tue|wed|thu|fri|sat|sun)", text, re.IGNORECASE):
        return None
    try:
        date = parsedate_to_datetime(text)
        aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        seconds = (aware - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def reason(fault: Exception) -> str:
    """Why a request failed, in a few words: the libraries name their own objects in it."""
    match fault:
        case requests.exceptions.InvalidSchema():
            return "this kind of address or proxy is not supported"
        case requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema():
            return "the address is not valid"
        case requests.exceptions.ConnectTimeout():
            return "no connection in time"
        case requests.exceptions.Timeout() | urllib3.exceptions.ReadTimeoutError():
            return "no whole answer in time"
        case requests.exceptions.ContentDecodingError():
            return "its answer is compressed wrongly"
        case _ if isinstance(_root(fault), TimeoutError):
            return "no whole answer in time"
        case _ if isinstance(_root(fault), TooLarge):
            return str(_root(fault))
        case _:
            return f"{_what_failed(fault)}: {_innermost(fault)}"


def quoted(fault: Exception) -> str:
    """The end of such a reason in which a server or a proxy may speak; the system may not."""
    root = _root(fault)
    return "" if isinstance(root, OSError) and root.strerror else f": {_innermost(fault)}"


def _what_failed(fault: Exception) -> str:
    match fault:
        case requests.exceptions.SSLError():
            return "no secure connection"
        case requests.exceptions.ProxyError():
            return "the proxy failed"
        case http.client.HTTPException() | ValueError() | OverflowError():
            return "its answer is not HTTP"
        case _:
            return "the connection failed"


def _innermost(fault: BaseException) -> str:
    root = _root(fault)
    text = root.strerror if isinstance(root, OSError) and root.strerror else str(root)
    return one_line(text) or type(root).__name__


def _root(fault: BaseException) -> BaseException:
    while (below := fault.__cause__ or fault.__context__) is not None:
        fault = below
    return fault
