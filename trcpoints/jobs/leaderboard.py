"""Members by points, and who is before whom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from peewee import JOIN, SQL, ColumnBase, fn

from trcpoints.db.engine import Engine
from trcpoints.db.fields import from_driver
from trcpoints.db.models import LedgerEntry, Member
from trcpoints.documents.leaderboard import LeaderboardDocument, LeaderboardRow

IS_RANKED = Member.active == True  # noqa: E712 (SQL, not Python)
"""Members marked inactive have no place."""


def ranks(points: Iterable[int]) -> dict[int, int]:
    """The rank of each number of points: 1 and the number of those who have more."""
    found: dict[int, int] = {}
    for place, value in enumerate(sorted(points, reverse=True), start=1):
        found.setdefault(value, place)
    return found


def read_leaderboard(engine: Engine, since: datetime | None, limit: int) -> LeaderboardDocument:
    """The first `limit` active members: by points, or by what the ledger moved since a time.

    Equal points share a rank and stand in the order of member ids.
    """
    points: ColumnBase = Member.points
    query = Member.select()
    if since is not None:
        earned = (
            LedgerEntry.select(LedgerEntry.member, fn.SUM(LedgerEntry.points).alias("points"))
            .where(LedgerEntry.occurred_at >= since)
            .group_by(LedgerEntry.member)
            .alias("earned")
        )
        points = fn.COALESCE(earned.c.points, 0)
        query = query.join(earned, JOIN.LEFT_OUTER, on=(earned.c.member_id == Member.id))
    query = (
        query.select(
            Member.id,
            Member.name,
            points,
            Member.current_streak,
            Member.longest_streak,
            Member.last_active_at,
        )
        .where(IS_RANKED)
        .order_by(points.desc(), Member.id)
        .limit(limit)
    )
    with engine.snapshot():
        rows = list(engine.raw_rows(query))
        total = Member.select(fn.COUNT(SQL("*"))).where(IS_RANKED).scalar()
    places = ranks(int(row[2]) for row in rows)
    return LeaderboardDocument(
        since=since,
        total=total,
        members=[
            LeaderboardRow(
                rank=places[int(row[2])],
                member_id=str(row[0]),
                name=row[1],
                points=int(row[2]),
                current_streak=row[3],
                longest_streak=row[4],
                last_active_at=from_driver(row[5]),
            )
            for row in rows
        ],
    )
