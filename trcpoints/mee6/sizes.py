"""What the sizes of pages say of the board (design, A3)."""

from __future__ import annotations

from collections.abc import Sequence

DEFAULT_SIZE = 100
"""Players a page that MEE6 gives without being asked for a number."""

USUAL_SIZE = 999
"""Players a page that this program, and its guide, ask for."""

_ROUND = 50
"""People ask for 50, 100, 200, 500 or 1000 players; few guilds have just as many."""


def is_whole(sizes: Sequence[int]) -> bool:
    """Return whether pages of these sizes, from the first on, look like the whole board.

    They do where the last is empty, or shorter than the one before; or where there is only one
    and it is not as large as somebody may have asked for.
    """
    *before, last = sizes
    if last == 0:
        return True
    if before:
        return last < before[-1]
    return last % _ROUND != 0 and last != USUAL_SIZE
