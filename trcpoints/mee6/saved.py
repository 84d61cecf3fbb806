"""A saved answer instead of the network: `--from FILE` (design, section 3)."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import msgspec

from trcpoints.errors import LeaderboardInvalid, NotFound
from trcpoints.mee6.leaderboard import Completeness, Known, Leaderboard
from trcpoints.mee6.pages import Page
from trcpoints.mee6.saved_pages import SavedPages
from trcpoints.mee6.sizes import is_whole
from trcpoints.mee6.walk import Tally
from trcpoints.records.rounded_ids import RoundedIds


def read_leaderboard(
    source: Path | BinaryIO,
    name: str,
    known: Known,
    *,
    guild_id: str | None,
    complete: bool,
    unnamed: str | None = None,
) -> Leaderboard:
    """Read the pages of a file; `name` is how messages call it.

    The pages must be of `guild_id`, or all of one guild where that is None; pages that do not name
    their guild are of `unnamed`, and so must the others be. With `complete` they are taken as the
    whole board; without, their sizes tell (`trcpoints.mee6.sizes`). Raises NotFound for a file
    that is not there, LeaderboardInvalid for one that is not readable, no leaderboard, or
    contradicts itself.
    """
    saved = SavedPages(name, guild_id or unnamed, unnamed)
    pages = _in_order(saved.decode(read_source(source, name)), name)
    _require_one_guild(pages, unnamed, name)
    _refuse_rounded(pages, name)
    shortfall = _shortfall(pages, complete, name)
    tally = Tally(known)
    for page in pages:
        tally.read(page)
    tally.refuse_malformed(name)
    is_partial = bool(shortfall) and not tally.is_satisfied()
    return Leaderboard(
        guild_id=pages[0].guild_id,
        known=known,
        news=tally.news,
        missing=tally.missing.keys(),
        unreadable=tally.unreadable,
        completeness=Completeness.PARTIAL if is_partial else tally.completeness,
        paged=tally.pages_with_players > 1,
        players=tally.players,
        invalid_players=tally.invalid_players,
        pages=tally.pages,
        requests=0,
        retries=0,
        digest=_digest(pages),
        shortfall=shortfall if is_partial else "",
        xp_per_minute=tally.xp_per_minute,
    )


def read_source(source: Path | BinaryIO, name: str) -> bytes:
    """Return the bytes of a file. Raises NotFound, and LeaderboardInvalid where it has none."""
    try:
        return source.read_bytes() if isinstance(source, Path) else source.read()
    except FileNotFoundError as fault:
        raise NotFound(f"There is no file {name}.", hint="Check the name after --from.") from fault
    except OSError as fault:
        raise LeaderboardInvalid(
            f"{name} cannot be read: {fault.strerror or fault}", hint="Check the file."
        ) from fault


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


def _require_one_guild(pages: list[Page], unnamed: str | None, name: str) -> None:
    first = pages[0].guild_id
    for page in pages:
        if page.guild_id != first:
            raise LeaderboardInvalid(
                f"{name} mixes guild {first} and guild {page.guild_id}.",
                hint="Give a file with the pages of one guild.",
            )
    if unnamed not in (None, first):
        raise LeaderboardInvalid(
            f"{name} is of guild {first}, not of guild {unnamed}.",
            hint="Leave --guild out, or check that the file is from the right server.",
        )


def _refuse_rounded(pages: list[Page], name: str) -> None:
    """Raise LeaderboardInvalid for players whose ids a spreadsheet has rounded."""
    ids = RoundedIds()
    for player_id in itertools.chain.from_iterable(page.xp for page in pages):
        ids.add(str(player_id))
        if ids.is_refuted:
            return
    if reason := ids.reason():
        raise LeaderboardInvalid(
            f"{name} is of no use: {reason}.",
            hint="Save the answer of MEE6 as it is, not by way of a spreadsheet.",
        )


def _shortfall(pages: list[Page], complete: bool, name: str) -> str:
    """Why the pages may not be the whole board; nothing where they are said or seem to be it."""
    gap = _gap(pages)
    if complete and gap:
        raise LeaderboardInvalid(
            f"{name} is not the whole leaderboard: {gap}.",
            hint="Leave --complete out, or give a file with all pages.",
        )
    sizes = [page.size for page in pages]
    if complete or gap or is_whole(sizes):
        return gap
    if len(sizes) == 1:
        return f"its only page has {sizes[0]:,} players, as many as are often asked for"
    return f"its last page, of {sizes[-1]:,} players, is not shorter than the page before it"


def _gap(pages: list[Page]) -> str:
    """Which page is missing, where the pages are numbered and one is; else nothing."""
    if any(page.number is None for page in pages):
        return ""
    missing = (place for place, page in enumerate(pages) if page.number != place)
    return next((f"page {place} is missing" for place in missing), "")


def _digest(pages: list[Page]) -> str:
    """A digest of who has how much XP, however the file is written and divided into pages."""
    players = sorted(itertools.chain.from_iterable(page.xp.items() for page in pages))
    malformed = sorted(itertools.chain.from_iterable(page.malformed for page in pages))
    nameless = sum(page.nameless for page in pages)
    content = msgspec.json.encode((pages[0].guild_id, players, malformed, nameless))
    return hashlib.blake2b(content, digest_size=16).hexdigest()
