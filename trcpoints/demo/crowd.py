"""An invented community: who is in it, and how their XP grows as time passes."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

XP_PER_MESSAGE = 20
# XP is counted from here, so that a server that is started again goes on where it was.
_FIRST_MINUTE = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTES_BETWEEN_MESSAGES = 20.0
_SILENT = 0.2
GIVEN_NAMES = ("Aoife", "Brendan", "Ciara", "Fergus", "Gráinne", "Maeve", "Niall", "Pádraig")
FAMILY_NAMES = ("Ahern", "Brady", "Casey", "Doyle", "Flynn", "Lynch", "Moran", "Ó Dea", "Tighe")
_STATUSES = ("ACTIVE", "ACTIVE", "ACTIVE", "TRIALING", "CANCELLED")


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the community. `pace` is messages a minute, 0 for those who only read."""

    discord_id: str
    name: str
    email: str
    subscription_status: str
    first_xp: int
    pace: float

    def xp_at(self, now: datetime) -> int:
        """XP at a moment (aware); never falls as time goes by."""
        minutes = max((now - _FIRST_MINUTE).total_seconds() / 60, 0.0)
        return self.first_xp + XP_PER_MESSAGE * int(self.pace * minutes)


def invent(count: int, seed: int) -> list[Person]:
    """`count` people; the same seed gives the same people."""
    chance = random.Random(seed)  # noqa: S311  a story, not a secret
    names = [f"{given} {family}" for given in GIVEN_NAMES for family in FAMILY_NAMES]
    chance.shuffle(names)
    return [_person(chance, number, names) for number in range(count)]


def write_members(path: Path, people: Iterable[Person]) -> None:
    """A new file for `trcpoints members import`; FileExistsError where there is one."""
    with path.open("x", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["discord_id", "name", "email", "subscription_status"])
        rows.writerows(
            [person.discord_id, person.name, person.email, person.subscription_status]
            for person in people
        )


def _person(chance: random.Random, number: int, names: Sequence[str]) -> Person:
    generation = number // len(names)
    name = names[number % len(names)]
    is_silent = chance.random() < _SILENT
    return Person(
        discord_id=str(10**17 + number * 10**6 + chance.randrange(10**6)),
        name=f"{name} {generation + 1}" if generation else name,
        email=f"member{number + 1}@example.org",
        subscription_status=chance.choice(_STATUSES),
        first_xp=int(chance.paretovariate(1.2) * 100) if not is_silent else 0,
        pace=0.0 if is_silent else chance.expovariate(_MINUTES_BETWEEN_MESSAGES),
    )
