"""A community that lives under cron: a sync every 15 minutes and the streaks once a day."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.support.cli import Cli
from tests.support.outages import HOUR, Event, excused_days
from tests.support.streaks import assert_sound
from trcpoints.config import Settings, read_settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.db.models import Member
from trcpoints.jobs.record import new_run_id
from trcpoints.jobs.streaks.job import run_streaks
from trcpoints.jobs.sync import job
from trcpoints.mee6.leaderboard import Completeness, Known, Leaderboard

MEMBERS = 200
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
TICK = timedelta(minutes=15)
DAY = timedelta(days=1)
STREAKS_AT = time(0, 30)
OUTAGES = 0.002
"""How likely one begins at any tick."""


class Community:
    """Members who chat on some days, at some hours; what each has is known to the tick."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.xp = {str(10**17 + number): 1000 for number in range(MEMBERS)}
        self.lively = {member: self.chance.uniform(0.3, 0.99) for member in self.xp}
        self.hours: dict[str, range] = {}

    def live(self, now: datetime) -> None:
        """Let a quarter of an hour pass that ends now."""
        if (now.hour, now.minute) == (0, 0):
            self._wake()
        for member, hours in self.hours.items():
            if now.hour in hours and self.chance.random() < 0.2:
                self.xp[member] += self.chance.randint(15, 60)

    def _wake(self) -> None:
        for member, lively in self.lively.items():
            start = self.chance.randrange(24)
            awake = self.chance.random() < lively
            self.hours[member] = range(start, start + 3) if awake else range(0)

    def board(self, known: Known) -> Leaderboard:
        """The leaderboard as it is now."""
        return Leaderboard(
            guild_id="993536706509885777",
            known=known,
            news={int(key): xp for key, xp in self.xp.items() if known[int(key)] != xp},
            missing=set(),
            unreadable=set(),
            completeness=Completeness.COMPLETE,
            paged=False,
            players=len(self.xp),
            invalid_players=0,
            pages=1,
            requests=1,
            retries=0,
        )


def live_through(cli: Cli, days: int, *, dropped: float) -> None:
    """Play these days, leaving out a share of all runs, and all syncs of some outages."""
    settings, _ = read_settings({"DATABASE_URL": cli.environment["DATABASE_URL"]}, None)
    community = Community(seed=days)
    chance = random.Random(f"{days} {dropped}")
    syncs: list[Event] = []
    down_until = START
    # As long as it stays open, no run that ends is the last one to leave: SQLite would then move
    # the whole of its log into the file.
    with open_database(settings.database_url, Access.WRITE) as engine:
        link(engine, community)
        for number in range(days * 96):
            now = START + number * TICK
            community.live(now)
            if dropped and chance.random() < OUTAGES:
                down_until = now + chance.randrange(200) * TICK
            if now >= down_until and chance.random() >= dropped:
                sync(settings, community, now)
                syncs.append((now, "completed"))
            if now.time() == STREAKS_AT and chance.random() >= dropped:
                judge(settings, now)
        judge(settings, START + days * DAY + HOUR)
    assert bool(assert_excused(cli, syncs, START + days * DAY)) is (dropped > 0)


def assert_excused(cli: Cli, syncs: list[Event], end: datetime) -> set[str]:
    """Every weekday that an outage covers is excused, and no other one; those that are.

    The syncs are so close to each other that a day is known to be covered when it is over.
    """
    days = {f"{day}" for day in excused_days(syncs, end) if day.weekday() < 5}
    excused = cli.ok("streaks", "excuse", "--list")["days"]
    assert {day["day"] for day in excused} == days
    assert all(day["automatic"] for day in excused)
    return days


def link(engine: Engine, community: Community) -> None:
    with engine.books():
        for discord_id in community.xp:
            Member.create(discord_id=discord_id, created_at=START, updated_at=START)


def sync(settings: Settings, community: Community, now: datetime) -> None:
    """One tick of cron."""

    def board(known: Known, _beat: Callable[[], None]) -> Leaderboard:
        return community.board(known)

    job.sync(settings, job.SyncOptions(new_run_id(now)), board, lambda: now)


def judge(settings: Settings, now: datetime) -> None:
    """The streaks job, once a day."""
    run_streaks(settings, lambda: now)


def assert_right(cli: Cli) -> None:
    """Nothing is out of place, and there was something that could have been."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        streaks = [member.current_streak for member in Member.select()]
    assert 0 < sum(1 for length in streaks if length) < MEMBERS
    assert max(streaks) > 5
    assert_sound(cli)


@pytest.mark.slow
def test_a_fortnight_on_either_engine(cli: Cli) -> None:
    live_through(cli, 14, dropped=0.1)
    assert_right(cli)


@pytest.mark.slow
@pytest.mark.parametrize("dropped", [0.0, 0.1])
def test_a_year(sqlite_cli: Cli, dropped: float) -> None:
    live_through(sqlite_cli, 365, dropped=dropped)
    assert_right(sqlite_cli)
