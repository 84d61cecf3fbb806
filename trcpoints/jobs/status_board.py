"""What `trcpoints status` says of the leaderboard that syncs read (design, sections A2 and A4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trcpoints.documents import ErrorInfo
from trcpoints.guards import AT_LEAST
from trcpoints.jobs.tracked_guild import other_guild

_FEW = 10
"""Fewer than one in so many members on the leaderboard are a problem."""


@dataclass(frozen=True, slots=True)
class LastBoard:
    """What the last completed sync saw: the `tracked` members, and how many of them it `found`.

    `found` is None where it read only a part of the leaderboard.
    """

    guild_id: str | None
    tracked: int
    found: int | None


def board_problems(
    books_guild: str | None, guild_id: str | None, board: LastBoard | None
) -> Iterator[ErrorInfo]:
    """Find what is wrong with the leaderboard, from its guild and the last completed sync."""
    if books_guild is not None and guild_id is not None:
        fault = other_guild(books_guild, guild_id)
        if fault is not None:
            yield ErrorInfo(fault.code, fault.message, fault.hint)
    if board is None or board.found is None or board.tracked < AT_LEAST:
        return
    if board.found * _FEW < board.tracked:
        yield ErrorInfo(
            "few_members_on_board",
            f"Of {board.tracked:,} linked members {board.found:,} "
            f"{'is' if board.found == 1 else 'are'} on the leaderboard of guild {board.guild_id}, "
            "as the last sync read it: the guild is probably wrong, or the members' Discord ids.",
            "See which server it is: trcpoints doctor, and MEE6_GUILD_ID in .env; see the ids: "
            "trcpoints members list; try corrected ones: trcpoints members import FILE --dry-run",
        )
