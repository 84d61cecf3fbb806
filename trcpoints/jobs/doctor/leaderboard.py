"""Can the leaderboard be read, and is it the right one? Asked once, or not at all (section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trcpoints.config import Mee6Settings
from trcpoints.errors import OtherGuild, TrcpointsError
from trcpoints.jobs.doctor.check import Books, Case, Check, fault_of, unread, unset
from trcpoints.jobs.tracked_guild import refuse_other_guild
from trcpoints.mee6 import cache
from trcpoints.mee6.client import fetch_first_page
from trcpoints.mee6.sizes import is_whole

NAMES = ("mee6", "members")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of the leaderboard. `where` it was seen goes into sentences."""

    players: int
    malformed: int
    found: int
    where: str


def look(case: Case) -> Iterator[Check]:
    """Look at the last walk while it is fresh, else at the first page."""
    settings = case.usable("MEE6_", "DISCORD_GUILD_ID")
    if settings is None:
        yield from map(unset, NAMES)
        return
    mee6, books = settings.mee6, case.books
    if not mee6.enabled:
        for name in NAMES:
            yield Check(name, "skipped", "Sync is switched off by MEE6_SYNC_ENABLED.")
    elif books is None:
        # Whether MEE6 asked for a pause is not known then.
        yield from map(unread, NAMES)
    else:
        try:
            refuse_other_guild(books.guild_id, mee6.guild_id)
        except OtherGuild as fault:
            yield fault_of("mee6", fault)
            yield _unseen()
        else:
            yield from _looked(case, mee6, books)


def _looked(case: Case, mee6: Mee6Settings, books: Books) -> Iterator[Check]:
    seen = _kept(case, mee6, books)
    if seen is None and books.paused_until is not None:
        until = f"{books.paused_until:%Y-%m-%d %H:%M:%S} UTC"
        yield Check("mee6", "skipped", f"Not asked: it wants to be left alone until {until}.")
        yield _unseen()
        return
    try:
        seen = seen or _asked(case, mee6, books)
    except TrcpointsError as fault:
        yield fault_of("mee6", fault)
        yield _unseen()
        return
    yield _board(mee6, seen)
    yield _members(seen, len(books.wanted))


def _kept(case: Case, mee6: Mee6Settings, books: Books) -> _Seen | None:
    board = cache.recall(mee6, books.wanted, case.clock())
    if board is None:
        return None
    case.mee6_offset = board.clock_offset
    minutes = int(cache.MAX_AGE.total_seconds()) // 60
    return _Seen(
        board.players,
        board.invalid_players,
        board.found,
        f"on the leaderboard, as it was read in the last {minutes} minutes",
    )


def _asked(case: Case, mee6: Mee6Settings, books: Books) -> _Seen:
    first = fetch_first_page(mee6, now=case.clock)
    case.mee6_offset = first.clock_offset
    page = first.page
    is_all = page.size < mee6.page_size and is_whole([page.size])
    return _Seen(
        len(page.xp),
        len(page.malformed) + page.nameless,
        len(books.wanted & page.xp.keys()),
        "on the leaderboard" if is_all else "on the first page of the leaderboard",
    )


def _board(mee6: Mee6Settings, seen: _Seen) -> Check:
    players = "1 player" if seen.players == 1 else f"{seen.players:,} players"
    told = f"Guild {mee6.guild_id}: {players} {seen.where}"
    if seen.malformed:
        message = f"{told}, and {seen.malformed:,} malformed, left out."
        hint = "If it stays so, MEE6 may have changed: pip install --upgrade trcpoints"
        return Check("mee6", "warning", message, hint)
    if not seen.players:
        hint = "Is the Levels plugin on, on mee6.xyz, and has anybody written yet?"
        return Check("mee6", "warning", f"{told}.", hint)
    return Check("mee6", "ok", f"{told}.")


def _members(seen: _Seen, linked: int) -> Check:
    if not linked:
        hint = "Import them: trcpoints members import FILE"
        return Check("members", "warning", "No member is linked yet, so nobody is synced.", hint)
    told = f"{seen.found:,} of {linked:,} linked members are {seen.where}."
    if not seen.found:
        hint = "Check their Discord ids, and that the guild is theirs: trcpoints members list"
        return Check("members", "warning", told, hint)
    return Check("members", "ok", told)


def _unseen() -> Check:
    return Check("members", "skipped", "The leaderboard was not read.")
