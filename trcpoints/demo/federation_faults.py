"""Everything that the simulated federation can be told to do wrong, and how it does it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trcpoints.demo.misbehaviour import HUGE, Reply, error_reply

Record = dict[str, object]


class FederationFault(enum.Enum):
    """A misbehaviour; the words in brackets are what `misbehave` takes to vary it.

    Those that the simulated MEE6 has by the same name are the same.
    """

    # Refusals.
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    GONE = "410"
    BAD_REQUEST = "400 [status=any other]"
    REDIRECT = "302 to another host [location=…]"

    # 429 with every kind of Retry-After.
    RATE_LIMITED = "429, Retry-After in seconds [seconds=1800]"
    RATE_LIMITED_SHORT = "429, Retry-After: 0, which a client can wait out"
    RATE_LIMITED_DATE = "429, Retry-After as an HTTP date [seconds=1800]"
    RATE_LIMITED_MISSING = "429 without Retry-After"
    RATE_LIMITED_GARBAGE = "429, Retry-After that is no time [value=…]"

    # Trouble on the way.
    SERVER_ERROR = "500 [status=any other]"
    UNAVAILABLE = "503 with an HTML body"
    TIMEOUT = "no answer at all"
    RESET = "the connection is reset"
    CLOSED = "the connection is closed without an answer"
    SLOW_BODY = "a body, one byte at a time [delay=0.05]"
    WRONG_LENGTH = "half of the answer, with the Content-Length of the whole"
    HUGE_BODY = "20 MB of white space"
    GZIP_BOMB = "20 MB in a few KB"
    BAD_GZIP = "a body that says it is gzip and is not"
    LATE = "the right answer, but not before an event is set [until=threading.Event]"

    # Answers that are no JSON, or no page of records.
    TRUNCATED_JSON = "half of the answer, with the Content-Length of that half"
    EMPTY_BODY = "200 with nothing"
    HTML = "200 with an HTML page"
    TOO_MANY_VALUES = "a few MB of commas"
    NOT_AN_OBJECT = "a JSON array in place of a page"
    ERROR_WITH_200 = "200 with an error in the body"
    RECORDS_ARE_ONE = "one record in place of the list of them"
    RECORD_IS_TEXT = "a text in place of the first record of the page"

    # Pages that lead nowhere.
    SAME_PAGE = "the first page, whatever page is asked for; the links go on"
    CIRCLE = "the way on leads to the first page"
    NEXT_ELSEWHERE = "the way on leads to another server [link=…]"
    NEXT_IS_NO_ADDRESS = "true in place of the way on"

    # Records that are odd, each on a page that is well.
    DUPLICATE_ID = "the first record of the page again at its end"
    NO_ID = "the first record of the page without an id"
    HALF_A_PAIR = "the first record of the page with half a surrogate pair in the name"


@dataclass(slots=True)
class Page:
    """A page before it is JSON. `next` and `cursor` lead on, each None after the last."""

    records: list[Record]
    number: int
    next: object
    cursor: object
    total: int

    def as_json(self) -> Record:
        """The page as the federation shows one."""
        return {
            "data": self.records,
            "links": {"next": self.next},
            "meta": {"page": self.number, "cursor": self.cursor, "total": self.total},
        }


REPLIES: Mapping[FederationFault, Reply] = {
    FederationFault.GONE: error_reply(410, "Gone"),
    FederationFault.TOO_MANY_VALUES: Reply(200, b"[" + b"1," * (HUGE // 8) + b"1]"),
}
"""Faults that answer without a look at the members, and that MEE6 does not have."""


def _elsewhere(page: Page, how: Mapping[str, object]) -> None:
    page.next = how.get("link", "https://elsewhere.example/clubs/st-judes/members?cursor=2")


def _circle(page: Page, how: Mapping[str, object]) -> None:
    page.next, page.cursor = "?cursor=1", "1"


def _no_address(page: Page, how: Mapping[str, object]) -> None:
    page.next = page.cursor = True


def _text(page: Page, how: Mapping[str, object]) -> None:
    page.records = ["Aoife", *page.records[1:]]  # type: ignore[list-item]


def _twice(page: Page, how: Mapping[str, object]) -> None:
    page.records.extend(page.records[:1])


def _nameless(page: Page, how: Mapping[str, object]) -> None:
    page.records[0].pop("memberId")


def _half_a_pair(page: Page, how: Mapping[str, object]) -> None:
    page.records[0]["firstName"] = "half \ud83d pair"


PAGES: Mapping[FederationFault, Callable[[Page, Mapping[str, object]], None]] = {
    FederationFault.CIRCLE: _circle,
    FederationFault.NEXT_ELSEWHERE: _elsewhere,
    FederationFault.NEXT_IS_NO_ADDRESS: _no_address,
    FederationFault.RECORD_IS_TEXT: _text,
    FederationFault.DUPLICATE_ID: _twice,
    FederationFault.NO_ID: _nameless,
    FederationFault.HALF_A_PAIR: _half_a_pair,
}
"""Faults that change what is on a page."""
