"""Whatever a server makes of `limit`, a board that counts as complete has every player."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from trcpoints.errors import SourceRefused
from trcpoints.mee6.end import WALKS, walk_to_end
from trcpoints.mee6.leaderboard import Completeness
from trcpoints.mee6.pages import Page

ABSENT = 10_000


class Server:
    """A board that stays as it is, on a server that gives at most `most` players a page.

    With `gaps` page N begins at N times the limit that was asked for, else at N times the size
    that it gives. `least` is the lowest limit that it takes.
    """

    def __init__(self, players: int, most: int, *, gaps: bool, least: int) -> None:
        self.ids = list(range(players))
        self.most, self.gaps, self.least = most, gaps, least
        self.asked: list[tuple[int, int]] = []

    def fetch(self, number: int, limit: int) -> Page:
        self.asked.append((number, limit))
        if limit < self.least:
            raise SourceRefused("the limit is too low")
        size = min(limit, self.most)
        start = number * (limit if self.gaps else size)
        return Page("1", number, *self._players(start, size))

    def _players(self, start: int, size: int) -> tuple[int, dict[int, int]]:
        ids = self.ids[start : start + size]
        return len(ids), {player: 10_000 - player for player in ids}


@given(
    players=st.integers(0, 60),
    limit=st.integers(1, 25),
    most=st.integers(1, 25),
    gaps=st.booleans(),
    wanted=st.sets(st.integers(0, 70), max_size=8),
    absent=st.booleans(),
)
@example(players=50, limit=20, most=10, gaps=True, wanted={15}, absent=True)
@example(players=10, limit=20, most=10, gaps=True, wanted={15}, absent=False)
def test_a_complete_board_has_every_player(
    players: int, limit: int, most: int, gaps: bool, wanted: set[int], absent: bool
) -> None:
    server = Server(players, most, gaps=gaps, least=1)
    known = dict.fromkeys(wanted | {ABSENT} if absent else wanted)
    tally = walk_to_end(server.fetch, known, limit)
    assert tally.completeness is Completeness.COMPLETE
    assert tally.news.keys() == wanted & set(server.ids)
    walks = WALKS if gaps and most < limit else 1
    pages = -(-players // min(limit, most)) + 1
    assert len(server.asked) <= walks * (pages + 1)


@given(players=st.integers(0, 60), limit=st.integers(2, 25))
def test_where_the_end_cannot_be_asked_for_it_is_the_empty_page(players: int, limit: int) -> None:
    server = Server(players, 100, gaps=True, least=2)
    tally = walk_to_end(server.fetch, {ABSENT: None}, limit)
    assert (tally.completeness, tally.players) == (Completeness.COMPLETE, players)
    assert server.asked[-1] == (players, 1)
