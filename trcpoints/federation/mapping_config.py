"""The tables `fields` and `values` of a connector (design, section 8)."""

from __future__ import annotations

from collections.abc import Callable

from trcpoints.federation import values
from trcpoints.federation.dates import DateOrder
from trcpoints.federation.fields import FIELDS, stored
from trcpoints.federation.mapping import EXTERNAL_ID, RecordMapping
from trcpoints.federation.tables import Table, nearest


def read_mapping(
    connector: Table, region: str | None, order: DateOrder | None
) -> RecordMapping | None:
    """The mapping of a connector; None where no record could be told by it."""
    fields = connector.table("fields")
    expressions = _read_fields(fields)
    words = _read_values(connector.table("values"), region)
    if EXTERNAL_ID not in expressions:
        return None
    return RecordMapping(expressions, words, region, order)


def _read_fields(table: Table) -> dict[str, str]:
    found = {
        EXTERNAL_ID: table.required_text(
            EXTERNAL_ID, values.expression, example="JMESPath to the federation's id of a member"
        )
    }
    found.update((name, table.text(name, values.expression)) for name in FIELDS)
    table.refuse_unknown()
    if not any(map(table.has, FIELDS)):
        table.fault_here(f"should map at least one of {', '.join(FIELDS)}")
    return {name: text for name, text in found.items() if text is not None}


def _read_values(table: Table, region: str | None) -> dict[str, dict[str, str]]:
    """Their word and ours, by field; a field that is not mapped yet may have words already."""
    words: dict[str, dict[str, str]] = {}
    for name in table.names:
        if name in FIELDS:
            words[name] = _read_words(table.table(name), _ours(name, region))
        else:
            table.fault(name, f"is no field{nearest(name, list(FIELDS))}")
    return words


def _read_words(table: Table, parse: Callable[[str], str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for word in table.names:
        ours = table.text(word, parse)
        if not word.strip() or word != word.strip():
            table.fault(word, "should be a word without spaces around it; nothing stays nothing")
        elif ours is not None:
            words[word] = ours
    return words


def _ours(name: str, region: str | None) -> Callable[[str], str]:
    """What checks our word for one of theirs."""

    def parse(text: str) -> str:
        kept, faults = stored({name: text}, region)
        if faults:
            raise ValueError(faults[0])
        return kept[name] or ""

    return parse
