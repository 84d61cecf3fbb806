"""Ids of Discord accounts as they come in, and ids that a spreadsheet has rounded."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trcpoints.config import SNOWFLAKE
from trcpoints.records import Fault, quoted
from trcpoints.records.rounded_ids import AS_TEXT, RoundedIds

_NUMBER = re.compile(
    r"""
    [0-9]+ ( [.,][0-9]+ )? e [+-]?[0-9]+    # 1.59963E+17
    | [0-9]{15,} [.,] [0-9]+                # 159962941502783488.0
    | [0-9]{1,3} ( [.,'’\s] [0-9]{3} ){5,}   # 159,962,941,502,783,000
    """,
    re.VERBOSE | re.IGNORECASE,
)


def parse_discord_id(text: str) -> str:
    """Return the id of a Discord account; raises ValueError with the reason."""
    if SNOWFLAKE.fullmatch(text):
        return text
    if is_number_format(text):
        raise ValueError(f"{quoted(text)} was rounded by a spreadsheet: {AS_TEXT}")
    raise ValueError(f"{quoted(text)} should be the digits of a Discord account's id")


def is_number_format(text: str) -> bool:
    """Whether an id was written as a number is, with a loss of digits, by a spreadsheet or so."""
    return _NUMBER.fullmatch(text) is not None


def find_rounding(ids: Iterable[tuple[int, str | None]]) -> list[Fault]:
    """Return the fault of a file whose Discord ids were rounded, at the line of the first one.

    `ids` come with their lines.
    """
    rounded = RoundedIds()
    first = 0
    for line, text in ids:
        rounded.add(text)
        first = first or (line if text else 0)
    reason = rounded.reason()
    return [] if reason is None else [(first, reason)]
