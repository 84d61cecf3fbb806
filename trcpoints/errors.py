"""Every kind of failure, with its exit code, its word in JSON, its message and its way on.

An error is data: it is raised where the fault is known and rendered in one place,
`trcpoints.cli.main`. Exit codes are those of sysexits (design, section 6).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from signal import Signals
from typing import ClassVar

LAST_SECONDS = 1.5
"""Of the two that a program may take to end after a signal (section 9); Python ends in the rest."""


class TrcpointsError(Exception):
    """A failure that the reader can act on.

    `message` says what happened and to what; `hint` is the next command to type or thing to do.
    `document` is what a script reads on stdout when the command had one to give already
    (a sync that failed half-way); without it the error has a document of its own. Both texts can
    be stored and written: what is no text in them, as in the name of a file, is replaced.
    `quoted` is the part of the message in which another program speaks, and may say anything;
    `told` is the message without it, for those who are told of a run (section 9).
    """

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, hint: str = "", quoted: str = "") -> None:
        self.message = _storable(message)
        self.told = _storable(message.replace(quoted, "")) if quoted else self.message
        self.hint = _storable(hint)
        super().__init__(self.message)
        self.document: object | None = None
        # What it took to get here, where a source was read (design, section 5).
        self.requests = 0
        self.retries = 0


_LONGEST_TEXT = 1_000


class InternalError(TrcpointsError):
    """A bug of ours. The exception that showed it is its cause."""

    @classmethod
    def of(cls, fault: BaseException) -> InternalError:
        """Wrap an exception that nobody expected."""
        text = str(fault)
        if len(text) > _LONGEST_TEXT:
            # A driver quotes what it was given, which may be a million members.
            text = f"{text[:_LONGEST_TEXT]}…"
        bug = cls(
            f"trcpoints met a fault of its own: {type(fault).__name__}: {text}",
            hint="Run the command again with -v, and report what it prints.",
        )
        bug.__cause__ = fault  # for those who look at it before anybody raises it
        return bug


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


class UsageFault(TrcpointsError):
    """The command line asks for something that makes no sense."""

    exit_code = 2
    code = "usage"


class DataRefused(TrcpointsError):
    """Input that is not applied because it is wrong: nothing was changed."""

    exit_code = 65
    code = "data_refused"


class InvalidRecords(DataRefused):
    """Records of a file that break a rule, all of them at once.

    `faults` pairs the number of a line or record (from 1) with the reason; `unit` is what is
    counted. The message shows the first 50.
    """

    code = "invalid_records"

    def __init__(
        self, source: str, faults: list[tuple[int, str]], *, unit: str = "line", hint: str = ""
    ) -> None:
        wrong = len({number for number, _ in faults})
        noun = f"{unit} is" if wrong == 1 else f"{unit}s are"
        lines = "".join(f"\n  {unit} {number}: {reason}" for number, reason in faults[:50])
        rest = f"\n  and {len(faults) - 50:,} more" if len(faults) > 50 else ""
        super().__init__(
            f"{wrong:,} {noun} wrong in {source}; nothing was imported.{lines}{rest}",
            hint=hint or "Mend what is named here and import the file again.",
        )
        self.faults = faults


class NotFound(DataRefused):
    """The member, run or file that was named does not exist."""

    code = "not_found"


class KeyConflict(DataRefused):
    """An idempotency key that was used before, with other content (design, section 2.7)."""

    code = "key_conflict"


class TargetNotEmpty(DataRefused):
    """A database to copy into that has something in it."""

    code = "target_not_empty"


class MassChangeRefused(DataRefused):
    """A mass-change guard (design, sections 2.5 and A4).

    `option` is that of the command which goes past the guard, and `figures` count what it would
    do then; `question` is for a person at a terminal.
    """

    code = "mass_change"

    def __init__(
        self, message: str, *, hint: str, option: str, figures: Mapping[str, int], question: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.option = option
        self.figures = figures
        self.question = _storable(question)


class OtherGuild(DataRefused):
    """A leaderboard of another guild than the one that the books belong to (section A2)."""

    code = "other_guild"


class MassIncreaseRefused(MassChangeRefused):
    """Most members whose XP changed have gained more than they can have earned (section A1)."""

    code = "mass_increase_refused"


class BooksDoNotAddUp(DataRefused):
    """`points verify` found members whose raw rows contradict each other."""

    code = "books_do_not_add_up"


class LeaderboardInvalid(DataRefused):
    """A leaderboard that was read but cannot be trusted (design, section 3)."""

    code = "leaderboard_invalid"


class SourceInvalid(DataRefused):
    """A federation's answer that cannot be trusted: nothing of it is used (design, section 8)."""

    code = "source_invalid"


