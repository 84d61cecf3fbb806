"""E-mail addresses and phone numbers as they come in: what is taken, and what is surely wrong."""

from __future__ import annotations

import re

from trcpoints.records import quoted

_LOCAL = r'[^\s@<>()\[\]\\,;:"]+'
# Letters of any alphabet: addresses like dan@exämple.org exist (RFC 6531). Of ASCII, what a domain
# can have.
_LABEL = r"[^\s\x00-,./:-@\[-`{-\x7f]+"
_EMAIL = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})+")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+", re.ASCII)
_AS_TEXT = "give the number itself, and format the column as text"


def parse_email(text: str) -> str:
    """Return one address, in lower case; raises ValueError with the reason."""
    if _EMAIL.fullmatch(text) and text.isprintable():
        return text.lower()
    found = _EMAIL.findall(text)
    if len(found) > 1:
        raise ValueError(f"{quoted(text)} has {len(found)} addresses; give one of them")
    meant = f"; do you mean {quoted(found[0])}?" if found else ""
    raise ValueError(f"{quoted(text)} is not an e-mail address{meant}")


def parse_phone(text: str) -> str:
    """Return a phone number as it is written; raises ValueError for what a spreadsheet made of one.

    A number whose first zero was lost looks like any other, and is taken.
    """
    if text.startswith(("=", "＝")):
        raise ValueError(f"{quoted(text)} is a formula of a spreadsheet: {_AS_TEXT}")
    if _SCIENTIFIC.fullmatch(text):
        raise ValueError(f"{quoted(text)} was rounded by a spreadsheet: {_AS_TEXT}")
    return text
