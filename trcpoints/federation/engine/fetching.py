"""Reading an organization, and keeping what is new of it (design, sections 8 and 10)."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct, field

from trcpoints.db.engine import Engine
from trcpoints.federation.config import Connector
from trcpoints.federation.connectors import Source
from trcpoints.federation.engine.states import read_known
from trcpoints.federation.mapping import RecordMapping, RecordRejected
from trcpoints.members.fields import Values
from trcpoints.records import quoted

_SEVERAL = "its external_id is that of several records"


class Rejection(NamedTuple):
    """A record that is not taken, and why; `external_id` is None where it has none."""

    external_id: str | None
    reason: str


class Found(Struct, frozen=True, gc=False):
    """A record that is not as it was last time: the mapped fields as stored, and its digest."""

    values: Values
    digest: str


class Fetched(Struct):
    """What was read of an organization, as far as it matters.

    `asked_for` is the one member who was asked for, None for a full read; `gone` says that the
    federation has no such member. `records` are by external id. Of the known records, `known` were
    there at the last read, `unchanged` are as they were, `rejected_known` cannot be taken any more;
    `missing` are not in this full read.
    """

    asked_for: str | None = None
    gone: bool = False
    known: int = 0
    unchanged: int = 0
    rejected_known: int = 0
    records: dict[str, Found] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def fetch(
    engine: Engine,
    source: Source,
    connector: Connector,
    organization: str,
    *,
    beat: Callable[[], None],
    external_id: str | None = None,
) -> Fetched:
    """Read all records of an organization, or those of one member, outside any transaction.

    Raises what the source raises: nothing of a partial read is used.
    """
    known, missing = read_known(engine, connector.name, organization, external_id)
    reading = _Reading(connector.mapping, known)
    if external_id is None:
        for record in source.records(organization, beat):
            reading.take(record)
        return reading.all(len(known), missing)
    answer = source.record(organization, external_id)
    return gone(external_id) if answer is None else reading.one(answer, external_id)


def gone(external_id: str) -> Fetched:
    """What there is to know of a member whom the federation no longer has."""
    return Fetched(asked_for=external_id, gone=True)


class _Mark(enum.Enum):
    """What a record that was read is; a known one that was not read yet has its digest instead."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    REJECTED = "rejected"
    SEVERAL = "several"


_NOT_TAKEN = frozenset({_Mark.REJECTED, _Mark.SEVERAL})


class _Reading:
    """The records as they come. `known` has the digests, "" for a record to look at anyway.

    The order of the records makes no difference to what comes of them.
    """

    def __init__(self, mapping: RecordMapping, known: dict[str, str]) -> None:
        self._mapping = mapping
        self._known = known
        self._marks: dict[str, str | _Mark] = {**known}
        self._records: dict[str, Found] = {}
        self._rejections: list[Rejection] = []

    def take(self, record: object) -> None:
        """Read one more record."""
        try:
            sighting = self._mapping.see(record)
            before = self._marks.get(sighting.external_id)
            if before == sighting.digest:
                self._marks[sighting.external_id] = _Mark.UNCHANGED
            elif isinstance(before, _Mark):
                self._again(sighting.external_id, before)
            else:
                values = self._mapping.read(sighting)
                self._records[sighting.external_id] = Found(values, sighting.digest)
                self._marks[sighting.external_id] = _Mark.CHANGED
        except RecordRejected as rejected:
            self._reject(rejected)

    def all(self, known: int, missing: int) -> Fetched:
        """A full read, at its end; of `known` records `missing` were so before."""
        return Fetched(
            known=known - missing,
            unchanged=sum(mark is _Mark.UNCHANGED for mark in self._marks.values()),
            rejected_known=sum(self._marks[name] in _NOT_TAKEN for name in self._known),
            records=self._records,
            rejections=[self._final(rejection) for rejection in self._rejections],
            missing=[name for name, mark in self._marks.items() if isinstance(mark, str)],
        )

    def one(self, record: object, external_id: str) -> Fetched:
        """The one record that there is of the member who was asked for."""
        self.take(record)
        others = (self._records.keys() | self._marks.keys()) - {external_id}
        if others:
            reason = f"the federation answered with the record of {quoted(min(others))}"
            return Fetched(asked_for=external_id, rejections=[Rejection(external_id, reason)])
        return Fetched(
            asked_for=external_id,
            unchanged=int(self._marks.get(external_id) is _Mark.UNCHANGED),
            records=self._records,
            rejections=[Rejection(external_id, reason) for _, reason in self._rejections],
        )

    def _reject(self, rejected: RecordRejected) -> None:
        name = rejected.external_id
        before = None if name is None else self._marks.get(name)
        if name is not None and isinstance(before, _Mark):
            self._again(name, before)
            return
        self._rejections.append(Rejection(name, str(rejected)))
        if name is not None:
            self._marks[name] = _Mark.REJECTED

    def _again(self, name: str, before: _Mark) -> None:
        """A further record with an external id: none of them is taken."""
        times = 2 if before in {_Mark.UNCHANGED, _Mark.CHANGED} else 1
        self._rejections += [Rejection(name, _SEVERAL)] * times
        self._records.pop(name, None)
        self._marks[name] = _Mark.SEVERAL

    def _final(self, rejection: Rejection) -> Rejection:
        name, _ = rejection
        is_several = name is not None and self._marks[name] is _Mark.SEVERAL
        return Rejection(name, _SEVERAL) if is_several else rejection
