"""XP to points (design, section 2.1). The whole rule; nothing else converts."""

from __future__ import annotations

XP_PER_POINT = 100
POINTS_PER_UNIT = 1
SYNC_SOURCE = "discord"
"""The source of the entries that a conversion makes; the sync's alone (section 2.7)."""


def convert(carry: int, delta: int) -> tuple[int, int]:
    """The points that `delta` XP move, and the carry that is left over.

    `carry` is the signed XP that earlier deltas left over, -99..99. Truncates toward zero, so
    that gains and losses mirror each other; no XP is ever lost: 100 * points + carry == total.
    """
    total = carry + delta
    # Whole numbers only: a float would lose XP beyond 2**53, and // floors where losses truncate.
    units = abs(total) // XP_PER_POINT
    units = units if total >= 0 else -units
    return units * POINTS_PER_UNIT, total - units * XP_PER_POINT
