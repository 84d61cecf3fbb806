"""JMESPath expressions of the configuration: where in a document something is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from trcpoints.errors import MissingExtra
from trcpoints.http.text import one_line

try:
    import jmespath
    from jmespath.functions import Functions
except ImportError:
    raise MissingExtra("Reading federations", "federation") from None

Search = Callable[[object], object]
"""Finds a value in decoded JSON; None where it is not. Raises ExpressionFailed."""

_NAME = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\\x00-\x1f]+")'
_DOTTED = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_NAMES = re.compile(_NAME)
_TOO_DEEP = "a value that is nested too deeply"


class ExpressionFailed(ValueError):
    """An expression that cannot be applied to a document: its text is the reason."""


def path_of(text: str) -> tuple[str, ...] | None:
    """The names of an expression that is nothing but names with dots between them; else None."""
    if not _DOTTED.fullmatch(text):
        return None
    return tuple(name.strip('"') for name in _NAMES.findall(text))


def compile_expression(text: str) -> Search:
    """A search by a JMESPath expression; raises ValueError with what is wrong with it.

    Names with dots between them, which most expressions are, are followed by ourselves: that
    takes a tenth of the time (tests/unit/test_federation_expressions.py: with the same results).
    """
    if path := path_of(text):
        return _follow(path)
    try:
        parsed = jmespath.compile(text)
        wrong = list(_wrong_calls(parsed.parsed))
    except ValueError as fault:
        place = getattr(fault, "lex_position", None)
        where = "" if place is None else f", at character {place + 1}"
        raise ValueError(f"is no JMESPath expression{where}") from None
    except RecursionError:
        raise ValueError("is no JMESPath expression: it is nested too deeply") from None
    if wrong:
        raise ValueError("; ".join(wrong))

    def search(document: object) -> object:
        try:
            found: object = parsed.search(document)
        # Its functions check the types of some arguments only; the others fail as Python does.
        except (ValueError, TypeError, ArithmeticError, RecursionError) as fault:
            raise ExpressionFailed(_reason(fault)) from fault
        return found

    return search


def _reason(fault: Exception) -> str:
    try:
        return one_line(str(fault))
    except RecursionError:
        # The text of jmespath's errors has the value in it.
        return _TOO_DEEP


def _follow(names: tuple[str, ...]) -> Search:
    if len(names) == 1:
        (name,) = names
        return lambda document: document.get(name) if type(document) is dict else None

    def search(document: object) -> object:
        for name in names:
            if type(document) is not dict:
                return None
            document = document.get(name)
        return document

    return search


def _wrong_calls(node: object) -> Iterator[str]:
    """What jmespath itself would find only when it comes to the call."""
    if not isinstance(node, dict):
        return
    for child in node["children"]:
        yield from _wrong_calls(child)
    if node["type"] != "function_expression":
        return
    known = Functions.FUNCTION_TABLE.get(node["value"])
    if known is None:
        yield f"calls {node['value']}(), a function that JMESPath does not have"
        return
    takes, given = known["signature"], len(node["children"])
    variadic = bool(takes) and takes[-1].get("variadic")
    if given < len(takes) or (given > len(takes) and not variadic):
        yield f"calls {node['value']}() with {given} arguments; it takes {len(takes)}"


def shown(document: object) -> str:
    """JSON for a message: short, on one line, without control characters."""
    try:
        text = json.dumps(document, ensure_ascii=False, default=str)
    except RecursionError:
        return _TOO_DEEP
    return one_line(text) if len(text) <= 60 else f"{one_line(text[:59])}…"