class SourceUnavailable(TrcpointsError):
    """A source could not be read, though it may answer another time."""

    exit_code = 69
    code = "source_unavailable"


class SourceRefused(SourceUnavailable):
    """A source says no, and will say no again until somebody changes something."""

    code = "source_refused"


class RateLimited(SourceUnavailable):
    """A source asked for a pause that is too long to be waited out (design, section 3).

    `retry_after` is what it asked for, in seconds, or None when it named no time.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class DatabaseUnavailable(TrcpointsError):
    """The database cannot be reached, read or written, or is damaged."""

    exit_code = 74
    code = "database_unavailable"


class OutputFailed(TrcpointsError):
    """What was asked for cannot be written where it should go."""

    exit_code = 74
    code = "output_failed"


class TryLater(TrcpointsError):
    """Nothing is wrong; something else is at work."""

    exit_code = 75
    code = "try_later"


class DatabaseLocked(TryLater):
    """Another program holds the database's lock for longer than we wait."""

    code = "database_locked"


class LeaseHeld(TryLater):
    """Another run of the same job is at work (design, section 9)."""

    code = "lease_held"


class LeaseLost(TryLater):
    """Another run took the lease, or an operator released it, while this one was at work."""

    code = "lease_lost"


class Overtaken(TryLater):
    """Another run was completed while this one read what it would have decided on."""

    code = "overtaken"


class CoolingDown(TryLater):
    """MEE6 asked for a pause that is not over yet (design, section 3)."""

    code = "cooling_down"


class ConfigurationInvalid(TrcpointsError):
    """Faults of the configuration, all of them at once: one line for each, never a secret."""

    exit_code = 78
    code = "configuration"

    def __init__(self, faults: list[str], *, hint: str = "") -> None:
        noun = "setting is" if len(faults) == 1 else "settings are"
        lines = "".join(f"\n  {fault}" for fault in faults)
        super().__init__(
            f"{len(faults)} {noun} wrong:{lines}",
            hint=hint or "Mend them in the environment or in .env and run the command again.",
        )
        self.faults = faults


class MissingExtra(TrcpointsError):
    """A library that this setting needs is not installed."""

    exit_code = 78
    code = "missing_extra"

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(
            f"{purpose} needs the extra '{extra}', which is not installed.",
            hint=f"pip install 'trcpoints[{extra}]'",
        )


class DatabaseTooOld(TrcpointsError):
    """The version of PostgreSQL or SQLite lacks what the program's statements need."""

    exit_code = 78
    code = "database_too_old"


class SchemaOutdated(TrcpointsError):
    """The database's schema is older than the program, or not there yet."""

    exit_code = 78
    code = "schema_outdated"


class DatabaseMissing(SchemaOutdated):
    """There is no database of ours where it was looked for, and this command makes none."""


class SchemaNewer(TrcpointsError):
    """The database was upgraded by a newer program than this one."""

    exit_code = 78
    code = "schema_newer"


class Interrupted(BaseException):
    """SIGTERM, SIGINT or SIGHUP arrived: stop now, roll back, exit with 128 + the signal's number.

    Not an Exception: nothing that mends ordinary failures may swallow it.
    """

    code: ClassVar[str] = "interrupted"

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number
        self.message = f"Stopped by {Signals(signal_number).name}; nothing was left half done."
        self.hint = ""
        self.document: object | None = None
        self._must_end = time.monotonic() + LAST_SECONDS

    @property
    def seconds_left(self) -> float:
        """Seconds that what is still to be told of may take."""
        return max(0.0, self._must_end - time.monotonic())

    @property
    def exit_code(self) -> int:
        """143 for SIGTERM, 130 for SIGINT, 129 for SIGHUP."""
        return 128 + self.signal_number
