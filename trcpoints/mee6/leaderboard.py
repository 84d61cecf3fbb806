"""What a walk through the leaderboard, or a saved file, says about the members that matter."""

from __future__ import annotations

import enum
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import timedelta


class Completeness(enum.Enum):
    """How much the absence of a member from a leaderboard means (design, section 3)."""

    COMPLETE = "complete"
    """Who was not found is not on the board; or everybody who was wanted was seen."""
    RANKS_MOVED = "ranks_moved"
    """The whole board was read, but somebody may have slipped through while ranks moved."""
    PARTIAL = "partial"
    """Known not to be the whole board."""


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The XP of the members that were asked for, and how the board was read.

    `wanted` are Discord ids; `xp` has those of them that were found and nobody else;
    `unreadable` those whose record was malformed (in `wanted`, not in `xp`). `paged` says that
    players came on more than one page. `players` are the valid players seen, each once,
    `invalid_players` the malformed records. `pages` are the page numbers read, with the empty
    one that confirms the end; `requests` all requests made, of which `retries` were repeats.
    `clock_offset` is how far MEE6's clock was ahead of ours, None where it did not say.
    """

    guild_id: str
    wanted: Set[str]
    xp: dict[str, int]
    unreadable: set[str]
    completeness: Completeness
    paged: bool
    players: int
    invalid_players: int
    pages: int
    requests: int
    retries: int
    clock_offset: timedelta | None = None


Fetch = Callable[[Set[str], Callable[[], None]], Leaderboard]
"""Reads the leaderboard for a set of Discord ids; calls the second whenever a page is read."""
