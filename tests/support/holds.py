"""Syncs at set times, and what is held then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from tests.support.cli import Cli, Result
from tests.support.mee6 import show
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Hold
from trcpoints.demo.server import SimulatedMee6

NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)
TICK = timedelta(minutes=15)


class Timeline:
    """Runs the program at times of its own, on boards of its own."""

    def __init__(self, cli: Cli, mee6: SimulatedMee6) -> None:
        self.cli = cli
        self.mee6 = mee6
        self.now = NOON

    def run(self, *arguments: str, after: timedelta = timedelta()) -> Result:
        """Run a command so long after the one before."""
        self.now += after
        with time_machine.travel(self.now, tick=False):
            return self.cli(*arguments)

    def ok(self, *arguments: str, after: timedelta = timedelta()) -> dict[str, Any]:
        """Run a command that must succeed; its document."""
        self.now += after
        with time_machine.travel(self.now, tick=False):
            return self.cli.ok(*arguments)

    def sync(
        self, board: Mapping[str, int], *options: str, after: timedelta = TICK
    ) -> dict[str, Any]:
        """Show a board, and sync so long after the command before."""
        show(self.mee6, board)
        return self.ok("sync", *options, after=after)

    def earn(self, board: Mapping[str, int], points: int) -> None:
        """Baseline these members, and let Discord give so many points to the first of them.

        The last sync is now.
        """
        first, xp = next(iter(board.items()))
        self.sync({**board, first: xp - 100 * points})
        # Time enough for all of it.
        self.sync(board, after=timedelta(days=30))


def fates(document: dict[str, Any]) -> dict[str, int]:
    """What a sync counts of the members, without zeros and the sum."""
    counts: dict[str, int] = document["members"]
    assert counts["tracked"] == sum(
        counts[name]
        for name in (
            *("baselined", "unchanged", "gained", "lost", "left", "away", "deferred", "held"),
        )
    )
    return {name: count for name, count in counts.items() if count and name != "tracked"}


def holds(cli: Cli) -> list[tuple[str, str, int, int, int, str | None, str | None]]:
    """Every hold: its account, kind, XP tracked and seen, points, how it ended and by whom."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return [
            (x.discord_id, x.kind, x.xp_tracked, x.xp_seen, x.points, x.ending, x.made_by)
            for x in Hold.select().order_by(Hold.id)
        ]
