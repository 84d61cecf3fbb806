"""The leaderboard over HTTP: the address, and what each status means and asks for (section 3)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from trcpoints.config import Mee6Settings
from trcpoints.errors import LeaderboardInvalid, SourceRefused
from trcpoints.http.answers import Undecodable, origin, said, target
from trcpoints.http.mishaps import Hiccup
from trcpoints.http.transport import Answer, Limits, Transport
from trcpoints.mee6.leaderboard import Known, Leaderboard
from trcpoints.mee6.pages import Page, decode_page
from trcpoints.mee6.walk import walk

log = logging.getLogger("trcpoints.mee6")

ONE_REQUEST = Limits(retries=0, read_timeout=15.0, request_time=20.0, budget=30.0)
"""For a question that somebody waits for."""

_MOST_VALUES = 200_000
"""Of one page, those that a name only looks like included: sixteen times what MEE6 answers."""

_OTHER_WAY = "Try again later, or read a saved answer: trcpoints sync --from FILE"
_PUBLISH = (
    "On mee6.xyz: your server, Leaderboard settings, switch on "
    "'Make my server's leaderboard public'; or set MEE6_AUTH_TOKEN."
)
_REPLACE_IT = (
    "Put a valid token into MEE6_AUTH_TOKEN, or unset it and make the leaderboard public: "
    "mee6.xyz, your server, Leaderboard settings, 'Make my server's leaderboard public'."
)
_CHECK_GUILD = (
    "Check MEE6_GUILD_ID (Discord: right-click the server, Copy Server ID), and that MEE6 is on "
    "that server with its Levels plugin switched on."
)
_CHECK_AGENT = (
    "MEE6 turns away some User-Agents and networks: check MEE6_USER_AGENT and any proxy, or read "
    "a saved answer: trcpoints sync --from FILE"
)
_CHECK_BASE = "Check MEE6_API_BASE, or read a saved answer: trcpoints sync --from FILE"


@dataclass(frozen=True, slots=True)
class FirstPage:
    """The first page, asked for by itself; `clock_offset` is as in `Leaderboard`."""

    page: Page
    clock_offset: timedelta | None


def fetch_first_page(settings: Mee6Settings, *, now: Callable[[], datetime]) -> FirstPage:
    """Ask for the first page, once: to see whether MEE6 can be read, without patience.

    Raises what `fetch_leaderboard` raises.
    """
    guild_id = settings.require_guild_id()

    def read(answer: Answer) -> FirstPage:
        return FirstPage(_read(settings, guild_id, 0, answer), _offset(answer, now()))

    with _transport(settings, guild_id, ONE_REQUEST, now) as transport:
        return transport.get(_address(settings, guild_id, 0), read)


def fetch_leaderboard(
    settings: Mee6Settings,
    known: Known,
    *,
    now: Callable[[], datetime],
    on_page: Callable[[int, int], None] | None = None,
    limits: Limits | None = None,
) -> Leaderboard:
    """Walk the leaderboard until every id of `known` was seen; always reads the first page.

    `now` is the aware wall clock, for HTTP dates only. `on_page` is told the number of pages read
    and of those ids found. `limits` are those of section 3 unless given; the settings' interval
    and retry base go before them. Raises SourceRefused, RateLimited, SourceUnavailable,
    LeaderboardInvalid, and ConfigurationInvalid where no guild is set.
    """
    guild_id = settings.require_guild_id()
    limits = replace(
        limits or Limits(), interval=settings.request_interval, retry_base=settings.retry_base
    )
    clock_offset: timedelta | None = None
    with _transport(settings, guild_id, limits, now) as transport:

        def fetch(number: int) -> Page:
            def read(answer: Answer) -> Page:
                nonlocal clock_offset
                clock_offset = _offset(answer, now())
                return _read(settings, guild_id, number, answer)

            return transport.get(_address(settings, guild_id, number), read)

        tally = walk(fetch, known, on_page)
        tally.refuse_malformed("The leaderboard")
        return Leaderboard(
            guild_id=guild_id,
            known=known,
            news=tally.news,
            missing=tally.missing.keys(),
            unreadable=tally.unreadable,
            completeness=tally.completeness,
            paged=tally.pages_with_players > 1,
            players=tally.players,
            invalid_players=tally.invalid_players,
            pages=tally.pages,
            requests=transport.requests,
            retries=transport.retries,
            clock_offset=clock_offset,
        )


def _transport(
    settings: Mee6Settings, guild_id: str, limits: Limits, now: Callable[[], datetime]
) -> Transport:
    return Transport(
        f"The MEE6 leaderboard of guild {guild_id}",
        limits,
        user_agent=settings.user_agent,
        authorization=settings.auth_token,
        now=now,
        log=log,
        hint=_OTHER_WAY,
    )


def _address(settings: Mee6Settings, guild_id: str, number: int) -> str:
    return f"{settings.api_base}/{guild_id}?page={number}&limit={settings.page_size}"


def _offset(answer: Answer, now: datetime) -> timedelta | None:
    try:
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)) - now


def _read(settings: Mee6Settings, guild_id: str, number: int, answer: Answer) -> Page:
    if answer.status != 200:
        raise _refusal(settings, guild_id, answer)
    where = f"Page {number} of the MEE6 leaderboard"
    # Counted before there are objects of them, which take a hundred times the bytes. One and the
    # comma after it are two bytes at least, so a short body need not be looked through.
    values = 0
    if len(answer.body) > 2 * _MOST_VALUES:
        values = sum(map(answer.body.count, (b",", b"[", b"{")))
    if values > _MOST_VALUES:
        raise LeaderboardInvalid(
            f"{where} holds {values:,} values; one of {settings.page_size} players has about "
            f"{12 * settings.page_size:,}.",
            hint=_CHECK_BASE,
        )
    try:
        return decode_page(answer.body, guild_id, where)
    except Undecodable as fault:
        raise Hiccup(f"its answer is no JSON ({fault})", quoted=f" ({fault})") from fault


def _refusal(settings: Mee6Settings, guild_id: str, answer: Answer) -> SourceRefused:
    board = f"MEE6 leaderboard of guild {guild_id}"
    match answer.status:
        case 401 if settings.auth_token is not None:
            return SourceRefused(
                f"MEE6 does not accept MEE6_AUTH_TOKEN for the {board} (401).", hint=_REPLACE_IT
            )
        case 401:
            return SourceRefused(f"The {board} is not public (401).", hint=_PUBLISH)
        case 403:
            return SourceRefused(
                f"MEE6 refuses to show the {board} to this program (403){said(answer)}.",
                hint=_CHECK_AGENT,
                quoted=said(answer),
            )
        case 404:
            return SourceRefused(f"MEE6 knows no guild {guild_id} (404).", hint=_CHECK_GUILD)
        case status if 300 <= status < 400:
            return SourceRefused(
                f"{origin(answer.url)} sends requests for the {board} elsewhere ({status}, "
                f"{target(answer)}), and redirects are not followed.",
                hint=_CHECK_BASE,
                quoted=f", {target(answer)}",
            )
        case status:
            return SourceRefused(
                f"MEE6 answered {status} for the {board}{said(answer)}.",
                hint=_CHECK_BASE,
                quoted=said(answer),
            )
