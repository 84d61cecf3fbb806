"""The end of the board, confirmed at its place before anybody counts as absent (design, A3).

An empty page says that there is no such page; it is the end of the board only where all pages
before it were as large as they should be. A server may give fewer players a page than it was asked
for and count its pages by what was asked for: then it has an empty page 1, and players behind
page 0 whom no page has. Asked for one player a page, page N is the place after N players.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from trcpoints.errors import SourceRefused
from trcpoints.mee6.leaderboard import Completeness, Known
from trcpoints.mee6.pages import Page
from trcpoints.mee6.sizes import DEFAULT_SIZE
from trcpoints.mee6.walk import Tally, walk

WALKS = 3
"""Walks at most, each with smaller pages than the one before."""

log = logging.getLogger("trcpoints.mee6")

FetchPage = Callable[[int, int], Page]
"""Fetches the page of a number, for pages of a size."""


def walk_to_end(
    fetch: FetchPage,
    known: Known,
    page_size: int,
    on_page: Callable[[int, int], None] | None = None,
) -> Tally:
    """Walk the board until every id of `known` was seen, or its end is confirmed at its place.

    Where players are behind that place, walk again with the size of page that the server gives.
    One request more than the walk, and only where an id is missing. Raises what `walk` raises.
    """
    size = page_size
    for _ in range(WALKS):
        tally = walk(_pages_of(fetch, size), known, on_page)
        if tally.is_satisfied():
            return tally
        is_at_end = _is_at_end(fetch, tally)
        if is_at_end or tally.is_satisfied():
            return tally
        given = tally.largest_page or DEFAULT_SIZE
        if given >= size:
            # The pages were as large as they should be, so the board has grown since.
            tally.doubt = Completeness.RANKS_MOVED
            return tally
        log.info("players are behind the last page: walking again with %d players a page", given)
        size = given
    tally.doubt = Completeness.PARTIAL
    return tally


def _pages_of(fetch: FetchPage, size: int) -> Callable[[int], Page]:
    return lambda number: fetch(number, size)


def _is_at_end(fetch: FetchPage, tally: Tally) -> bool:
    """Whether no player is behind the last one read; one who is there is counted as read."""
    try:
        behind = fetch(tally.records, 1)
    except SourceRefused as fault:
        # Not every server takes such a question; the empty page says it then.
        log.info("the end of the board is not confirmed at its place: %s", fault.message)
        return True
    if behind.size:
        tally.read_again(behind)
    return behind.size == 0
