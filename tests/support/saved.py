"""Saved leaderboards, as people save them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

GUILD = "993536706509885777"
Players = list[dict[str, object]]


def ranked(count: int, first: int = 0, top: int = 1_000_000) -> dict[str, int]:
    """So many players from a rank on, each with 10 XP less than the one before."""
    ranks = range(first, first + count)
    return {str(159_962_941_502_783_400 + rank): top - 10 * rank for rank in ranks}


def players(xp: Mapping[str, int]) -> Players:
    """Players as a page has them."""
    return [{"guild_id": GUILD, "id": player, "level": 3, "xp": xp[player]} for player in xp]


def page(xp: Mapping[str, int], number: int | None = 0, guild: str = GUILD) -> dict[str, object]:
    """A page as MEE6 answers it; without a number for None."""
    value: dict[str, object] = {"guild": {"id": guild, "name": "Guild"}, "players": players(xp)}
    return value if number is None else {**value, "page": number}


def walk(*sizes: int, top: int = 1_000_000) -> list[dict[str, object]]:
    """The pages of a board, of these sizes."""
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return [
        page(ranked(size, start, top), number)
        for number, (size, start) in enumerate(zip(sizes, starts, strict=True))
    ]


def ndjson(pages: Sequence[object]) -> str:
    """A document a line."""
    return "".join(json.dumps(value) + "\n" for value in pages)
