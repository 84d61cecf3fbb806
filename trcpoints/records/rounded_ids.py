"""Discord ids that a spreadsheet has rounded: they are other people's."""

from __future__ import annotations

import re

AS_TEXT = "format the column as text, and put the ids from Discord into it again"

_KEPT = 15
"""Digits of a number that a spreadsheet keeps; it writes zeros for the others."""

_FEWEST = 3
"""Rounded ids that show a spreadsheet at work: one in a thousand ids ends in 000 by itself."""

_ID = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)


class RoundedIds:
    """The Discord ids of one file or reading, to find out whether a spreadsheet rounded them.

    It did where there are at least three different ones, and all end in 000 or have only zeros
    after their 15th digit. Shorter ids say nothing about it. One id that is not rounded settles
    it (`is_refuted`), and no further one changes that.
    """

    def __init__(self) -> None:
        self._rounded: set[str] = set()
        self.is_refuted = False

    def add(self, text: str | None) -> None:
        """Take one more id, in whatever form it was given."""
        if self.is_refuted or text is None:
            return
        digits = text.strip()
        if len(digits) > _KEPT and _ID.fullmatch(digits):
            if digits.endswith("000") or not digits[_KEPT:].strip("0"):
                self._rounded.add(digits)
            else:
                self.is_refuted = True

    def reason(self) -> str | None:
        """Say what is wrong with the ids; None where they were not rounded."""
        if self.is_refuted or len(self._rounded) < _FEWEST:
            return None
        return (
            f"all {len(self._rounded):,} Discord ids end in zeros, like {min(self._rounded)}: "
            f"a spreadsheet has rounded them; {AS_TEXT}"
        )
