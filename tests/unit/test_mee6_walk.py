"""The walk through pages whose ranks move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from trcpoints.errors import LeaderboardInvalid
from trcpoints.mee6 import walk as walk_module
from trcpoints.mee6.leaderboard import Completeness
from trcpoints.mee6.pages import Page
from trcpoints.mee6.walk import EXTRA_READS, walk

GUILD = "1"
ABSENT = 999
Moves = Mapping[int, Sequence[tuple[int, int | None]]]


class Board:
    """A leaderboard that moves: `moves` says who gets which XP (None: leaves) before a read."""

    def __init__(self, xp: Mapping[int, int], limit: int, moves: Moves | None = None) -> None:
        self.xp = dict(xp)
        self.limit = limit
        self.moves = dict(moves or {})
        self.reads: list[int] = []
        self.had = {player: {value} for player, value in xp.items()}
        self.stayed = set(xp)

    def fetch(self, number: int) -> Page:
        for player, xp in self.moves.get(len(self.reads), ()):
            if xp is None:
                self.xp.pop(player, None)
                self.stayed.discard(player)
            else:
                self.xp[player] = xp
                self.had.setdefault(player, set()).add(xp)
        self.reads.append(number)
        ranked = sorted(self.xp.items(), key=lambda item: -item[1])
        return page(dict(ranked[number * self.limit : (number + 1) * self.limit]), number)


def asked(*ids: int) -> dict[int, int | None]:
    """Ids to look for, of whom nothing is known."""
    return dict.fromkeys(ids)


def page(xp: dict[int, int], number: int = 0, size: int | None = None) -> Page:
    return Page(GUILD, number, len(xp) if size is None else size, xp)


def descending(count: int) -> dict[int, int]:
    return {place: (count - place) * 10 for place in range(count)}


def test_stops_at_the_page_of_the_last_wanted_player() -> None:
    board = Board(descending(30), 10)
    tally = walk(board.fetch, asked(3, 15))
    assert tally.news == {3: 270, 15: 150}
    assert board.reads == [0, 1]
    assert tally.completeness is Completeness.COMPLETE


def test_nobody_wanted_still_reads_the_first_page() -> None:
    board = Board(descending(30), 10)
    assert walk(board.fetch, asked()).players == 10
    assert board.reads == [0]


@pytest.mark.parametrize(("players", "reads"), [(0, 1), (5, 2), (10, 2), (15, 3), (20, 3)])
def test_the_end_is_confirmed_by_an_empty_page(players: int, reads: int) -> None:
    board = Board(descending(players), 10)
    tally = walk(board.fetch, asked(ABSENT))
    assert board.reads == list(range(reads))
    assert (tally.news, tally.completeness) == ({}, Completeness.COMPLETE)
    assert (tally.players, tally.pages, tally.pages_with_players) == (players, reads, reads - 1)


def test_a_short_page_is_not_always_the_last() -> None:
    pages = [page({1: 9, 2: 8}), page({3: 7}), page({4: 6}), page({})]
    tally = walk(pages.__getitem__, asked(4, ABSENT))
    assert tally.news == {4: 6}
    assert tally.pages == 4


def test_who_overtakes_is_found_on_the_page_before() -> None:
    # After page 0, p12 goes to the top: p9 comes again on page 1.
    board = Board(descending(30), 10, {1: [(12, 1000)]})
    tally = walk(board.fetch, asked(12, ABSENT))
    assert tally.news == {12: 1000}
    assert board.reads == [0, 1, 0, 2, 3]
    assert tally.completeness is Completeness.COMPLETE
    assert tally.players == 30


def test_the_one_who_slipped_is_looked_for_from_page_to_page() -> None:
    # After page 2, p35 goes to the top: every page from 0 on pushes one down.
    board = Board(descending(40), 10, {3: [(35, 1000)]})
    tally = walk(board.fetch, asked(35, ABSENT))
    assert board.reads == [0, 1, 2, 3, 2, 1, 0, 4]
    assert tally.news == {35: 1000}
    assert tally.completeness is Completeness.COMPLETE


def test_no_more_than_three_extra_requests() -> None:
    board = Board(descending(60), 10, {4: [(55, 1000)]})
    tally = walk(board.fetch, asked(55, ABSENT))
    assert board.reads == [0, 1, 2, 3, 4, 3, 2, 1, 5, 6]
    assert tally.news == {}
    assert tally.completeness is Completeness.RANKS_MOVED


def test_movement_does_not_matter_when_everybody_was_seen() -> None:
    board = Board(descending(60), 10, {4: [(55, 1000)]})
    assert walk(board.fetch, asked(45)).completeness is Completeness.COMPLETE


def test_the_walk_ends_as_soon_as_a_page_read_again_brings_the_last() -> None:
    board = Board(descending(30), 10, {1: [(12, 1000)]})
    walk(board.fetch, asked(12))
    assert board.reads == [0, 1, 0]


def test_a_duplicate_keeps_the_higher_xp() -> None:
    # p0 falls from the top while the walk is on, and is seen again with what is left.
    board = Board(descending(20), 10, {1: [(0, 55)]})
    tally = walk(board.fetch, asked(0, 10, ABSENT))
    assert tally.news == {0: 200, 10: 100}
    assert tally.completeness is Completeness.COMPLETE


def test_a_wanted_player_is_known_again_however_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_module, "_REMEMBERED_IDS", 20)
    # p0 falls to page 5 after page 0 was read, and p10 moves up to page 0 unseen.
    board = Board(descending(60), 10, {1: [(0, 55)]})
    tally = walk(board.fetch, asked(0, 10, ABSENT))
    assert tally.news == {0: 600}
    assert tally.completeness is Completeness.RANKS_MOVED


def test_a_player_twice_on_one_page_leaves_a_doubt() -> None:
    pages = [page({1: 9, 2: 8}, size=3), page({})]
    tally = walk(pages.__getitem__, asked(ABSENT))
    assert tally.completeness is Completeness.RANKS_MOVED


def test_a_nameless_record_leaves_a_doubt_only_about_the_absent() -> None:
    pages = [Page(GUILD, 0, 3, {1: 9, 2: 8}, nameless=1), page({})]
    assert walk(pages.__getitem__, asked(ABSENT)).completeness is Completeness.RANKS_MOVED
    assert walk(pages.__getitem__, asked(1)).completeness is Completeness.COMPLETE


def test_a_malformed_player_is_seen_but_not_read() -> None:
    pages = [Page(GUILD, 0, 2, {1: 9}, frozenset({2, 3}))]
    tally = walk(pages.__getitem__, asked(1, 2))
    assert (tally.news, tally.unreadable) == ({1: 9}, {2})
    assert (tally.completeness, tally.invalid_players) == (Completeness.COMPLETE, 2)


def test_a_malformed_player_who_is_well_elsewhere_is_read() -> None:
    pages = [Page(GUILD, 0, 2, {1: 9}, frozenset({2})), page({2: 5}), page({})]
    tally = walk(pages.__getitem__, asked(2, ABSENT))
    assert (tally.news, tally.unreadable) == ({2: 5}, set())


def test_a_server_that_does_not_heed_the_page() -> None:
    reads: list[int] = []

    def fetch(number: int) -> Page:
        reads.append(number)
        return page({1: 9, 2: 8})

    with pytest.raises(LeaderboardInvalid, match="does not heed the page"):
        walk(fetch, asked(ABSENT))
    assert len(reads) <= 4 + EXTRA_READS


def test_a_server_that_does_not_heed_the_page_and_cannot_count_either() -> None:
    pages = [page({1: 9, 2: 8}), Page(GUILD, 0, 2, {1: 9}, frozenset({2}))]
    with pytest.raises(LeaderboardInvalid, match="does not heed the page"):
        walk(lambda _number: pages.pop(0) if pages else page({1: 9, 2: 8}), asked(ABSENT))


def test_a_board_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_module, "MAX_PAGES", 50)
    with pytest.raises(LeaderboardInvalid, match="no end"):
        walk(lambda number: page({number: 5}), asked(ABSENT))


def test_progress_is_told_after_each_page() -> None:
    told: list[tuple[int, int]] = []
    board = Board(descending(25), 10)
    walk(board.fetch, asked(1, 22, ABSENT), lambda pages, found: told.append((pages, found)))
    assert told == [(1, 1), (2, 1), (3, 2), (4, 2)]


def test_only_wanted_players_and_the_last_pages_are_kept() -> None:
    pages: Callable[[int], Page] = lambda n: page(  # noqa: E731
        {1000 * n + i: 5 for i in range(999)} if n < 40 else {}
    )
    tally = walk(pages, asked(ABSENT))
    assert tally.players == 40 * 999
    assert len(tally._recent) + len(tally._earlier) < 13 * 999


PLAYERS = list(range(24))
BOARDS = st.fixed_dictionaries(
    {
        "xp": st.dictionaries(st.sampled_from(PLAYERS), st.integers(0, 60), max_size=24),
        "limit": st.integers(2, 8),
        "wanted": st.sets(st.sampled_from([*PLAYERS, ABSENT, 100])),
    }
)
READS = st.integers(0, 12)


@given(
    BOARDS, st.lists(st.tuples(READS, st.sampled_from([*PLAYERS, 100, 101]), st.integers(1, 90)))
)
@example({"xp": {0: 9, 1: 8, 2: 7}, "limit": 2, "wanted": {2}}, [(1, 2, 10)])
def test_gaining_players_are_never_missed_by_a_complete_walk(
    given_board: dict[str, object], gains: list[tuple[int, int, int]]
) -> None:
    """XP only grows and newcomers join: then COMPLETE means that nobody was missed."""
    xp, limit, wanted = given_board["xp"], given_board["limit"], given_board["wanted"]
    assert isinstance(xp, dict)
    assert isinstance(limit, int)
    assert isinstance(wanted, set)
    moves: dict[int, list[tuple[int, int | None]]] = {}
    now = dict(xp)
    for read, player, gain in sorted(gains[:5]):
        now[player] = now.get(player, 0) + gain
        moves.setdefault(read, []).append((player, now[player]))
    board = Board(xp, limit, moves)
    tally = walk(board.fetch, asked(*wanted))
    assert all(tally.news[player] in board.had[player] for player in tally.news)
    assert tally.news.keys() <= wanted
    if tally.completeness is Completeness.COMPLETE:
        assert (board.stayed & wanted) <= tally.news.keys()
    assert len(board.reads) <= len(board.xp) // limit + 2 + EXTRA_READS


@given(
    BOARDS,
    st.lists(
        st.tuples(READS, st.sampled_from(PLAYERS), st.none() | st.integers(0, 90)), max_size=8
    ),
)
def test_whatever_happens_the_xp_is_true_and_the_walk_ends(
    given_board: dict[str, object], changes: list[tuple[int, int, int | None]]
) -> None:
    """Players fall, leave and come back: not all of that can be seen, but nothing is invented."""
    xp, limit, wanted = given_board["xp"], given_board["limit"], given_board["wanted"]
    assert isinstance(xp, dict)
    assert isinstance(limit, int)
    assert isinstance(wanted, set)
    moves: dict[int, list[tuple[int, int | None]]] = {}
    for read, player, value in changes:
        moves.setdefault(read, []).append((player, value))
    board = Board(xp, limit, moves)
    try:
        tally = walk(board.fetch, asked(*wanted))
    except LeaderboardInvalid:
        # The same page thrice takes more moves on a board of two a page than real ones see.
        assume(False)
    assert all(tally.news[player] in board.had[player] for player in tally.news)
    assert len(board.reads) <= len(board.had) // limit + 2 + EXTRA_READS


@given(
    BOARDS,
    st.lists(
        st.tuples(READS, st.sampled_from(PLAYERS), st.none() | st.integers(0, 90)), max_size=8
    ),
    st.dictionaries(st.sampled_from(PLAYERS), st.integers(0, 90)),
)
def test_what_was_known_changes_nothing_of_what_is_found(
    given_board: dict[str, object],
    changes: list[tuple[int, int, int | None]],
    remembered: dict[int, int],
) -> None:
    """A walk that knows their XP reads the same pages, and only tells less of the same."""
    xp, limit, wanted = given_board["xp"], given_board["limit"], given_board["wanted"]
    assert isinstance(xp, dict)
    assert isinstance(limit, int)
    assert isinstance(wanted, set)
    moves: dict[int, list[tuple[int, int | None]]] = {}
    for read, player, value in changes:
        moves.setdefault(read, []).append((player, value))
    boards = [Board(xp, limit, moves), Board(xp, limit, moves)]
    known = {player: remembered.get(player) for player in wanted}
    try:
        plain, knowing = walk(boards[0].fetch, asked(*wanted)), walk(boards[1].fetch, known)
    except LeaderboardInvalid:
        assume(False)
    assert boards[0].reads == boards[1].reads
    assert plain.missing.keys() == knowing.missing.keys()
    assert plain.completeness is knowing.completeness
    told = {player: value for player, value in plain.news.items() if value != known[player]}
    assert knowing.news == told


def test_somebody_who_falls_back_to_what_was_known_is_no_news() -> None:
    pages = [page({1: 9}), page({1: 10, 2: 8}), page({})]
    tally = walk(pages.__getitem__, {1: 10, 2: 8, ABSENT: 5})
    assert (tally.news, list(tally.missing)) == ({}, [ABSENT])
