"""A connection to the database that outlives a request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from trcpoints.db.database import Access, open_database, translated
from trcpoints.db.engine import Engine
from trcpoints.db.models import MODELS
from trcpoints.errors import DatabaseUnavailable

KEPT_SECONDS = 15.0
"""Opening one costs more than the work. Kept for long, it would not notice that the database was
put back from a backup, or upgraded.
"""

T = TypeVar("T")


@dataclass
class _Open:
    url: str
    engine: Engine
    stack: ExitStack
    since: float


class Database:
    """Opens the database when it is first used, so in a worker and never before it is forked.

    Each thread has a connection of its own; one at a time works, for the models are bound to one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._local = threading.local()

    def run(self, url: str, work: Callable[[Engine], T]) -> T:
        """What `work` makes of the database; it is done once more where the connection was lost.

        So it must be a transaction that may be repeated. Raises what `open_database` raises.
        """
        with self._lock:
            try:
                return self._once(url, work)
            except _ConnectionLost:
                return self._once(url, work)

    def _once(self, url: str, work: Callable[[Engine], T]) -> T:
        is_fresh = self._refresh(url)
        kept: _Open = self._local.kept
        try:
            with translated(kept.engine), kept.engine.bind_ctx(MODELS):
                return work(kept.engine)
        except DatabaseUnavailable as fault:
            self.close()
            if is_fresh:
                raise
            raise _ConnectionLost from fault
        except BaseException:
            self.close()
            raise

    def _refresh(self, url: str) -> bool:
        """Have a connection; whether it is a new one."""
        kept: _Open | None = getattr(self._local, "kept", None)
        now = time.monotonic()
        if kept is not None and kept.url == url and now - kept.since < KEPT_SECONDS:
            return False
        self.close()
        with ExitStack() as stack:
            engine = stack.enter_context(open_database(url, Access.WRITE))
            self._local.kept = _Open(url, engine, stack.pop_all(), now)
        return True

    def close(self) -> None:
        """Close this thread's connection; the next use opens another."""
        kept: _Open | None = getattr(self._local, "kept", None)
        self._local.kept = None
        if kept is not None:
            kept.stack.close()


class _ConnectionLost(Exception):
    pass
