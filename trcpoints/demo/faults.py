"""Everything that the simulated MEE6 can be told to do wrong (design, section 12)."""

from __future__ import annotations

import enum
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar


class Fault(enum.Enum):
    """A misbehaviour; the words in brackets are what `misbehave` takes to vary it."""

    # Refusals.
    UNAUTHORIZED = "401: the leaderboard is not public"
    FORBIDDEN = "403"
    CHALLENGE = "403 from Cloudflare: a page that wants to see a browser"
    BLOCKED = "403 from Cloudflare: error 1020, in HTML"
    BANNED = "403 from Cloudflare: error 1015, too many requests [seconds=none is said]"
    NOT_FOUND = "404: no such guild"
    WRONG_ADDRESS = "404 with an HTML page, as of a website"
    BAD_REQUEST = "400 [status=any other]"
    REDIRECT = "302 to another host [location=…]"

    # 429 with every kind of Retry-After.
    RATE_LIMITED = "429, Retry-After in seconds [seconds=1800]"
    RATE_LIMITED_SHORT = "429, Retry-After: 0, which a client can wait out"
    RATE_LIMITED_DATE = "429, Retry-After as an HTTP date [seconds=1800]"
    RATE_LIMITED_PAST_DATE = "429, Retry-After as an HTTP date that is over"
    RATE_LIMITED_MISSING = "429 without Retry-After"
    RATE_LIMITED_HUGE = "429, Retry-After of more digits than fit anywhere"
    RATE_LIMITED_GARBAGE = "429, Retry-After that is no time [value=…]"
    RATE_LIMITED_NEGATIVE = "429, Retry-After: -5"
    RATE_LIMITED_HTML = "429 from the CDN: an HTML body, no Retry-After"

    # Limits.
    LIMIT_REFUSED = "400 for a limit above 100 [most=100, status=any other]"
    LIMIT_OF_ONE_REFUSED = "400 for limit=1 [status=any other]"
    CAPPED = "at most 100 players a page, and the next page begins behind them [most=100]"
    CAPPED_WITH_GAPS = "at most 100 players a page, the next begins where limit says [most=100]"

    # Trouble on the way.
    SERVER_ERROR = "500 [status=any other]"
    UNAVAILABLE = "503 with an HTML body"
    TIMEOUT = "no answer at all"
    RESET = "the connection is reset"
    CLOSED = "the connection is closed without an answer"
    SLOW_HEADERS = "headers, one byte at a time [delay=0.05]"
    SLOW_BODY = "a body, one byte at a time [delay=0.05]"
    SLOW_GZIP = "a gzip stream that yields nothing, one byte at a time [delay=0.05]"

    # Bodies that are no JSON.
    TRUNCATED_JSON = "half of the JSON, with the Content-Length of that half"
    WRONG_LENGTH = "half of the JSON, with the Content-Length of the whole"
    EMPTY_BODY = "200 with nothing"
    HTML = "200 with an HTML page"
    INVALID_UTF8 = "a name with bytes that are not UTF-8"
    NAN = "an XP of NaN"
    HUGE_BODY = "20 MB of JSON"
    GZIP_BOMB = "20 MB of JSON in a few KB"
    BAD_GZIP = "a body that says it is gzip and is not"

    # JSON that is no leaderboard.
    WRONG_GUILD = "the leaderboard of another guild"
    NUMERIC_GUILD = "the guild's id as a number"
    NO_GUILD = "no guild"
    NO_PLAYERS = "no players"
    NOT_AN_OBJECT = "a JSON array"
    ERROR_WITH_200 = "200 with an error in the body"
    MANY_MALFORMED = "more malformed players than may be skipped [count=half of the page]"
    NUMERIC_ID = "ids as numbers that are too large for them"
    IGNORES_PAGE = "page 0, whatever page is asked for"

    # One player [player=id] who is malformed; by default the first of the page.
    NEGATIVE_XP = "an XP of -1"
    HUGE_XP = "an XP of 2**70"
    STRING_XP = 'an XP of "100"'
    FLOAT_XP = "an XP of 100.5"
    NULL_XP = "an XP of null"
    BOOLEAN_XP = "an XP of true"
    NAMELESS = "a player without an id"
    NOT_A_PLAYER = "null in place of a player"

    # What is odd but well.
    SHORT_NUMERIC_ID = "an additional player with a small id, as a number"
    STRANGE_NAMES = "names with NUL, half surrogate pairs, ANSI escapes and markup"
    LATE = "the right answer, but not before an event is set [until=threading.Event]"
    UNKNOWN_KEYS = "keys that nobody knows, and none of those that nobody needs"

    # Boards that move.
    DUPLICATE = "the last player of the page before comes again, and nobody is found elsewhere"
    TWICE_ON_PAGE = "the first player of the page again at its end, with less XP"
    RANKS_MOVE = "after the page, the first player behind it goes to the top [player=id]"
    XP_DROPS = "after the page, its first player falls to 0 XP [player=id]"
    NEWCOMER = "after the page, somebody new is on the board [xp=0]"
    EMPTY_BOARD = "no players at all"


F = TypeVar("F", bound=enum.Enum)


@dataclass(slots=True)
class _Order(Generic[F]):
    fault: F
    times: int | None
    page: int | None
    how: Mapping[str, object]


class Faults(Generic[F]):
    """The misbehaviours that are due, in the order they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[_Order[F]] = []

    def add(self, fault: F, times: int | None, page: int | None, how: Mapping[str, object]) -> None:
        """`times` requests, or all; of one page, or of any."""
        with self._lock:
            self._orders.append(_Order(fault, times, page, how))

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._orders.clear()

    def take(self, page: int) -> tuple[F, Mapping[str, object]] | None:
        """The misbehaviour for this request, which is counted."""
        with self._lock:
            for order in self._orders:
                if order.times != 0 and order.page in (None, page):
                    if order.times is not None:
                        order.times -= 1
                    return order.fault, order.how
        return None
