"""From a federation's record to our fields (design, section 8)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from trcpoints.federation.dates import DateOrder
from trcpoints.federation.digest import digester
from trcpoints.federation.expressions import ExpressionFailed, Search, compile_expression, shown
from trcpoints.federation.fields import FIELDS, stored
from trcpoints.members.fields import Values
from trcpoints.records import quoted, why_unstorable

EXTERNAL_ID = "external_id"
ANY_WORD = "*"
"""Stands in a table of values for every word that is not in it."""
_EXACT_INTEGERS = 2**53


class RecordRejected(Exception):
    """A record that cannot be taken; the others go on. `external_id` is None where it has none."""

    def __init__(self, external_id: str | None, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.external_id = external_id
        self.reasons = reasons


class UnreadableRecord(NamedTuple):
    """A record that could not be read at all, among others that could: a line of a file, say."""

    reason: str


class Sighting(NamedTuple):
    """A record as it was met: enough to see whether it is the same as last time.

    `found` is what the mapping found, field by field. `digest` is not to be kept for a record
    that is rejected afterwards, so that it is tried again.
    """

    external_id: str
    found: tuple[object, ...]
    digest: str


class RecordMapping:
    """Where in a connector's records our fields are, and what their words mean.

    `fields` are the mapped ones, without external_id. `expressions` have a JMESPath expression
    for external_id and any of FIELDS, `values` tables from their word to ours. `region` and `order`
    are those of `stored`. Raises ValueError for an expression that is none.
    """

    def __init__(
        self,
        expressions: Mapping[str, str],
        values: Mapping[str, Mapping[str, str]],
        region: str | None,
        order: DateOrder | None = None,
    ) -> None:
        self.expressions = expressions
        self.fields = tuple(name for name in FIELDS if name in expressions)
        self._external_id = compile_expression(expressions[EXTERNAL_ID])
        self._searches: list[Search] = [compile_expression(expressions[n]) for n in self.fields]
        self._discord_id_at = (
            self.fields.index("discord_id") if "discord_id" in self.fields else None
        )
        self._values = values
        self._region = region
        self._order = order
        self._digest = digester(expressions, values, region, order)

    def see(self, record: object) -> Sighting:
        """Find the fields in a record, cheaply; raises RecordRejected."""
        if isinstance(record, UnreadableRecord):
            raise RecordRejected(None, [record.reason])
        external_id = self._identify(record)
        try:
            found = tuple([search(record) for search in self._searches])
            return Sighting(external_id, found, self._digest(found))
        except ExpressionFailed:
            raise RecordRejected(external_id, self._failures(record)) from None
        except UnicodeEncodeError:
            raise RecordRejected(
                external_id, ["has half a surrogate pair, which is no text"]
            ) from None
        except (TypeError, RecursionError):
            raise RecordRejected(
                external_id, ["has a value that is no JSON, or is nested too deeply"]
            ) from None

    def discord_id(self, sighting: Sighting) -> str | None:
        """The Discord id of a record as it was met, right or wrong; None where there is none."""
        if self._discord_id_at is None:
            return None
        value = sighting.found[self._discord_id_at]
        number = _whole_number(value)
        return value if isinstance(value, str) else None if number is None else str(number)

    def read(self, sighting: Sighting) -> Values:
        """The mapped fields as they are stored; raises RecordRejected with all the reasons."""
        given: dict[str, str | None] = {}
        faults: list[str] = []
        for name, value in zip(self.fields, sighting.found, strict=True):
            try:
                given[name] = self._translated(name, value)
            except ValueError as fault:
                faults.append(f"{name} {fault}")
        values, more = stored(given, self._region, self._order)
        if faults or more:
            raise RecordRejected(sighting.external_id, faults + more)
        return values

    def _identify(self, record: object) -> str:
        if not isinstance(record, dict):
            raise RecordRejected(None, [f"is no object: {shown(record)}"])
        try:
            return _checked_id(text_of(self._external_id(record)))
        except ValueError as fault:
            raise RecordRejected(None, [f"{EXTERNAL_ID} {fault}"]) from None

    def _failures(self, record: object) -> list[str]:
        reasons = []
        for name, search in zip(self.fields, self._searches, strict=True):
            try:
                search(record)
            except ExpressionFailed as fault:
                reasons.append(f"{name} cannot be found: {fault}")
        return reasons

    def _translated(self, name: str, value: object) -> str | None:
        table = self._values.get(name)
        if table is None:
            return text_of(value)
        text = ("true" if value else "false") if isinstance(value, bool) else text_of(value)
        word = (text or "").strip()
        if not word:
            return None
        found = table.get(word, table.get(ANY_WORD))
        if found is None:
            known = ", ".join(quoted(known) for known in table)
            raise ValueError(
                f"{quoted(word)} is a word that is not in the table of values: {known}"
            )
        return found


def text_of(value: object) -> str | None:
    """The text of a JSON value; raises ValueError with the reason why it has none."""
    if value is None or isinstance(value, str):
        return value
    whole = _whole_number(value)
    if whole is None:
        raise ValueError(f"should be text, not {shown(value)}")
    if abs(whole) > _EXACT_INTEGERS:
        raise ValueError(
            f"is the number {whole}, beyond 2**53: programs that write such numbers have lost "
            "digits; where they are right, map it by to_string(…)"
        )
    return str(whole)


def _whole_number(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def same_id(external_id: str) -> str:
    """An external id as it is stored and compared: trimmed, Unicode NFC; case tells ids apart."""
    return unicodedata.normalize("NFC", external_id.strip())


def _checked_id(text: str | None) -> str:
    spelt = (text or "").strip()
    if not spelt:
        raise ValueError("is missing")
    # Checked before, for normalising takes the square of the length; and after it, for it can make
    # three characters of one. ASCII stays what it is.
    checked = _storable(spelt)
    return checked if checked.isascii() else _storable(same_id(checked))


def _storable(text: str) -> str:
    if reason := why_unstorable(text):
        raise ValueError(reason)
    return text
