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

from collections.abc import Callable, Mapping, Set

from trcpoints.errors import LeaderboardInvalid
from trcpoints.mee6.leaderboard import USUAL_XP_PER_MINUTE, Completeness, Known
from trcpoints.mee6.pages import Page, refuse_malformed

EXTRA_READS = 3
MAX_PAGES = 20_000
SAME_PAGES = 3
# Enough for the pages that may be read again and their neighbours, whatever their size.
_REMEMBERED_IDS = 5_000
# Not None, which is what is known of some; and nobody has as little XP.
_NOT_MISSING = -1


class Tally:
    """What the pages read so far say of the ids `known`; memory follows those, not the board.

    `missing` are those not seen yet; `news` and `unreadable` are as in `Leaderboard`. `records` is
    the size of all pages read, and `doubt` what was found at the end of the board.
    """

    def __init__(self, known: Known) -> None:
        self.known = known
        # Not a set: a board has its players in much the same order from one walk to the next, and
        # in that order a dict is quicker.
        self.missing = dict(known)
        self.news: dict[int, int] = {}
        self.unreadable: set[int] = set()
        self.owed = 0
        self.records = 0
        self.largest_page = 0
        self.doubt = Completeness.COMPLETE
        self.players = 0
        self.invalid_players = 0
        self.pages = 0
        self.pages_with_players = 0
        self._xp_per_minute: float | None = None
        self._nameless = 0
        self._recent: set[int] = set()
        self._earlier: set[int] = set()

    def read(self, page: Page) -> None:
        """Count a page that is read for the first time."""
        strangers = self._take(page)
        self.owed += page.size - page.nameless - strangers
        self.pages += 1
        self.records += page.size
        self.largest_page = max(self.largest_page, page.size)
        self.pages_with_players += page.size > 0
        self.invalid_players += len(page.malformed) + page.nameless
        self._nameless += page.nameless
        self._xp_per_minute = self._xp_per_minute or page.xp_per_minute

    def read_again(self, page: Page) -> None:
        """Count a page that was read before: only strangers on it are news."""
        self.owed -= self._take(page)

    @property
    def found(self) -> int:
        """How many of the ids were found."""
        return len(self.known) - len(self.missing) - len(self.unreadable)

    @property
    def xp_per_minute(self) -> float:
        """What a member can earn at most, by the first page that says so."""
        return self._xp_per_minute or USUAL_XP_PER_MINUTE

    def is_satisfied(self) -> bool:
        """True when every id was seen."""
        return not self.missing

    def refuse_malformed(self, where: str) -> None:
        """Raise LeaderboardInvalid where too many of all players read are malformed."""
        refuse_malformed(self.invalid_players, self.players + self.invalid_players, where)

    @property
    def completeness(self) -> Completeness:
        """What an absence means, once the end of the board was reached."""
        if self.is_satisfied():
            return Completeness.COMPLETE
        if self.doubt is Completeness.COMPLETE and (self.owed or self._nameless):
            return Completeness.RANKS_MOVED
        return self.doubt

    def _take(self, page: Page) -> int:
        """Note the players of a page; the number of those never seen before."""
        others = self._strike_off(page.xp)
        unreadable = [player_id for player_id in page.malformed if player_id in self.missing]
        for player_id in unreadable:
            del self.missing[player_id]
        self.unreadable.update(unreadable)
        for player_id in filter(self.known.__contains__, others):
            self._find_again(player_id, page.xp[player_id])
        unasked = set(others).difference(self.known)
        malformed = page.malformed.difference(self.known)
        # Not -=, which would go through the larger set.
        strangers = len(page.xp) - len(others) + len(unasked - self._recent - self._earlier)
        self.players += strangers
        strangers += len(unreadable) + len(malformed - self._recent - self._earlier)
        self._remember(unasked | malformed)
        return strangers

    def _strike_off(self, xp: Mapping[int, int]) -> list[int]:
        """Note the XP of the players of a page who were missing so far; the ids of the others."""
        others = []
        strike, news = self.missing.pop, self.news
        for player_id, points in xp.items():
            known = strike(player_id, _NOT_MISSING)
            if known == points:
                continue
            if known == _NOT_MISSING:
                others.append(player_id)
            else:
                news[player_id] = points
        return others

    def _find_again(self, player_id: int, xp: int) -> None:
        """Somebody who was asked for and seen before: the highest XP counts (section 3)."""
        known = self.known[player_id]
        if player_id in self.unreadable:
            self.unreadable.remove(player_id)
        else:
            xp = max(xp, self.news.get(player_id, known) or 0)
        if xp == known:
            self.news.pop(player_id, None)
        else:
            self.news[player_id] = xp

    def _remember(self, unasked: Set[int]) -> None:
        self._recent |= unasked
        if len(self._recent) >= _REMEMBERED_IDS:
            self._earlier, self._recent = self._recent, set()


def walk(
    fetch: Callable[[int], Page],
    known: Known,
    on_page: Callable[[int, int], None] | None = None,
) -> Tally:
    """Read pages until every id of `known` was seen, or the end is confirmed by an empty page.

    `fetch` gets the number of a page, from 0. `on_page` is told the pages read and the ids
    found. Raises what `fetch` raises, and LeaderboardInvalid when the board has no end.
    """
    tally = Tally(known)
    extra_reads = EXTRA_READS
    previous: Page | None = None
    repeats = 0
    for number in range(MAX_PAGES):
        page = fetch(number)
        tally.read(page)
        if on_page is not None:
            on_page(tally.pages, tally.found)
        if page.size == 0 or tally.is_satisfied():
            return tally
        repeats = repeats + 1 if previous and page.has_the_players_of(previous) else 0
        if repeats == SAME_PAGES:
            raise LeaderboardInvalid(
                f"Pages {number - SAME_PAGES} to {number} of the leaderboard hold the same "
                "players: the server does not heed the page that is asked for.",
                hint="Check MEE6_API_BASE, or read a saved answer: trcpoints sync --from FILE",
            )
        previous = page
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
