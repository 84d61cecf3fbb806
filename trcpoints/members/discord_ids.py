"""Ids of Discord accounts as they come in, and ids that a spreadsheet has rounded."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trcpoints.config import SNOWFLAKE
from trcpoints.records import Fault, quoted

_KEPT = 15
"""Digits of a number that a spreadsheet keeps; it writes zeros for the others."""

_FEWEST = 3
"""Rounded ids that show a spreadsheet at work: one in a thousand ids ends in 000 by itself."""

_NUMBER = re.compile(
    r"""
    [0-9]+ ( [.,][0-9]+ )? e [+-]?[0-9]+    # 1.59963E+17
    | [0-9]{15,} [.,] [0-9]+                # 159962941502783488.0
    | [0-9]{1,3} ( [.,'’\s] [0-9]{3} ){5,}   # 159,962,941,502,783,000
    """,
    re.VERBOSE | re.IGNORECASE,
)
_AS_TEXT = "format the column as text, and put the ids from Discord into it again"


def parse_discord_id(text: str) -> str:
    """Return the id of a Discord account; raises ValueError with the reason."""
    if SNOWFLAKE.fullmatch(text):
        return text
    if is_number_format(text):
        raise ValueError(f"{quoted(text)} was rounded by a spreadsheet: {_AS_TEXT}")
    raise ValueError(f"{quoted(text)} should be the digits of a Discord account's id")


def is_number_format(text: str) -> bool:
    """Whether an id was written as a number is, with a loss of digits, by a spreadsheet or so."""
    return _NUMBER.fullmatch(text) is not None


class RoundedIds:
    """The Discord ids of one file or reading, to find out whether a spreadsheet rounded them.

    It did where there are at least three different ones, and all end in 000 or have only zeros
    after their 15th digit. Shorter ids say nothing about it. One id that is not rounded settles
    it.
    """

    def __init__(self) -> None:
        self._rounded: set[str] = set()
        self._is_refuted = False

    def add(self, text: str | None) -> None:
        """Take one more id, in whatever form it was given."""
        if self._is_refuted or text is None:
            return
        digits = text.strip()
        if len(digits) > _KEPT and SNOWFLAKE.fullmatch(digits):
            if digits.endswith("000") or not digits[_KEPT:].strip("0"):
                self._rounded.add(digits)
            else:
                self._is_refuted = True

    def reason(self) -> str | None:
        """Say what is wrong with the ids; None where they were not rounded."""
        if self._is_refuted or len(self._rounded) < _FEWEST:
            return None
        return (
            f"all {len(self._rounded):,} Discord ids end in zeros, like {min(self._rounded)}: "
            f"a spreadsheet has rounded them; {_AS_TEXT}"
        )


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
