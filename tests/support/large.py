"""A community of any size, of whom every so-manieth member changes between two leaderboards.

Who has how much follows from a member's number alone, so what a sync must do is known without
one. Members are linked in the order of their numbers, from 0: in an empty database number n gets
the id n + 1.
"""

from __future__ import annotations

import json
from pathlib import Path

GUILD = "993536706509885777"
PAGE_SIZE = 999
EVERY = 10
_FIRST_ID = 10**17


def discord_id(number: int) -> str:
    """The Discord account of a member."""
    return str(_FIRST_ID + number)


def xp_before(number: int) -> int:
    """A member's XP at first."""
    return 500 + 7 * number


def delta(number: int, every: int = EVERY) -> int:
    """What a member's XP changes by: gains and losses, less than a point and several.

    `every` so-manieth member changes; 0: nobody.
    """
    if not every or number % every:
        return 0
    return number // every * 37 % 600 - 200 or 1


def board(members: int, every: int) -> list[tuple[str, str, int]]:
    """Their leaderboard after the changes: id, name and XP of each; the one before for 0."""
    return [
        (discord_id(number), f"Member {number}", xp_before(number) + delta(number, every))
        for number in range(members)
    ]


def write_members(path: Path, members: int) -> None:
    """What links them all, for `members import`."""
    lines = [f"{discord_id(number)},Member {number}" for number in range(members)]
    path.write_text("\n".join(["discord_id,name", *lines]))


def write_board(path: Path, members: int, every: int) -> None:
    """Their leaderboard, for `sync --from`: the pages of a walk, one a line."""
    # Imported here: the floor of the benchmark takes its figures from this module.
    from trcpoints.demo.world import World

    world = World(GUILD)
    world.replace(board(members, every))
    with path.open("w") as file:
        for page in range(-(-members // PAGE_SIZE)):
            file.write(json.dumps(world.page(page, PAGE_SIZE).as_json()) + "\n")


def write_boards(folder: Path, members: int) -> tuple[Path, Path]:
    """The leaderboard at first, and the one on which every tenth has changed."""
    before, after = folder / f"{members}-before.ndjson", folder / f"{members}-after.ndjson"
    write_board(before, members, 0)
    write_board(after, members, EVERY)
    return before, after
