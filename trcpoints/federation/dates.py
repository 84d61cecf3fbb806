"""Dates as federations spell them, to ISO (design, section 8)."""

from __future__ import annotations

import re
from datetime import date

from trcpoints.records import quoted

_SHAPE = "should be a date like 1990-12-31"
_TIME = re.compile(
    r"""
    (T|\s+) [0-9]{1,2} : [0-9]{2} ( : [0-9]{2} ( [.,] [0-9]+ )? )? ( \s? [AP]M )?
    ( \s? ( Z | [+-] [0-9]{2} :? [0-9]{2} ) )? \Z
    """,
    re.VERBOSE | re.IGNORECASE,
)
_YEAR_FIRST = re.compile(
    r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})|((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})"
)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_NAMED = re.compile(
    r"""
    (?P<day> [0-9]{1,2} ) (st|nd|rd|th)? [ -] (?P<month> [a-z]{3,9} ) \.? ,? [ -]
    (?P<year> [0-9]{4} )
    | (?P<month_2> [a-z]{3,9} ) \.? [ ] (?P<day_2> [0-9]{1,2} ) (st|nd|rd|th)? ,? [ ]
    (?P<year_2> [0-9]{4} )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


def iso_date(text: str) -> str:
    """The date in ISO, whatever time of day follows it; raises ValueError with the reason.

    A date that could be two (01/02/1990) is none; with dots the day comes first.
    """
    day = _TIME.sub("", " ".join(text.split()))
    try:
        return _date(day).isoformat()
    except ValueError as fault:
        reason = fault if isinstance(fault, _Ambiguous) else _SHAPE
        raise ValueError(f"{quoted(text)} {reason}") from None


class _Ambiguous(ValueError):
    pass


def _date(text: str) -> date:
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = (found[n] or found[m] for n, m in ((1, 5), (3, 6), (4, 7)))
        return date(int(year), int(month), int(day))
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(int(found[1]), int(found[3]), int(found[4]), found[2])
    if found := _NAMED.fullmatch(text):
        month = _month(found["month"] or found["month_2"])
        return date(
            int(found["year"] or found["year_2"]), month, int(found["day"] or found["day_2"])
        )
    raise ValueError


def _year_last(first: int, second: int, year: int, separator: str) -> date:
    if separator == "." or first > 12 or first == second:
        return date(year, second, first)
    if second > 12:
        return date(year, first, second)
    raise _Ambiguous(f"could be two dates; {_SHAPE}")


def _month(word: str) -> int:
    word = word.lower()
    for number, name in enumerate(_MONTHS, 1):
        if word in (name, name[:3], name[:4] if name == "september" else name):
            return number
    raise ValueError
