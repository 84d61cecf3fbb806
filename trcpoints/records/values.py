"""Values of records: JSON as it was written, cells, and text that both engines can store."""

from __future__ import annotations

import json
import re

LONGEST_VALUE = 1000
"""Characters of one value."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula; our CSV puts an apostrophe before it."""

_EXACT_INTEGERS = 2**53
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class _Integer(str):
    """An integer of a JSON text, as it was written."""


class _Fraction(str):
    """Any other number of a JSON text."""


class JsonObject(list[tuple[str, object]]):
    """A JSON object with all its keys, the repeated ones too."""


def loads(text: str) -> object:
    """JSON with numbers as written; raises ValueError with the reason."""
    try:
        value: object = json.loads(
            text,
            parse_int=_Integer,
            parse_float=_Fraction,
            parse_constant=_Fraction,
            object_pairs_hook=JsonObject,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def reason_of(fault: ValueError) -> str:
    if isinstance(fault, json.JSONDecodeError):
        return f"{fault.msg}, column {fault.colno}"
    return str(fault)


def original_cell(cell: str) -> str:
    """A CSV cell without the apostrophe that `trcpoints.cli.rows.csv_cell` put before it."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith((*FORMULA_STARTS, "'")) else cell


def quoted(text: str) -> str:
    """Text from outside for a message: short, on one line, control characters escaped."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


def text_of(value: object) -> tuple[str | None, str | None]:
    """What both engines store for a value, or the reason why they cannot."""
    if value is None or value == "":
        return None, None
    if isinstance(value, _Integer):
        if len(value) > 17 or abs(int(value)) > _EXACT_INTEGERS:
            return None, (
                f"is the number {quoted(value)}, beyond 2**53: programs that write such numbers "
                "have lost digits; give it as text, in quotes"
            )
        return str(value), None
    if not isinstance(value, str) or isinstance(value, _Fraction):
        return None, f"should be text in quotes, not {_kind(value)}"
    reason = why_unstorable(value)
    return (None, reason) if reason else (value, None)


def why_unstorable(text: str) -> str | None:
    """Why one of the engines cannot keep this text; None where both can."""
    if len(text) > LONGEST_VALUE:
        return f"has {len(text):,} characters; at most {LONGEST_VALUE:,} are kept"
    found = _UNSTORABLE.search(text)
    if found is None:
        return None
    if found[0] == "\x00":
        return f"has a NUL character, which PostgreSQL cannot hold: {quoted(text)}"
    return f"has half a surrogate pair, which is no text: {quoted(text)}"


def _kind(value: object) -> str:
    if isinstance(value, _Fraction):
        return f"the number {quoted(value)}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "an object" if isinstance(value, JsonObject) else "a list"
