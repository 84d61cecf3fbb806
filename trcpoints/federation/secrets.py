"""Secrets of federations, by the variables that hold them (design, section 14)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from trcpoints.federation import values
from trcpoints.federation.tables import Table
from trcpoints.secrecy import parts_of_address

T = TypeVar("T")


class LookUp(Protocol):
    """Finds the value of the variable that a key names; None where there is none to find."""

    def __call__(self, table: Table, key: str, parse: Callable[[str], T]) -> T | None: ...


class Secrets:
    """Looks variables up, and remembers what must not be told of them.

    Where there is a list for the `weak` ones, a secret that could be guessed is as good as none:
    the list says so, and it is no fault.
    """

    def __init__(self, environ: Mapping[str, str], weak: list[str] | None = None) -> None:
        self._environ = environ
        self._weak = weak
        self._found: set[str] = set()

    @property
    def found(self) -> frozenset[str]:
        """What has been looked up so far, with the parts that would give it away."""
        return frozenset(self._found)

    def look_up(self, table: Table, key: str, parse: Callable[[str], T]) -> T | None:
        """The value of the variable; faults go to the table, and never repeat it."""
        name = table.text(key, values.variable)
        if name is None:
            return None
        text = self._environ.get(name, "").strip()
        if not text:
            table.fault(key, f"the environment variable {name} is not set")
            return None
        for word in text.split():
            self._found.update(parts_of_address(word) if "://" in word else (word,))
        try:
            return parse(text)
        except ValueError as fault:
            reason = f"the environment variable {name} {fault}"
            if self._weak is not None and isinstance(fault, values.TooShort):
                self._weak.append(table.told(key, reason))
            else:
                table.fault(key, reason)
            return None

    def leave(self, table: Table, key: str, parse: Callable[[str], T]) -> T | None:
        """Check the variable's name only: of a connector that is not enabled."""
        del parse
        table.text(key, values.variable)
        return None
