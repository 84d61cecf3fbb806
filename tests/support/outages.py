"""Outages of the sync, found by walking from event to event, and boards to sync from a file."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from tests.support.cli import Cli
from tests.support.streaks import at

Event = tuple[datetime, str]
"""When a sync began, and what it was: completed, switched_off, or other."""

GUILD = "993536706509885777"
HOUR = timedelta(hours=1)


@dataclass
class Walk:
    """What is known of the sync at some moment."""

    gaps: list[timedelta] = field(default_factory=list)
    last: datetime | None = None
    since: datetime | None = None
    """Since when there was no sync, while it was not switched off; None while it is."""
    excused: set[date] = field(default_factory=set)

    def quiet_until(self, moment: datetime) -> None:
        """Let the time without a sync end, and excuse the days whose evening it covers."""
        if self.since is None or self.last is None or not self.gaps:
            return
        usual = statistics.median(gap.total_seconds() for gap in self.gaps[-50:])
        length = (moment - self.since).total_seconds()
        if length <= 6 * 3600 or length <= 3 * usual:
            return
        day = self.since.date()
        while day < moment.date():
            if self.since <= datetime(day.year, day.month, day.day, 18, tzinfo=UTC):
                self.excused.add(day)
            day += timedelta(days=1)

    def see(self, moment: datetime, kind: str) -> None:
        """Take note of a sync."""
        if kind == "switched_off":
            self.quiet_until(moment)
            self.since = None
        elif kind == "other":
            self.since = self.since or moment
        else:
            self.quiet_until(moment)
            if self.last is not None:
                self.gaps.append(moment - self.last)
            self.last = self.since = moment


def excused_days(events: Iterable[Event], now: datetime, *, enabled: bool = True) -> set[date]:
    """The days, weekends too, that outages excuse as far as is known now."""
    walk = Walk()
    last: datetime | None = None
    for moment, kind in events:
        walk.see(moment, kind)
        last = moment
    if enabled:
        walk.quiet_until(now)
    elif last is not None:
        walk.quiet_until(last)
    return walk.excused


def sync(cli: Cli, moment: str, board: dict[str, int] | None = None) -> None:
    """Sync a saved leaderboard then; without one, it is that of somebody who is no member."""
    players = [
        {"id": player, "username": f"user {player}", "xp": xp}
        for player, xp in (board or {"999": 5}).items()
    ]
    page = {"guild": {"id": GUILD}, "page": 0, "players": players}
    (cli.folder / "board.json").write_text(json.dumps(page))
    with at(moment):
        cli.ok("sync", "--from", "board.json")
