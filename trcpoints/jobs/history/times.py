"""Times as the history is asked for them: moments, and ages that end now."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from trcpoints.points.awards import parse_moment
from trcpoints.records import quoted

_AGE = re.compile(r"([1-9][0-9]{0,6})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def time_ago(text: str, now: datetime) -> datetime:
    """The time that lies an age like 7d, 12h, 30m or 2w back. Raises ValueError."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{quoted(text)} is no age like 400d, 12h, 30m or 2w")
    try:
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError as fault:
        raise ValueError(f"{quoted(text)} ago there was no calendar") from fault


def moment_or_age(text: str, now: datetime) -> datetime:
    """A time as `parse_moment` reads it, or an age before `now`. Raises ValueError."""
    if _AGE.fullmatch(text.strip()):
        return time_ago(text, now)
    try:
        return parse_moment(text)
    except ValueError as fault:
        raise ValueError(f"{fault}; or an age like 7d or 12h") from fault
