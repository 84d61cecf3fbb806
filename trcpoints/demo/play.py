"""The demo: days of a simulated community, synced tick by tick over real HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta

from trcpoints.config import AlertSettings, Mee6Settings, Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Member
from trcpoints.demo.community import Community
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.documents.demo import DemoDay, DemoDocument, DemoRow
from trcpoints.documents.sync import SyncDocument, SyncPoints
from trcpoints.errors import CoolingDown, RateLimited
from trcpoints.jobs.record import new_run_id
from trcpoints.jobs.sync.job import SyncOptions, sync
from trcpoints.mee6.client import fetch_leaderboard
from trcpoints.mee6.leaderboard import Known, Leaderboard
from trcpoints.members.importing import import_members, read_members

PAUSE = 90 * 60
"""Seconds that the simulated MEE6 asks to be left alone for, once."""


def play(
    database_url: str,
    access: Access,
    *,
    members: int,
    days: int,
    seed: int,
    today: datetime,
    on_tick: Callable[[], None],
) -> DemoDocument:
    """Live through the days before `today`; the database is left as they ended.

    The same seed tells the same story. `access` is CREATE, or WRITE where the database is there.
    `on_tick` is called after every sync: `TICKS_PER_DAY` times a day.
    """
    start = datetime.combine(today.date() - timedelta(days=days), time(), tzinfo=UTC)
    community = Community(members, seed, start, timedelta(days=days))
    with SimulatedMee6() as mee6:
        settings = Settings(
            database_url=database_url,
            mee6=Mee6Settings(
                guild_id=mee6.guild_id, api_base=mee6.api_base, retry_base=0, request_interval=0
            ),
            alerts=AlertSettings(),
        )
        _import(settings, access, community, start)
        story = _Story(settings, community, mee6)
        for now in ticks(start, days):
            story.tick(now)
            on_tick()
    return DemoDocument(
        database_url=database_url,
        guild_id=mee6.guild_id,
        seed=seed,
        members=members,
        syncs=sum(day.completed for day in story.days),
        points=_total(story.days),
        days=story.days,
        leaderboard=_leaderboard(settings),
    )


TICKS_PER_DAY = 25


def ticks(start: datetime, days: int) -> Iterator[datetime]:
    """When the simulated cron starts a sync: every hour, and shortly before midnight.

    Fewer than a real crontab asks for, so that a fortnight takes seconds; the last one of a day
    is near enough to midnight for the first of the next to credit the day before (section 2.6).
    """
    for day in range(days):
        midnight = start + timedelta(days=day)
        yield from (midnight + timedelta(hours=hour) for hour in range(TICKS_PER_DAY - 1))
        yield midnight + timedelta(hours=23, minutes=45)


class _Story:
    """What has happened so far, day by day."""

    def __init__(self, settings: Settings, community: Community, mee6: SimulatedMee6) -> None:
        self._settings = settings
        self._community = community
        self._mee6 = mee6
        self.days: list[DemoDay] = []

    def tick(self, now: datetime) -> None:
        """Let time pass until `now`, then sync."""
        date = now.date().isoformat()
        if not self.days or self.days[-1].date != date:
            self.days.append(DemoDay(date=date))
        day = self.days[-1]
        day.events += self._community.live(now)
        if self._community.wants_pause(now):
            self._mee6.misbehave(Fault.RATE_LIMITED, times=1, seconds=PAUSE)
        self._mee6.world.replace(self._community.board(now))
        try:
            document = self._sync(now)
        except RateLimited:
            day.failed += 1
            day.events.append(f"MEE6 answered 429: a pause of {PAUSE // 60} minutes")
        except CoolingDown:
            day.skipped += 1
        else:
            day.completed += 1
            day.awarded += document.points.awarded
            day.deducted += document.points.deducted
            day.events += _told(document)

    def _sync(self, now: datetime) -> SyncDocument:
        mee6 = self._settings.mee6

        def fetch(known: Known, _beat: Callable[[], None]) -> Leaderboard:
            return fetch_leaderboard(mee6, known, now=lambda: now)

        return sync(self._settings, SyncOptions(sync_id=new_run_id(now)), fetch, lambda: now)


def _told(document: SyncDocument) -> Iterator[str]:
    """What an operator would notice in a sync."""
    counts = document.members
    if counts.baselined:
        yield f"{counts.baselined} members seen for the first time: their history is not paid"
    if counts.left:
        yield f"{counts.left} missing from the leaderboard: marked as left, nothing deducted"
    if counts.returned:
        yield f"{counts.returned} back on the leaderboard: paid from where they were"
    if document.points.deducted:
        yield f"{document.points.deducted} points deducted"


def _import(settings: Settings, access: Access, community: Community, now: datetime) -> None:
    """Import the members as an operator does, from a file."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["discord_id", "name", "email", "subscription_status"])
    rows.writerows(
        [member.discord_id, member.name, member.email, member.subscription_status]
        for member in community.members
    )
    file = read_members(text.getvalue().encode(), "the sample members")
    with open_database(settings.database_url, access) as engine:
        import_members(engine, file, now, by="demo")


def _total(days: list[DemoDay]) -> SyncPoints:
    awarded, deducted = sum(day.awarded for day in days), sum(day.deducted for day in days)
    return SyncPoints(awarded=awarded, deducted=deducted, net=awarded - deducted)


def _leaderboard(settings: Settings) -> list[DemoRow]:
    with open_database(settings.database_url, Access.READ):
        ranked = Member.select().order_by(Member.points.desc(), Member.id).limit(10)
        return [
            DemoRow(
                rank=rank,
                name=member.name or "",
                points=member.points,
                carry=member.carry,
                xp_total=member.xp_total,
            )
            for rank, member in enumerate(ranked, start=1)
        ]
