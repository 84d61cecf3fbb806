"""The last complete walk, kept on disk so that a preview need not ask again (section 3)."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Set
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from trcpoints.config import Mee6Settings
from trcpoints.mee6.leaderboard import Completeness, Leaderboard
from trcpoints.mee6.pages import MAX_XP

MAX_AGE = timedelta(minutes=15)

log = logging.getLogger("trcpoints.mee6")


class _Kept(msgspec.Struct):
    """A walk as it is written: what was found, and who was looked for in vain."""

    guild_id: str
    api_base: str
    read_at: Annotated[datetime, msgspec.Meta(tz=True)]
    xp: dict[int, Annotated[int, msgspec.Meta(ge=0, le=MAX_XP)]]
    absent: list[int]
    unreadable: set[int]
    paged: bool
    players: int
    invalid_players: int
    pages: int
    clock_offset: timedelta | None = None


def keep(settings: Mee6Settings, board: Leaderboard, read_at: datetime) -> None:
    """Keep a walk that was complete, for whoever runs this program only.

    What cannot be written is not kept: nothing depends on it.
    """
    if board.completeness is not Completeness.COMPLETE:
        return
    kept = _Kept(
        guild_id=board.guild_id,
        api_base=settings.api_base,
        read_at=read_at,
        xp=board.all_xp(),
        absent=[*board.missing, *board.unreadable],
        unreadable=set(board.unreadable),
        paged=board.paged,
        players=board.players,
        invalid_players=board.invalid_players,
        pages=board.pages,
        clock_offset=board.clock_offset,
    )
    try:
        path = _path(settings.api_base, board.guild_id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, msgspec.json.encode(kept))
    except OSError as fault:
        log.info("the leaderboard is not kept: %s", fault)


def recall(settings: Mee6Settings, wanted: Set[int], now: datetime) -> Leaderboard | None:
    """The last complete walk, if it looked for all of `wanted` at most 15 minutes ago."""
    guild_id = settings.require_guild_id()
    kept = _read(settings.api_base, guild_id)
    if kept is None or (kept.guild_id, kept.api_base) != (guild_id, settings.api_base):
        return None
    missing = wanted - kept.xp.keys()
    if not timedelta(0) <= now - kept.read_at <= MAX_AGE or not missing <= set(kept.absent):
        return None
    unreadable = kept.unreadable & wanted
    return Leaderboard(
        guild_id=guild_id,
        known=dict.fromkeys(wanted),
        news={player_id: xp for player_id, xp in kept.xp.items() if player_id in wanted},
        missing=missing - unreadable,
        unreadable=unreadable,
        completeness=Completeness.COMPLETE,
        paged=kept.paged,
        players=kept.players,
        invalid_players=kept.invalid_players,
        pages=kept.pages,
        requests=0,
        retries=0,
        clock_offset=kept.clock_offset,
    )


def _path(api_base: str, guild_id: str) -> Path:
    from platformdirs import user_cache_path

    key = hashlib.sha256(f"{api_base}/{guild_id}".encode()).hexdigest()
    try:
        folder = user_cache_path("trcpoints", appauthor=False)
    except RuntimeError as fault:  # nobody knows where this user's folders are
        raise FileNotFoundError(str(fault)) from fault
    return folder / f"leaderboard-{key[:16]}.json"


def _read(api_base: str, guild_id: str) -> _Kept | None:
    """None for what is not there, or is not whole."""
    try:
        path = _path(api_base, guild_id)
        # What is no file could keep a reader waiting.
        body = path.read_bytes() if path.is_file() else b""
        return msgspec.json.decode(body, type=_Kept)
    except (OSError, msgspec.DecodeError) as fault:
        log.debug("no leaderboard is kept: %s", fault)
        return None


def _replace(path: Path, data: bytes) -> None:
    """Two programs may do this at once; a reader sees the one or the other."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
