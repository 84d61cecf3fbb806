"""The fields of a federation's record: what is stored of them, and how they are compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from trcpoints.federation.dates import DateOrder, iso_date
from trcpoints.members.contacts import parse_phone
from trcpoints.members.fields import Values, normalise
from trcpoints.records import why_unstorable

FIELDS = (
    "first_name",
    "last_name",
    "date_of_birth",
    "email",
    "phone",
    "address",
    "discord_id",
    "subscription_status",
)
"""What a federation can tell of a member, by our columns (design, section 8)."""


def stored(
    given: Mapping[str, str | None], region: str | None, order: DateOrder | None = None
) -> tuple[Values, list[str]]:
    """Each field as a record stores it, and what is wrong with those that are left out.

    That is the federation's own spelling, trimmed; e-mail lower-cased, phone in E.164, dates in
    ISO. Nothing, or nothing but white space, is None for every field. `region` is where phone
    numbers without a country are dialled, `order` that of day and month. Normalising again
    changes nothing.
    """
    values: Values = {}
    faults: list[str] = []
    spelled: dict[str, str | None] = {}
    for name, text in given.items():
        values[name] = None
        if text and not text.isspace():
            try:
                spelled[name] = _spelling(name, text.strip(), region, order)
            except ValueError as fault:
                faults.append(f"{name} {fault}")
    ours, more = normalise(spelled)
    return {**values, **ours}, faults + more


def column_value(name: str, value: str | None) -> str | None:
    """What the member's column holds for a value: nobody's subscription is unknown, but NONE."""
    return "NONE" if name == "subscription_status" and value is None else value


def is_same(name: str, one: str | None, other: str | None, region: str | None) -> bool:
    """Whether two values say the same, however they are written.

    A phone number that was stored under another region is the same as it is dialled there.
    """
    if one == other:
        return True
    ours, theirs = comparable(name, one, region), comparable(name, other, region)
    if ours == theirs:
        return True
    if name != "phone" or not ours or not theirs:
        return False
    from trcpoints.federation.phones import is_dialled_as

    return is_dialled_as(ours, theirs) or is_dialled_as(theirs, ours)


def comparable(name: str, value: str | None, region: str | None) -> str | None:
    """A value without what makes no difference (design, section 8); None for an empty one.

    Takes whatever is stored, and never refuses it. Normalising again changes nothing.
    """
    text = _folded(value or "")
    if not text:
        return None
    if name == "email":
        return _folded(text.lower())
    if name == "phone":
        from trcpoints.federation.phones import comparable_phone

        return comparable_phone(text, region)
    if name == "date_of_birth":
        try:
            return iso_date(text)
        except ValueError:
            return text
    if name == "subscription_status":
        return None if text.upper() == "NONE" else text.upper()
    return text


def _spelling(name: str, text: str, region: str | None, order: DateOrder | None) -> str:
    # Before anything reads it, for that takes longer than the text is long.
    if reason := why_unstorable(text):
        raise ValueError(reason)
    if name == "date_of_birth":
        return iso_date(text, order)
    if name == "phone":
        from trcpoints.federation.phones import e164

        # Before it is read: a number could be found in what a spreadsheet made of another one.
        return e164(parse_phone(text), region) or text
    return text


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
