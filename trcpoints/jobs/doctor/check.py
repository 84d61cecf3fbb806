"""What a check finds, and what it knows of those before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from trcpoints.config import Settings
from trcpoints.documents.db import LeaseRow
from trcpoints.errors import TrcpointsError

Status = Literal["ok", "warning", "fault", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `code` and `exit_code` are those of a fault (section 6)."""

    name: str
    status: Status
    message: str
    hint: str = ""
    code: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """What the database says that other checks go by; an absent database is an empty one.

    `guild_id` is the guild that they belong to, `wanted` are the Discord ids that a sync
    considers, `paused_until` the end of a cool-down in force, `scheduled` the last start of a
    scheduled run by job, not dated ahead. `now` is the time by the clock that all who use this
    database share, `offset` how far it is ahead of ours where it is another.
    """

    now: datetime
    offset: timedelta | None = None
    guild_id: str | None = None
    wanted: frozenset[int] = frozenset()
    paused_until: datetime | None = None
    scheduled: Mapping[str, datetime] = field(default_factory=dict)
    leases: Sequence[LeaseRow] = ()


@dataclass(slots=True)
class Case:
    """What is looked at, and what the checks so far have found out for those to come.

    `settings` is None where they could not be read at all; `wrong_settings` are the names of
    those that are wrong. `books` is None until the database was read. `mee6_offset` is how far
    MEE6's clock is ahead of ours, where it said so.
    """

    environ: Mapping[str, str]
    env_file: Path | None
    send_test: bool
    clock: Callable[[], datetime]
    settings: Settings | None = None
    wrong_settings: frozenset[str] = frozenset()
    books: Books | None = None
    mee6_offset: timedelta | None = None

    def usable(self, *prefixes: str) -> Settings | None:
        """The settings, unless one of these (by the beginnings of their names) is wrong."""
        wrong = any(name.startswith(prefixes) for name in self.wrong_settings)
        return None if wrong else self.settings


Look = Callable[[Case], Iterator[Check]]
"""A group of checks. It raises nothing but Interrupted for what it looks at."""


def fault_of(name: str, error: TrcpointsError) -> Check:
    """The fault that an error says."""
    return Check(name, "fault", error.message, error.hint, error.code, error.exit_code)


def unread(name: str) -> Check:
    """What could not be looked at because the database was not read."""
    return Check(name, "skipped", "The database was not read.")


def unset(name: str) -> Check:
    """What could not be looked at because its settings are wrong."""
    return Check(name, "skipped", "Its settings are wrong: see configuration.")
