"""From one page of JSON to the next: links, page numbers, cursors (design, section 8).

Nothing here asks: what a page says is looked at, and where it leads is judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote_plus, urlencode, urljoin, urlsplit

from trcpoints.federation.expressions import Search, compile_expression, shown
from trcpoints.federation.sources import Cursor, NextLink, PageNumber, Paging
from trcpoints.http.answers import origin
from trcpoints.records import quoted

_LONGEST_CURSOR = 8000
_LONGEST_LINK = 8 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


class WrongTurn(Exception):
    """A page that leads nowhere, or where nobody should go: the text says how."""


Turn = Callable[[str, int, object, int], str | None]
"""The address of the next page, None after the last: from the address, the number (from 0), the
document and the count of records of a page. Raises WrongTurn, and ExpressionFailed."""


def pages_by(paging: Paging | None, first: str) -> tuple[str, Turn]:
    """The address to begin with, and how to turn the page; `first` is what was configured."""
    match paging:
        case None:
            return first, lambda _url, _number, _document, _count: None
        case PageNumber():
            return _numbered(paging, first, 0), _by_number(paging, first)
        case NextLink():
            return first, _by_link(compile_expression(paging.next), first)
        case Cursor():
            return first, _by_cursor(compile_expression(paging.cursor), paging.parameter, first)


def _by_number(paging: PageNumber, first: str) -> Turn:
    def turn(_url: str, number: int, _document: object, count: int) -> str | None:
        return _numbered(paging, first, number + 1) if count else None

    return turn


def _numbered(paging: PageNumber, first: str, number: int) -> str:
    url = with_parameter(first, paging.parameter, str(paging.first + number))
    return (
        url if paging.size is None else with_parameter(url, paging.size_parameter, str(paging.size))
    )


def _by_link(search: Search, first: str) -> Turn:
    def turn(url: str, _number: int, document: object, _count: int) -> str | None:
        link = search(document)
        if link is None or link == "":
            return None
        if not isinstance(link, str):
            raise WrongTurn(f"its next link is no address, but {shown(link)}")
        return _joined(url, link, first)

    return turn


def _joined(url: str, link: str, first: str) -> str:
    _check_length(link)
    # Whatever libraries read differently might lead one of them elsewhere.
    if not link.isprintable() or re.search(r"[\s\\]", link):
        raise WrongTurn(f"its next link is not valid: {quoted(link)}")
    try:
        following = urljoin(url, link)
        is_at_home = _place(following) == _place(first)
    except ValueError:
        raise WrongTurn(f"its next link is not valid: {quoted(link)}") from None
    if not is_at_home:
        raise WrongTurn(
            f"its next link leads from {origin(first)} to {origin(following)}: another server, "
            "which must not see the token"
        )
    # What is relative to a page that was relative to another grows with every one.
    _check_length(following)
    return following


def _check_length(link: str) -> None:
    if len(link) > _LONGEST_LINK:
        raise WrongTurn(f"its next link has more than {_LONGEST_LINK:,} characters")


def _place(url: str) -> tuple[str, str | None, int | None, bool]:
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.username is not None


def _by_cursor(search: Search, parameter: str, first: str) -> Turn:
    def turn(_url: str, _number: int, document: object, _count: int) -> str | None:
        cursor = search(document)
        if cursor is None or cursor == "":
            return None
        if not isinstance(cursor, str | int) or isinstance(cursor, bool):
            raise WrongTurn(f"its cursor is neither text nor a number, but {shown(cursor)}")
        text = str(cursor)
        if len(text) > _LONGEST_CURSOR:
            raise WrongTurn(f"its cursor has {len(text):,} characters")
        return with_parameter(first, parameter, text)

    return turn


def with_parameter(url: str, name: str, value: str) -> str:
    """The address with a parameter of its query set, in place of one that it may have."""
    path, _, query = url.partition("?")
    parts = [part for part in query.split("&") if part and _name_of(part) != name]
    return f"{path}?{'&'.join([*parts, urlencode({name: value}, quote_via=quote)])}"


def _name_of(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])
