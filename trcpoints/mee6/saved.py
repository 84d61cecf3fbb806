"""A saved answer instead of the network: `--from FILE` (design, section 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import BinaryIO

from trcpoints.errors import LeaderboardInvalid, NotFound
from trcpoints.mee6.leaderboard import Completeness, Leaderboard
from trcpoints.mee6.pages import Page, Undecodable, decode_page, loads, page_of
from trcpoints.mee6.walk import Tally

FULL_PAGE = 999
_EXPECTED = (
    "Expected is what the API answers: one JSON document, several of them one a line, "
    "or an array of them. Save it with: curl -A trcpoints "
    "'https://mee6.xyz/api/plugins/levels/leaderboard/GUILD?page=0&limit=999' > FILE"
)


def read_leaderboard(
    source: Path | BinaryIO,
    name: str,
    wanted: Set[str],
    *,
    guild_id: str | None,
    complete: bool,
) -> Leaderboard:
    """Read the pages of a file; `name` is how messages call it.

    The pages must be of `guild_id`, or all of one guild where that is None. With `complete` they
    are taken as the whole board; without, they count as such when the last has fewer than 999
    players. Raises NotFound for a file that is not there, LeaderboardInvalid for one that is not
    readable, no leaderboard, or contradicts itself.
    """
    pages = _in_order(_decode(_read(source, name), name, guild_id), name)
    for page in pages:
        if page.guild_id != pages[0].guild_id:
            raise LeaderboardInvalid(
                f"{name} mixes guild {pages[0].guild_id} and guild {page.guild_id}.",
                hint="Give a file with the pages of one guild.",
            )
    whole = _is_whole(pages, complete, name)
    tally = Tally(wanted)
    for page in pages:
        tally.read(page)
    return Leaderboard(
        guild_id=pages[0].guild_id,
        wanted=wanted,
        xp=tally.xp,
        unreadable=tally.unreadable,
        completeness=tally.completeness if whole or tally.is_satisfied() else Completeness.PARTIAL,
        paged=tally.pages_with_players > 1,
        players=tally.players,
        invalid_players=tally.invalid_players,
        pages=tally.pages,
        requests=0,
        retries=0,
    )


def _read(source: Path | BinaryIO, name: str) -> bytes:
    try:
        return source.read_bytes() if isinstance(source, Path) else source.read()
    except FileNotFoundError as fault:
        raise NotFound(f"There is no file {name}.", hint="Check the name after --from.") from fault
    except OSError as fault:
        raise LeaderboardInvalid(
            f"{name} cannot be read: {fault.strerror or fault}", hint="Check the file."
        ) from fault


def _decode(body: bytes, name: str, guild_id: str | None) -> list[Page]:
    where = f"A page of {name}"
    try:
        if body.lstrip().startswith(b"["):
            return _decode_array(body, name, guild_id)
        try:
            return [decode_page(body, guild_id, name)]
        except Undecodable:
            # No line of NDJSON can hold a line break, so lines are documents.
            lines = [line for line in body.splitlines() if line.strip()]
            if len(lines) < 2:
                raise
            return [decode_page(line, guild_id, where) for line in lines]
    except Undecodable as fault:
        raise LeaderboardInvalid(f"{name} is not JSON ({fault}).", hint=_EXPECTED) from fault


def _decode_array(body: bytes, name: str, guild_id: str | None) -> list[Page]:
    values = loads(body)
    if not isinstance(values, list) or not values:
        raise LeaderboardInvalid(f"{name} holds no page.", hint=_EXPECTED)
    if all(isinstance(value, dict) and "xp" in value for value in values):
        raise LeaderboardInvalid(
            f"{name} is a list of players, without the pages around them that name the guild.",
            hint=_EXPECTED,
        )
    return [page_of(value, guild_id, f"A page of {name}") for value in values]


def _in_order(pages: list[Page], name: str) -> list[Page]:
    numbers = [page.number for page in pages if page.number is not None]
    twice = [number for number, times in Counter(numbers).items() if times > 1]
    if twice:
        raise LeaderboardInvalid(
            f"{name} has page {min(twice)} more than once.",
            hint="Give a file with the pages of one walk, each once.",
        )
    if len(numbers) < len(pages):
        return pages
    return [page for _, page in sorted(zip(numbers, pages, strict=True), key=lambda pair: pair[0])]


def _is_whole(pages: list[Page], complete: bool, name: str) -> bool:
    numbered = all(page.number is not None for page in pages)
    if numbered and any(page.number != place for place, page in enumerate(pages)):
        if complete:
            missing = next(n for n, page in enumerate(pages) if page.number != n)
            raise LeaderboardInvalid(
                f"{name} is not the whole leaderboard: page {missing} is missing.",
                hint="Leave --complete out, or give a file with all pages.",
            )
        return False
    return complete or pages[-1].size < FULL_PAGE
