"""What an answer says: its JSON, the words of an error, where it would send its reader."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urljoin, urlsplit

from trcpoints.http.text import one_line

if TYPE_CHECKING:
    # Whoever reads a saved answer does not pay for HTTP.
    from trcpoints.http.transport import Answer


class Undecodable(Exception):
    """Bytes that are no JSON, or not all of it: another try may bring a whole body."""


def loads(body: bytes) -> object:
    """JSON as plain objects, as tolerant as other tools; raises Undecodable.

    Half a surrogate pair in a name is no reason to lose the page; NaN is, for it is not JSON.
    """
    try:
        value: object = json.loads(body, parse_constant=_no_constant, parse_int=_integer)
    except (ValueError, RecursionError) as fault:
        raise Undecodable(one_line(str(fault))) from fault
    return value


def error_message(value: object) -> str:
    """What `{"error": {"message": …}}` says, made harmless; empty where it says nothing."""
    error = value.get("error") if isinstance(value, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return one_line(message) if isinstance(message, str) else ""


def said(answer: Answer) -> str:
    """The words of an error, with a colon before them; empty where there are none."""
    try:
        message = error_message(loads(answer.body))
    except Undecodable:
        return ""
    return f": {message}" if message else ""


def target(answer: Answer) -> str:
    """Where a redirect leads, in words."""
    location = answer.headers.get("Location", "")
    try:
        return f"to {origin(urljoin(answer.url, location))}" if location else "to nowhere"
    except ValueError:
        return "to an address that is not valid"


def origin(url: str) -> str:
    """Scheme and host, without a user, a path or a query, which are none of a log's business."""
    parts = urlsplit(url)
    return one_line(f"{parts.scheme}://{parts.hostname or ''}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int | str:
    # Python refuses to read thousands of digits; as text they are just as malformed.
    return int(digits) if len(digits) <= 40 else digits
