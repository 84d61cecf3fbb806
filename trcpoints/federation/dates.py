"""Dates as federations spell them, to ISO (design, section 8)."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, get_args

from trcpoints.records import quoted

DateOrder = Literal["dmy", "mdy"]
"""Whether the day or the month comes first, where the year comes last."""

DATE_ORDERS: tuple[DateOrder, ...] = get_args(DateOrder)

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


def iso_date(text: str, order: DateOrder | None = None) -> str:
    """The date in ISO, whatever time of day follows it; raises ValueError with the reason.

    Without an `order` a date that could be two (01/02/1990) is none; with dots the day comes
    first. With one, a date that is only one in the other order is none: if that were read, a
    wrong order would show in no rejected record.
    """
    day = _TIME.sub("", " ".join(text.split()))
    try:
        return _date(day, order).isoformat()
    except ValueError as fault:
        reason = fault if isinstance(fault, _Unfit) else _SHAPE
        raise ValueError(f"{quoted(text)} {reason}") from None


class _Unfit(ValueError):
    pass


def _date(text: str, order: DateOrder | None) -> date:
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = (found[n] or found[m] for n, m in ((1, 5), (3, 6), (4, 7)))
        return date(int(year), int(month), int(day))
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(int(found[1]), int(found[3]), int(found[4]), found[2], order)
    if found := _NAMED.fullmatch(text):
        month = _month(found["month"] or found["month_2"])
        return date(
            int(found["year"] or found["year_2"]), month, int(found["day"] or found["day_2"])
        )
    raise ValueError


def _year_last(first: int, second: int, year: int, separator: str, order: DateOrder | None) -> date:
    if order is not None:
        return _in_order(first, second, year, order)
    if separator == "." or first > 12 or first == second:
        return date(year, second, first)
    if second > 12:
        return date(year, first, second)
    raise _Unfit(
        f"could be two dates; {_SHAPE}, unless the connector says which comes first, the day or "
        'the month: date_order = "dmy" or "mdy"'
    )


def _in_order(first: int, second: int, year: int, order: DateOrder) -> date:
    day, month = (first, second) if order == "dmy" else (second, first)
    if month > 12 >= day:
        raise _Unfit(f'is no date by the connector\'s date_order, which is "{order}"')
    return date(year, month, day)


def _month(word: str) -> int:
    word = word.lower()
    for number, name in enumerate(_MONTHS, 1):
        if word in (name, name[:3], name[:4] if name == "september" else name):
            return number
    raise ValueError
