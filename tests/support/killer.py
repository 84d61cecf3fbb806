"""Runs the program and sends it a signal at its n-th step.

A step is the moment before or after a statement that writes, a portion of rows, a BEGIN or a
COMMIT. `python -m tests.support.killer KILL N ARGUMENTS…`, or TERM; with N = 0 it runs to its
end and prints the number of steps on stderr.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psycopg  # noqa: F401  (so that both engines' modules can be patched)

from trcpoints import signals
from trcpoints.cli.main import main
from trcpoints.db import engine, postgres, sqlite

_WRITES = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "COPY", "SELECT pg_advisory")


class Killer:
    """Counts steps, and sends this process a signal at the one that was named."""

    def __init__(self, number: signal.Signals, at: int) -> None:
        self.number = number
        self.at = at
        self.steps = 0

    def step(self) -> None:
        """One moment at which the machine could stop."""
        self.steps += 1
        if self.steps == self.at:
            os.kill(os.getpid(), self.number)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with a step before and after it."""

        def stepping(*arguments: Any, **keywords: Any) -> Any:
            self.step()
            result = function(*arguments, **keywords)
            self.step()
            return result

        return stepping

    def around_writes(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`execute_sql`, with steps around statements that write."""
        stepping = self.around(function)

        def execute(database: Any, sql: str, parameters: Any = None) -> Any:
            chosen = stepping if sql.lstrip().startswith(_WRITES) else function
            return chosen(database, sql, parameters)

        return execute

    def portions(self, rows: Iterable[engine.Row]) -> Iterator[list[engine.Row]]:
        """Portions of two rows, so that a few members make several of them."""
        iterator = iter(rows)
        while portion := list(itertools.islice(iterator, 2)):
            self.step()
            yield portion
            self.step()


def run(number: signal.Signals, at: int, arguments: list[str]) -> int:
    """The program's exit code, unless it was killed."""
    killer = Killer(number, at)
    signals.install()
    for kind in (sqlite.SqliteEngine, postgres.PostgresEngine):
        for name in ("begin", "commit"):
            setattr(kind, name, killer.around(getattr(kind, name)))
        setattr(kind, "execute_sql", killer.around_writes(kind.execute_sql))  # noqa: B010
    for module in (sqlite, postgres):
        setattr(module, "portions", killer.portions)  # noqa: B010
    code = main(arguments)
    print(killer.steps, file=sys.stderr)  # noqa: T201
    return code


def undisturbed(arguments: list[str]) -> int:
    """The exit code of the program left alone."""
    signals.install()
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(signal.Signals[f"SIG{sys.argv[1]}"], int(sys.argv[2]), sys.argv[3:]))
