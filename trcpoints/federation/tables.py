"""Reading tables of a TOML file one key at a time, and collecting what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import TypeVar

from trcpoints.records import quoted

T = TypeVar("T")

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Table:
    """One table: each key that is asked for is a known one, and `refuse_unknown` tells the others.

    Every fault goes to `faults`, one line with its place (`connectors.gaa.strategy: …`).
    """

    def __init__(self, place: str, values: Mapping[str, object], faults: list[str]) -> None:
        self._place = place
        self._values = values
        self._faults = faults
        self._known: list[str] = []

    @property
    def names(self) -> list[str]:
        """The keys that are there."""
        return list(self._values)

    def fault(self, key: str, reason: str) -> None:
        """Note what is wrong with a key."""
        self._faults.append(self.told(key, reason))

    def told(self, key: str, reason: str) -> str:
        """What is wrong with a key, in one line with its place."""
        return f"{self._at(key)}: {reason}"

    def fault_here(self, reason: str) -> None:
        """Note what is wrong with the table itself."""
        self._faults.append(f"{self._place}: {reason}")

    def meant(self, key: str, known: Collection[str]) -> str | None:
        """The nearest of the known words to one that is none of them."""
        value = self._values.get(key)
        found = get_close_matches(value.lower(), known, 1) if isinstance(value, str) else ()
        return found[0] if found else None

    def has(self, key: str) -> bool:
        """Whether a key is there."""
        return key in self._values

    def text(self, key: str, parse: Callable[[str], T]) -> T | None:
        """The parsed text of a key; None where it is missing or wrong."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(key, "should be text in quotes")
            return None
        try:
            return parse(value)
        except ValueError as fault:
            # The value itself stays out of the message: it may be a secret.
            self.fault(key, str(fault))
            return None

    def required_text(self, key: str, parse: Callable[[str], T], *, example: str) -> T | None:
        """As `text`, and a fault where it is missing."""
        if key not in self._values:
            self._known.append(key)
            self.fault(key, f"is missing; should be {example}")
            return None
        return self.text(key, parse)

    def flag(self, key: str, default: bool) -> bool:
        """A boolean."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, "should be true or false, without quotes")
            return default
        return value

    def number(self, key: str, least: int, most: int) -> int | None:
        """A whole number; None where it is missing or wrong."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.fault(key, f"should be a whole number from {least} to {most:,}, without quotes")
            return None
        return value

    def table(self, key: str) -> Table:
        """A table in this one; an empty one where it is missing or something else."""
        value = self._get(key)
        if value is not None and not isinstance(value, dict):
            self.fault(key, f"should be a table: [{self._at(key)}]")
        return Table(self._at(key), value if isinstance(value, dict) else {}, self._faults)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Each key of this table as a table, whatever its name."""
        return ((name, self.table(name)) for name in self._values)

    def refuse_unknown(self) -> None:
        """Note each key that nobody asked for, with the nearest known one."""
        for name in self._values:
            if name not in self._known:
                self.fault(name, f"is not known{nearest(name, self._known)}")

    def _get(self, key: str) -> object:
        self._known.append(key)
        return self._values.get(key)

    def _at(self, key: str) -> str:
        step = key if _BARE.fullmatch(key) else quoted(key)
        return f"{self._place}.{step}" if self._place else step


def nearest(word: str, known: list[str]) -> str:
    """The end of a message about an unknown word: what may be meant, else what there is."""
    found = get_close_matches(word.lower(), known, 1)
    if found:
        return f"; did you mean {found[0]}?"
    return f"; known here: {', '.join(dict.fromkeys(known))}" if known else ""
