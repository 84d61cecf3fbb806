"""Text from outside, made harmless for a terminal or a spreadsheet (design, sections 4 and 14)."""

from __future__ import annotations

import unicodedata


def harmless(text: str) -> str:
    """The text on one line, without what a terminal would obey.

    Control characters (with them all ANSI escapes), marks that turn the writing direction,
    lone surrogates and unassigned code points become a replacement character; emoji stay whole.
    """
    return "".join(_harmless_character(character) for character in text)


def _harmless_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " " if character in "\n\r\t\u2028\u2029" else "\ufffd"
    if category in {"Cs", "Cn", "Co"}:
        return "\ufffd"
    # Zero-width joiners and emoji tags shape what is seen; the other format characters hide it.
    if category == "Cf" and character != "\u200d" and not "\U000e0020" <= character <= "\U000e007f":
        return "\ufffd"
    return character


def storable(text: str) -> str:
    """The text with lone surrogates replaced, so that it can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def csv_cell(value: object) -> object:
    """A cell that no spreadsheet runs as a formula; numbers stay numbers.

    `original_cell` in `trcpoints.records` takes the apostrophe off again.
    """
    # Imported here: every command loads this module, and few of them write CSV.
    from trcpoints.records import FORMULA_STARTS

    if isinstance(value, str) and value.startswith((*FORMULA_STARTS, "'")):
        return f"'{value}"
    return value
