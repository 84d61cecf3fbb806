"""Text from outside, made harmless for a terminal or a spreadsheet (design, sections 4 and 14)."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


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


def escaped(document: str) -> str:
    """A JSON document, its invisible and direction-turning characters as `\\u` escapes.

    The same document to a script, and harmless on a terminal; JSON itself escapes ASCII's own.
    """
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def storable(text: str) -> str:
    """The text with lone surrogates replaced, so that it can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def counted(number: int, noun: str) -> str:
    """A number of things: 1 member, 2 members."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
