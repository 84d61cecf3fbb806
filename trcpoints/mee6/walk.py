"""The way through the pages while ranks move under one's feet (design, section 3).

Every position of a page that is read holds somebody not seen before, or somebody who was pushed
down (or fell) after having been seen. In the second case somebody else moved into the part of the
board that was read already: each repetition is one player owed, and each stranger found by
reading a page again pays one back. At the end of the board the two must be even.

What no client can see is a player who leaves the board altogether while it is read: everybody
below moves up by one, and who crosses the line between two reads is missed without a trace. That
is why one walk never decides alone that a member is absent for good (design, section 2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Set

from trcpoints.errors import LeaderboardInvalid
from trcpoints.mee6.leaderboard import Completeness
from trcpoints.mee6.pages import Page, refuse_malformed

EXTRA_READS = 3
MAX_PAGES = 20_000
SAME_PAGES = 3
# Enough for the pages that may be read again and their neighbours, whatever their size.
_REMEMBERED_IDS = 5_000


class Tally:
    """What the pages read so far say of the wanted ids; memory follows those, not the board."""

    def __init__(self, wanted: Set[str]) -> None:
        self.wanted = wanted
        self.xp: dict[str, int] = {}
        self.unreadable: set[str] = set()
        self.owed = 0
        self.players = 0
        self.invalid_players = 0
        self.pages = 0
        self.pages_with_players = 0
        self._nameless = 0
        self._recent: set[str] = set()
        self._earlier: set[str] = set()

    def read(self, page: Page) -> None:
        """Count a page that is read for the first time."""
        strangers = self._take(page)
        self.owed += page.size - page.nameless - strangers
        self.pages += 1
        self.pages_with_players += page.size > 0
        self.invalid_players += len(page.malformed) + page.nameless
        self._nameless += page.nameless

    def read_again(self, page: Page) -> None:
        """Count a page that was read before: only strangers on it are news."""
        self.owed -= self._take(page)

    def is_satisfied(self) -> bool:
        """True when every wanted id was seen."""
        return len(self.xp) + len(self.unreadable) == len(self.wanted)

    def refuse_malformed(self, where: str) -> None:
        """Raise LeaderboardInvalid where too many of all players read are malformed."""
        refuse_malformed(self.invalid_players, self.players + self.invalid_players, where)

    @property
    def completeness(self) -> Completeness:
        """What an absence means, once the end of the board was reached."""
        if self.is_satisfied() or (self.owed == 0 and self._nameless == 0):
            return Completeness.COMPLETE
        return Completeness.RANKS_MOVED

    def _take(self, page: Page) -> int:
        """Note the wanted players of a page; the number of its players never seen before."""
        ids = page.ids()
        # Each id of the page is looked up; a set operation with all of `wanted` or `xp` would
        # cost as much as there are members, for every page.
        found = set(filter(self.wanted.__contains__, page.xp))
        again = set(filter(self.xp.__contains__, found))
        # Not -=, which would go through the larger set.
        strangers = ids - again - self.unreadable - self._recent - self._earlier
        for player_id in found - again:
            self.xp[player_id] = page.xp[player_id]
        for player_id in again:
            self.xp[player_id] = max(page.xp[player_id], self.xp[player_id])
        self.unreadable -= found
        self.unreadable.update(
            player_id
            for player_id in page.malformed
            if player_id in self.wanted and player_id not in self.xp
        )
        self.players += len(strangers.difference(page.malformed))
        self._remember(ids)
        return len(strangers)

    def _remember(self, ids: set[str]) -> None:
        self._recent |= ids
        if len(self._recent) >= _REMEMBERED_IDS:
            self._earlier, self._recent = self._recent, set()


def walk(
    fetch: Callable[[int], Page],
    wanted: Set[str],
    on_page: Callable[[int, int], None] | None = None,
) -> Tally:
    """Read pages until every wanted id was seen, or the end is confirmed by an empty page.

    `fetch` gets the number of a page, from 0. `on_page` is told the pages read and the wanted ids
    found. Raises what `fetch` raises, and LeaderboardInvalid when the board has no end.
    """
    tally = Tally(wanted)
    extra_reads = EXTRA_READS
    previous: set[str] | None = None
    repeats = 0
    for number in range(MAX_PAGES):
        page = fetch(number)
        tally.read(page)
        if on_page is not None:
            on_page(tally.pages, len(tally.xp))
        if page.size == 0 or tally.is_satisfied():
            return tally
        ids = page.ids()
        repeats = repeats + 1 if ids == previous else 0
        if repeats == SAME_PAGES:
            raise LeaderboardInvalid(
                f"Pages {number - SAME_PAGES} to {number} of the leaderboard hold the same "
                "players: the server does not heed the page that is asked for.",
                hint="Check MEE6_API_BASE, or read a saved answer: trcpoints sync --from FILE",
            )
        previous = ids
        extra_reads -= _find_slipped(fetch, tally, number, extra_reads)
        if tally.is_satisfied():
            return tally
    raise LeaderboardInvalid(
        f"The leaderboard has no end: page {MAX_PAGES - 1} still has players.",
        hint="Check MEE6_API_BASE, or read a saved answer: trcpoints sync --from FILE",
    )


def _find_slipped(fetch: Callable[[int], Page], tally: Tally, number: int, at_most: int) -> int:
    """Read the pages before this one again while somebody is owed; how many were read.

    Nearest first: who overtook a few players is there, and who overtook many has pushed somebody
    across every line in between.
    """
    reads = 0
    while tally.owed > 0 and not tally.is_satisfied() and reads < min(at_most, number):
        reads += 1
        tally.read_again(fetch(number - reads))
    return reads
