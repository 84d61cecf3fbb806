"""Records in a CSV file, on this machine or at an address: kind csv (design, section 8)."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Self

from trcpoints.errors import InvalidRecords, OutputFailed, SourceInvalid, SourceUnavailable
from trcpoints.federation.config import Connector
from trcpoints.federation.connectors.asking import refusal, transport
from trcpoints.federation.expressions import path_of
from trcpoints.federation.mapping import UnreadableRecord
from trcpoints.federation.sources import Csv
from trcpoints.http.transport import Answer, Limits
from trcpoints.records import BadRow, CsvTable, open_text, quoted

LIMITS = Limits(
    interval=0.2, retry_base=1.0, request_time=240.0, budget=20 * 60.0, body_cap=256 * 1024 * 1024
)
"""A file of a million members or so; all its tries together, between two beats, take less than
the 30 minutes after which a job counts as stuck."""

_ACCEPT = "text/csv, */*;q=0.1"
_ROWS_BETWEEN_BEATS = 1000

MOST_COLUMNS = 1000


class CsvSource:
    """A federation whose members are exported to CSV; a context manager."""

    can_ask_for_one = False

    def __init__(
        self,
        connector: Connector,
        source: Csv,
        now: Callable[[], datetime],
        limits: Limits | None,
    ) -> None:
        self._connector = connector
        self._source = source
        self._now = now
        self._limits = limits or LIMITS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing stays open between two readings."""

    def records(
        self, organization: str, beat: Callable[[], None]
    ) -> Generator[Mapping[str, object] | UnreadableRecord]:
        """See `Source.records`: what is at an address is on disk as a whole before it is read.

        A header without a column that the mapping names would clear that field of everybody:
        SourceInvalid.
        """
        beat()
        url = self._source.address(organization)
        opened = (
            _opened(self._path(organization)) if url is None else self._fetched(organization, url)
        )
        name = f"the CSV of {self._connector.scope(organization)}"
        with opened as file:
            beat()
            with open_text(file, name, self._source.encoding) as text:
                table = CsvTable(
                    text,
                    name,
                    delimiter=self._source.delimiter,
                    skip_lines=self._source.skip_lines,
                )
                _check_sound(table, name)
                self._check_columns(organization, table.header)
                for number, row in enumerate(table.rows(), start=1):
                    if number % _ROWS_BETWEEN_BEATS == 0:
                        beat()
                    if isinstance(row, BadRow):
                        yield UnreadableRecord(f"line {row.line} {row.reason}")
                    elif any(row.cells):
                        yield _record(table.header, row.cells)

    def record(self, organization: str, external_id: str) -> Mapping[str, object] | None:
        """Never called: `can_ask_for_one` is False."""
        raise LookupError(f"a file cannot be asked for {external_id} of {organization} alone")

    def _check_columns(self, organization: str, header: Sequence[str]) -> None:
        name = self._connector.name
        expressions = self._connector.mapping.expressions
        faults = [
            fault
            for field, expression in expressions.items()
            if (fault := _missing(f"[connectors.{name}.fields]", field, expression, header))
        ]
        if not faults:
            return
        titles = (
            f"If there are titles above the header, say how many lines: skip_lines = 1 in "
            f"[connectors.{name}]. Else name"
        )
        raise SourceInvalid(
            f"The CSV of {self._connector.scope(organization)}: {'; '.join(faults)}. "
            "Nothing of it is used.",
            hint=f"{titles if len(faults) == len(expressions) else 'Name'} the columns in "
            f"[connectors.{name}.fields] as the header does, or take them out; then run: "
            "trcpoints federation check",
        )

    def _path(self, organization: str) -> Path:
        path = self._source.file(organization)
        if path is None:
            raise LookupError("a source of CSV has either a path or an address")
        return path

    @contextmanager
    def _fetched(self, organization: str, url: str) -> Iterator[IO[bytes]]:
        def check(answer: Answer) -> None:
            if answer.status != 200:
                raise refusal(self._connector, organization, answer)

        # It has no name and is gone when it is closed, whatever happens: it holds personal data.
        try:
            with tempfile.TemporaryFile(prefix="trcpoints-") as file:
                with transport(self._connector, self._now, self._limits, _ACCEPT) as http:
                    http.get(url, check, into=file)
                yield file
        except OSError as fault:
            raise _no_room(fault) from fault


def _check_sound(table: CsvTable, name: str) -> None:
    """Raise InvalidRecords for a header by which the cells of a column cannot be told."""
    faults = [(table.line, reason) for reason in _header_faults(table.header)]
    if faults:
        raise InvalidRecords(name, faults, hint="Have the file exported with other names.")


def _header_faults(header: Sequence[str]) -> Iterator[str]:
    if len(header) > MOST_COLUMNS:
        yield f"has {len(header):,} columns; at most {MOST_COLUMNS:,} are read"
        return
    seen: set[str] = set()
    for place, name in enumerate(header, start=1):
        if not name:
            yield f"has no name over column {place}"
        elif name in seen:
            yield f"has {quoted(name)} more than once"
        seen.add(name)


def _record(header: Sequence[str], cells: Sequence[str]) -> dict[str, object]:
    return {name: cell or None for name, cell in zip(header, cells, strict=True)}


def _missing(section: str, field: str, expression: str, header: Sequence[str]) -> str | None:
    """What is wrong with an expression that finds nothing in any row; None for other ones."""
    path = path_of(expression)
    if path is None or (len(path) == 1 and path[0] in header):
        return None
    column = ".".join(path)
    if column in header:
        return (
            f"column {quoted(column)} named in {section} has a dot in it, so it is quoted twice: "
            rf'{field} = "\"{column}\""'
        )
    named = f"column {quoted(column)} named in {section} for {field} is not in the header"
    spelled = {name.casefold(): name for name in header}
    close = get_close_matches(column.casefold(), spelled, 1)
    return f"{named}; did you mean {quoted(spelled[close[0]])}?" if close else named


def _no_room(fault: OSError) -> OutputFailed:
    return OutputFailed(
        f"What was fetched cannot be kept on disk for reading: {fault.strerror or fault}.",
        hint="Make room in the folder for temporary files, or name another one in TMPDIR.",
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with open(path, "rb", opener=_at_once) as file:
            _check_regular(file)
            before = _state(file)
            yield file
            if _state(file) != before:
                raise SourceUnavailable(
                    f"{path} was changed while it was read.",
                    hint="Write the export under another name, and rename it when it is whole.",
                )
    except OSError as fault:
        raise SourceUnavailable(
            f"{path} cannot be read: {fault.strerror or fault}.",
            hint="Check the path, and that the export has run.",
        ) from fault


def _at_once(path: str, flags: int) -> int:
    # What was opened is judged, for a name may be another thing a moment later. So it is opened
    # without waiting for somebody to write to a pipe, and without taking a terminal for our own.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _check_regular(file: IO[bytes]) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise OSError(errno.EINVAL, "Is a pipe or a device, not a file")


def _state(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
