"""A saved answer instead of the network: `--from FILE` (design, section 3)."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from trcpoints.errors import LeaderboardInvalid, NotFound
from trcpoints.http.answers import Undecodable, loads
from trcpoints.http.text import one_line
from trcpoints.mee6.leaderboard import Completeness, Known, Leaderboard
from trcpoints.mee6.pages import Page, decode_page
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
    known: Known,
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
    tally = Tally(known)
    for page in pages:
        tally.read(page)
    tally.refuse_malformed(name)
    return Leaderboard(
        guild_id=pages[0].guild_id,
        known=known,
        news=tally.news,
        missing=tally.missing.keys(),
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
    try:
        if body.lstrip().startswith(b"["):
            documents = _array_items(body, name)
        elif _is_ndjson(body):
            documents = _lines(body)
        else:
            return [decode_page(body, guild_id, name)]
        return [decode_page(document, guild_id, f"A page of {name}") for document in documents]
    except Undecodable as fault:
        raise LeaderboardInvalid(f"{name} is not JSON ({fault}).", hint=_EXPECTED) from fault


def _array_items(body: bytes, name: str) -> Iterator[bytes]:
    try:
        # Raw: each page is decoded on its own, and only then are there objects of its players.
        items = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Undecodable(one_line(str(fault))) from fault
    if not items:
        raise LeaderboardInvalid(f"{name} holds no page.", hint=_EXPECTED)
    first = loads(bytes(items[0]))
    if isinstance(first, dict) and "xp" in first:
        raise LeaderboardInvalid(
            f"{name} is a list of players, without the pages around them that name the guild.",
            hint=_EXPECTED,
        )
    return map(bytes, items)


def _lines(body: bytes) -> Iterator[bytes]:
    # One at a time: a list of them would hold the file a second time.
    return filter(bytes.strip, io.BytesIO(body))


def _is_ndjson(body: bytes) -> bool:
    """Whether there are several lines, and the first is a document by itself."""
    lines = _lines(body)
    first = next(lines, b"")
    if next(lines, None) is None:
        return False
    try:
        loads(first)
    except Undecodable:
        return False
    return True


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
