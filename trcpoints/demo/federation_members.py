"""The members that the simulated federation has: invented, and changed as a story goes on."""

from __future__ import annotations

import copy
import csv
import io
import random
import threading
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from trcpoints.demo.crowd import FAMILY_NAMES, GIVEN_NAMES

_TOWNS = ("Ennis", "Naas", "Sligo", "Tralee")
_FIRST_BIRTHDAY = date(1950, 1, 1)

Record = dict[str, object]

CSV_COLUMNS = (
    "memberId", "firstName", "lastName", "born", "email", "phone", "address", "discord", "status"
)  # fmt: skip


class Members:
    """The members of each organization, in the order they joined; any thread may call.

    Records are as the federation shows them; what is returned is a copy.
    """

    def __init__(self, sizes: Mapping[str, int], seed: int) -> None:
        self._lock = threading.Lock()
        self._organizations = {
            name: {str(record["memberId"]): record for record in invent(size, f"{seed}/{name}")}
            for name, size in sizes.items()
        }

    def __contains__(self, organization: str) -> bool:
        return organization in self._organizations

    def all(self, organization: str) -> list[Record]:
        """KeyError for an organization that is not there."""
        return self.some(organization, 0, len(self._organizations[organization]))[0]

    def some(self, organization: str, start: int, count: int) -> tuple[list[Record], int]:
        """A part of them, and how many there are."""
        with self._lock:
            members = list(self._organizations[organization].values())
            return copy.deepcopy(members[start : start + count]), len(members)

    def one(self, organization: str, member_id: str) -> Record | None:
        """One of them; None where there is none."""
        with self._lock:
            return copy.deepcopy(self._organizations[organization].get(member_id))

    def change(self, organization: str, member_id: str, **changes: object) -> None:
        """Other values for some keys. KeyError for a member who is not there."""
        with self._lock:
            self._organizations[organization][member_id].update(changes)

    def add(self, organization: str, record: Record) -> None:
        """A new member; one with the same id is replaced."""
        with self._lock:
            self._organizations[organization][str(record["memberId"])] = copy.deepcopy(record)

    def remove(self, organization: str, member_id: str) -> None:
        """The member is not there any more. KeyError for one who was not."""
        with self._lock:
            del self._organizations[organization][member_id]


def invent(count: int, seed: str) -> list[Record]:
    """`count` members; the same seed gives the same ones."""
    chance = random.Random(seed)  # noqa: S311  a story, not a secret
    return [_member(chance, number) for number in range(1, count + 1)]


def as_csv(records: Iterable[Record], delimiter: str) -> str:
    """Members as their spreadsheet shows them."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=delimiter)
    rows.writerow(CSV_COLUMNS)
    for record in records:
        contact = record["contact"]
        flat = {**record, **(contact if isinstance(contact, dict) else {})}
        rows.writerow([flat[column] for column in CSV_COLUMNS])
    return text.getvalue()


def _member(chance: random.Random, number: int) -> Record:
    given, family = chance.choice(GIVEN_NAMES), chance.choice(FAMILY_NAMES)
    born = _FIRST_BIRTHDAY + timedelta(days=chance.randrange(20_000))
    return {
        "memberId": f"M{number:04}",
        "firstName": given,
        "lastName": family,
        "born": born.isoformat(),
        "contact": {
            "email": f"member{number}@{chance.randrange(10**6)}.example.org",
            "phone": f"087 {chance.randrange(10**7):07}",
        },
        "address": f"{number} Main Street, {chance.choice(_TOWNS)}",
        "discord": str(10**17 + chance.randrange(10**17)) if chance.random() < 0.8 else None,
        "status": chance.choice(("paid", "paid", "paid", "lapsed")),
    }
