"""The leaderboard over HTTP: what is asked for, and what an answer holds (section 3)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from trcpoints.config import Mee6Settings
from trcpoints.errors import LeaderboardInvalid
from trcpoints.http.answers import Undecodable
from trcpoints.http.mishaps import Hiccup
from trcpoints.http.transport import Answer, Limits, Transport
from trcpoints.mee6 import remedies
from trcpoints.mee6.end import walk_to_end
from trcpoints.mee6.leaderboard import Known, Leaderboard
from trcpoints.mee6.pages import Page, decode_page
from trcpoints.mee6.refusals import refusal

log = logging.getLogger("trcpoints.mee6")

ONE_REQUEST = Limits(retries=0, read_timeout=15.0, request_time=20.0, budget=30.0)
"""For a question that somebody waits for."""

_MOST_VALUES = 200_000
"""Of one page, those that a name only looks like included: sixteen times what MEE6 answers."""


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
        page = _read(settings, guild_id, 0, answer, now())
        return FirstPage(page, _offset(answer, now()))

    with _transport(settings, guild_id, ONE_REQUEST, now) as transport:
        return transport.get(_address(settings, guild_id, 0, settings.page_size), read)


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

        def fetch(number: int, size: int) -> Page:
            def read(answer: Answer) -> Page:
                nonlocal clock_offset
                clock_offset = _offset(answer, now())
                return _read(settings, guild_id, number, answer, now())

            return transport.get(_address(settings, guild_id, number, size), read)

        tally = walk_to_end(fetch, known, settings.page_size, on_page)
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
            xp_per_minute=tally.xp_per_minute,
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
        hint=remedies.OTHER_WAY,
    )


def _address(settings: Mee6Settings, guild_id: str, number: int, size: int) -> str:
    return f"{settings.api_base}/{guild_id}?page={number}&limit={size}"


def _offset(answer: Answer, now: datetime) -> timedelta | None:
    try:
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)) - now


def _read(
    settings: Mee6Settings, guild_id: str, number: int, answer: Answer, now: datetime
) -> Page:
    if answer.status != 200:
        raise refusal(settings, guild_id, answer, now)
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
            hint=remedies.CHECK_BASE,
        )
    try:
        return decode_page(answer.body, guild_id, where)
    except Undecodable as fault:
        raise Hiccup(f"its answer is no JSON ({fault})", quoted=f" ({fault})") from fault
