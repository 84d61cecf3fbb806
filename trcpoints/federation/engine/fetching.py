"""Reading an organization, and keeping what is new of it (design, sections 8 and 10)."""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from msgspec import Struct, field

from trcpoints.db.engine import Engine
from trcpoints.errors import DataRefused, SourceInvalid
from trcpoints.federation.config import Connector
from trcpoints.federation.connectors import Source
from trcpoints.federation.engine.states import read_known
from trcpoints.federation.mapping import RecordMapping, RecordRejected, same_id
from trcpoints.members.fields import Values
from trcpoints.records import quoted
from trcpoints.records.rounded_ids import RoundedIds

MOST_RECORDS = 500_000
"""Of one organization: what is new of a record takes about a kilobyte until it is written."""

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
    there at the last read, `unchanged` are as they were; `unsettled` are looked at anyway, since
    they were missing or rejected then, or their member is not active; `spoiled` were taken then and
    are rejected now; `missing` are not in this full read.
    """

    asked_for: str | None = None
    gone: bool = False
    known: int = 0
    unchanged: int = 0
    unsettled: set[str] = field(default_factory=set)
    spoiled: list[str] = field(default_factory=list)
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

    Raises what the source raises: nothing of a partial read is used. Raises DataRefused where a
    spreadsheet has rounded the Discord ids: they are other people's.
    """
    asked_for = None if external_id is None else same_id(external_id)
    known, missing = read_known(engine, connector.name, organization, asked_for)
    reading = _Reading(connector.mapping, known)
    if external_id is None or asked_for is None:
        with closing(source.records(organization, beat)) as records:
            for number, record in enumerate(records):
                if number == MOST_RECORDS:
                    raise _too_many(connector, organization)
                reading.take(record)
        refuse_rounded(reading.discord_ids, connector, organization)
        return reading.all(len(known), missing)
    answer = source.record(organization, external_id)
    return gone(external_id) if answer is None else reading.one(answer, asked_for)


def _too_many(connector: Connector, organization: str) -> SourceInvalid:
    return SourceInvalid(
        f"{connector.scope(organization)} has more than {MOST_RECORDS:,} records.",
        hint="Ask the federation for one organization at a time; see what it answers: "
        "trcpoints federation check",
    )


def refuse_rounded(ids: RoundedIds, connector: Connector, organization: str) -> None:
    """Raise DataRefused for Discord ids of an organization that a spreadsheet has rounded."""
    if reason := ids.reason():
        raise DataRefused(
            f"{connector.scope(organization)}: {reason}. Nothing of this reading is used.",
            hint="When the ids are right: trcpoints federation sync "
            f"--connector {connector.name} --organization {organization}",
        )


def gone(external_id: str) -> Fetched:
    """What there is to know of a member whom the federation no longer has."""
    return Fetched(asked_for=same_id(external_id), gone=True)


def not_there(external_id: str) -> Fetched:
    """What there is to know of a member whom the federation does not show."""
    name = same_id(external_id)
    return Fetched(asked_for=name, missing=[name])


class _Mark(enum.Enum):
    """What a record that was read is; a known one that was not read yet has its digest instead."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    REJECTED = "rejected"
    SEVERAL = "several"


_NOT_TAKEN = frozenset({_Mark.REJECTED, _Mark.SEVERAL})


class _Reading:
    """The records as they come. `known` has the digests, "" for a record to look at anyway.

    The order of the records makes no difference to what comes of them. A row may move to a later
    page while one turns them: the very same record is taken once, however often it is met.
    """

    def __init__(self, mapping: RecordMapping, known: dict[str, str]) -> None:
        self._mapping = mapping
        self._known = known
        self._marks: dict[str, str | _Mark] = {**known}
        self.discord_ids = RoundedIds()
        self._records: dict[str, Found] = {}
        self._rejections: list[Rejection] = []
        # What is rejected, by digest, or by the reason where there is none.
        self._refused: dict[str, set[str]] = {}

    def take(self, record: object) -> None:
        """Read one more record."""
        try:
            sighting = self._mapping.see(record)
        except RecordRejected as rejected:
            self._reject(rejected, str(rejected))
            return
        self.discord_ids.add(self._mapping.discord_id(sighting))
        name = sighting.external_id
        before = self._marks.get(name)
        if before == sighting.digest:
            self._marks[name] = _Mark.UNCHANGED
        elif isinstance(before, _Mark):
            self._again(name, before, sighting.digest)
        else:
            try:
                self._records[name] = Found(self._mapping.read(sighting), sighting.digest)
                self._marks[name] = _Mark.CHANGED
            except RecordRejected as rejected:
                self._reject(rejected, sighting.digest)

    def all(self, known: int, missing: int) -> Fetched:
        """A full read, at its end; of `known` records `missing` were so before."""
        unsettled = {name for name, digest in self._known.items() if not digest}
        return Fetched(
            known=known - missing,
            unchanged=sum(mark is _Mark.UNCHANGED for mark in self._marks.values()),
            unsettled=unsettled,
            spoiled=[
                name
                for name in self._known
                if self._marks[name] in _NOT_TAKEN and name not in unsettled
            ],
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

    def _reject(self, rejected: RecordRejected, digest: str) -> None:
        if rejected.external_id is None:
            self._rejections.append(Rejection(None, str(rejected)))
            return
        name = rejected.external_id
        before = self._marks.get(name)
        if isinstance(before, _Mark):
            self._again(name, before, digest)
            return
        self._rejections.append(Rejection(name, str(rejected)))
        self._refused[name] = {digest}
        self._marks[name] = _Mark.REJECTED

    def _again(self, name: str, before: _Mark, digest: str) -> None:
        """A further record with an external id: unless it is the same, none of them is taken."""
        met = self._met(name, before)
        if digest in met:
            return
        times = 2 if before in {_Mark.UNCHANGED, _Mark.CHANGED} else 1
        self._rejections += [Rejection(name, _SEVERAL)] * times
        self._records.pop(name, None)
        self._refused[name] = {*met, digest}
        self._marks[name] = _Mark.SEVERAL

    def _met(self, name: str, mark: _Mark) -> set[str]:
        """The digests of the records with an external id so far."""
        if mark is _Mark.UNCHANGED:
            return {self._known[name]}
        return {self._records[name].digest} if mark is _Mark.CHANGED else self._refused[name]

    def _final(self, rejection: Rejection) -> Rejection:
        name, _ = rejection
        is_several = name is not None and self._marks[name] is _Mark.SEVERAL
        return Rejection(name, _SEVERAL) if is_several else rejection
