"""Records in pages of JSON over HTTP: kind http-json (design, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from hashlib import blake2b
from types import TracebackType
from typing import NoReturn, Self

import msgspec

from trcpoints.errors import SourceInvalid
from trcpoints.federation.config import Connector
from trcpoints.federation.connectors.asking import refusal, transport
from trcpoints.federation.connectors.paging import Turn, WrongTurn, pages_by
from trcpoints.federation.expressions import ExpressionFailed, compile_expression, shown
from trcpoints.federation.sources import HttpJson
from trcpoints.http.answers import Undecodable, loads
from trcpoints.http.mishaps import Hiccup
from trcpoints.http.text import one_line
from trcpoints.http.transport import Answer, Limits

LIMITS = Limits(interval=0.2, retry_base=1.0, budget=60 * 60.0, body_cap=32 * 1024 * 1024)
"""Patient enough for any federation; a request with all its repetitions, between two beats, takes
less than the 30 minutes after which a job counts as stuck."""

MOST_PAGES = 50_000
MOST_VALUES = 2_000_000
"""Of one page, those that a text only looks like included: objects of them take 100 MB or so."""

Record = dict[str, object]


class HttpJsonSource:
    """A federation that answers in JSON; a context manager."""

    def __init__(
        self,
        connector: Connector,
        source: HttpJson,
        now: Callable[[], datetime],
        limits: Limits | None,
    ) -> None:
        self.can_ask_for_one = source.member_url is not None
        self._connector = connector
        self._source = source
        self._search = compile_expression(source.records)
        self._transport = transport(connector, now, limits or LIMITS, "application/json")

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transport.__exit__(kind, fault, traceback)

    def records(
        self, organization: str, beat: Callable[[], None]
    ) -> Generator[Mapping[str, object]]:
        """See `Source.records`: one page at a time is held, and the one before it."""
        url, turn = pages_by(self._source.paging, self._source.address(organization))
        seen: set[bytes] = set()
        before: list[Record] = []
        for number in range(MOST_PAGES):
            beat()
            # Thousands of long addresses would be much to remember.
            address = blake2b(url.encode(), digest_size=16).digest()
            if address in seen:
                self._refuse(organization, number, "it was there before: its pages go in a circle")
            seen.add(address)
            records, following = self._page(organization, url, number, turn)
            if records and records == before:
                self._refuse(organization, number, "it is the page before once more")
            yield from records
            if following is None:
                return
            before, url = records, following
        self._refuse(organization, MOST_PAGES, "its pages come to no end")

    def record(self, organization: str, external_id: str) -> Mapping[str, object] | None:
        """See `Source.record`: the answer is the record, or a page that has nobody else."""
        url = self._source.member_address(organization, external_id)
        if url is None:
            raise LookupError(
                f"the federation {self._connector.name} cannot be asked for one member"
            )
        where = f"member {external_id} of {organization}"

        def read(answer: Answer) -> Record | None:
            if answer.status in {404, 410}:
                return None
            return self._only(self._decoded(organization, where, answer), where)

        return self._transport.get(url, read)

    def _page(
        self, organization: str, url: str, number: int, turn: Turn
    ) -> tuple[list[Record], str | None]:
        where = f"page {number + 1} of {organization}"

        # Within the request: what an answer says is shown only after the token is taken out.
        def read(answer: Answer) -> tuple[list[Record], str | None]:
            document = self._decoded(organization, where, answer)
            found = self._found(document, where)
            if found is None:
                self._no_list(document, where)
            try:
                return found, turn(url, number, document, len(found))
            except (WrongTurn, ExpressionFailed) as fault:
                self._invalid(where, str(fault))

        return self._transport.get(url, read)

    def _decoded(self, organization: str, where: str, answer: Answer) -> object:
        if answer.status != 200:
            raise refusal(self._connector, organization, answer)
        # Counted before there are objects of them; each takes a character at least.
        is_long = len(answer.body) > MOST_VALUES
        values = sum(map(answer.body.count, (b",", b"[", b"{"))) if is_long else 0
        if values > MOST_VALUES:
            self._invalid(where, f"it holds {values:,} values; at most {MOST_VALUES:,} are read")
        try:
            return _json(answer.body)
        except Undecodable as fault:
            why = f"it is no JSON ({fault})"
            # Another try may bring a whole one.
            raise Hiccup(why, lasting=self._fault(where, why)) from fault

    def _found(self, document: object, where: str) -> list[Record] | None:
        try:
            found = self._search(document)
        except ExpressionFailed as fault:
            self._invalid(where, f"'{self._source.records}' cannot be looked for: {fault}")
        if not isinstance(found, list):
            return None
        for place, record in enumerate(found, start=1):
            if type(record) is not dict:
                self._invalid(where, f"its record {place} is no object, but {shown(record)}")
        return found

    def _only(self, document: object, where: str) -> Record | None:
        records = self._found(document, where)
        if records is None:
            if isinstance(document, dict):
                return document
            self._invalid(where, f"it is no object, but {shown(document)}")
        if len(records) > 1:
            self._invalid(where, f"it has {len(records):,} records")
        return records[0] if records else None

    def _no_list(self, document: object, where: str) -> NoReturn:
        has = (
            f"the keys {one_line(', '.join(document))}"
            if isinstance(document, dict)
            else shown(document)
        )
        self._invalid(where, f"it has no list of records at '{self._source.records}', but {has}")

    def _refuse(self, organization: str, number: int, why: str) -> NoReturn:
        self._invalid(f"page {number + 1} of {organization}", why)

    def _invalid(self, where: str, why: str) -> NoReturn:
        raise self._fault(where, why)

    def _fault(self, where: str, why: str) -> SourceInvalid:
        name = self._connector.name
        return SourceInvalid(
            f"The federation {name}, {where}: {why}. Nothing of this reading is used.",
            hint=f"Compare [connectors.{name}] with what it answers: trcpoints federation check",
        )


def _json(body: bytes) -> object:
    try:
        document: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # It may be half a surrogate pair in one name, which is no reason to lose the others.
        return loads(body)
    return document
