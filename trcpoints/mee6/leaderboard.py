"""What a walk through the leaderboard, or a saved file, says about the members that matter."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

Known = Mapping[int, int | None]
"""Discord ids to look for, each with the XP last known; None: whatever is found is news.

Numbers, where the rest of the program has their text: a million of them are looked up in a third of
the time, and take half the memory.
"""


USUAL_XP_PER_MINUTE = 25.0
"""What MEE6 gives at most in a minute, unless a server is set up otherwise."""


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

    `known` is what was asked for. Of those, `missing` were not found, `unreadable` have a
    malformed record only, and `news` has the XP of the others where it is not the one known.
    `paged` says that players came on more than one page. `players` are the valid players seen,
    each once, `invalid_players` the malformed records. `pages` are the page numbers read, with
    the empty one that confirms the end; `requests` all requests made, of which `retries` were
    repeats. `clock_offset` is how far MEE6's clock was ahead of ours, None where it did not say.
    `xp_per_minute` is what a member can earn at most, by what the board says of itself.

    `digest` tells a saved board from others, None for one that MEE6 was asked for; `is_repeated`
    says that the sync has read this very board before, so that it is no further walk. `shortfall`
    says why a saved board is PARTIAL.
    """

    guild_id: str
    known: Known
    news: Mapping[int, int]
    missing: Set[int]
    unreadable: Set[int]
    completeness: Completeness
    paged: bool
    players: int
    invalid_players: int
    pages: int
    requests: int
    retries: int
    clock_offset: timedelta | None = None
    xp_per_minute: float = USUAL_XP_PER_MINUTE
    digest: str | None = None
    is_repeated: bool = False
    shortfall: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether no player was read: then nothing is known of anybody."""
        return self.players == 0

    @property
    def found(self) -> int:
        """How many of those asked for were found."""
        return len(self.known) - len(self.missing) - len(self.unreadable)

    def xp_of(self, discord_id: int) -> int | None:
        """The XP of somebody who was found, None of anybody else."""
        if discord_id in self.missing or discord_id in self.unreadable:
            return None
        return self.news.get(discord_id, self.known.get(discord_id))

    def all_xp(self) -> dict[int, int]:
        """The XP of everybody who was found."""
        xp = {**self.known, **self.news}
        for discord_id in (*self.missing, *self.unreadable):
            del xp[discord_id]
        # Where nothing was known, there is news of whoever was found.
        return cast("dict[int, int]", xp)


Fetch = Callable[[Known, Callable[[], None]], Leaderboard]
"""Reads the leaderboard for the ids known; calls the second whenever a page is read."""
