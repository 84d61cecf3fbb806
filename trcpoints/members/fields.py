"""The fields of a member that people and files set, and what each may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from trcpoints.db.models import PROFILE_FIELDS, SUBSCRIPTION_STATUSES
from trcpoints.members.contacts import parse_email, parse_phone
from trcpoints.members.discord_ids import parse_discord_id
from trcpoints.records import quoted, why_unstorable

FIELDS = ("discord_id", "name", "email", "subscription_status", *PROFILE_FIELDS)
"""Everything of a member that is set from outside, by its column."""

UNLINKED: Mapping[str, object] = {
    "xp_total": None,
    "quiet": False,
    "left_at": None,
    "absences": 0,
    "deferrals": 0,
    "rebaseline": False,
    "known_at": None,
    "held_at": None,
}
"""What the sync remembers of a member it has never seen: of one linked anew, too (2.2).

It unsettles them, on which a sync that reads the board meanwhile relies
(`trcpoints.jobs.sync.books`). Their hold is over (`trcpoints.members.holds.end_holds`).
"""

Values = dict[str, str | None]

_SPREADSHEET_ERRORS = frozenset(
    ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#ERROR!", "#SPILL!")
)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def normalise(given: Mapping[str, str | None]) -> tuple[Values, list[str]]:
    """Each field as it is stored, and what is wrong with those that are left out.

    White space around a value goes. Nothing, or nothing but white space, clears a field: None,
    and NONE for the subscription status.
    """
    values: Values = {}
    faults: list[str] = []
    for name, text in given.items():
        try:
            values[name] = _normalised(name, (text or "").strip())
        except ValueError as fault:
            faults.append(f"{name} {fault}")
    return values, faults


def names_nobody(values: Mapping[str, str | None]) -> bool:
    """Whether these values of a new member would leave nothing to tell them by."""
    return not (values.get("discord_id") or values.get("email") or values.get("name"))


def name_following(
    name: str | None, before: Mapping[str, str | None], changed: Mapping[str, str | None]
) -> dict[str, str | None]:
    """The name to write where first or last name change and the name was made from them."""
    if not ({"first_name", "last_name"} & changed.keys()) or name != composed_name(before):
        return {}
    return {"name": composed_name({**before, **changed})}


def composed_name(values: Mapping[str, str | None]) -> str | None:
    """First and last name, as far as there are any."""
    return " ".join(filter(None, (values.get("first_name"), values.get("last_name")))) or None


def _normalised(name: str, text: str) -> str | None:
    if reason := why_unstorable(text):
        raise ValueError(reason)
    if text in _SPREADSHEET_ERRORS:
        raise ValueError(f"{quoted(text)} is an error that a spreadsheet shows, and no value")
    if name == "subscription_status":
        return _subscription_status(text)
    if not text:
        return None
    if name == "discord_id":
        return parse_discord_id(text)
    if name == "email":
        return parse_email(text)
    if name == "phone":
        return parse_phone(text)
    if name == "date_of_birth":
        return _date(text)
    return text


def _subscription_status(text: str) -> str:
    status = text.upper() or "NONE"
    if status not in SUBSCRIPTION_STATUSES:
        raise ValueError(f"{quoted(text)} should be one of {', '.join(SUBSCRIPTION_STATUSES)}")
    return status


def _date(text: str) -> str:
    # fromisoformat also reads weeks and dates without dashes, which would be stored as such.
    shape = f"{quoted(text)} should be a date like 1990-12-31"
    if not _ISO_DATE.fullmatch(text):
        raise ValueError(shape)
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(shape) from None
