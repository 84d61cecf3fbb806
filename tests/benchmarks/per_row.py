"""The way that a sync is usually written: member by member, through peewee's models.

`python -m tests.benchmarks.per_row DATABASE_URL LEADERBOARD MEMBERS`. One transaction; a query
for each player, and for each who has changed two inserts and a save.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from tests.benchmarks.floor import read_players
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Activity, LedgerEntry, Member
from trcpoints.points.conversion import convert

SYNC_ID = "per-row"


def sync_player(discord_id: str, xp: int, now: datetime) -> None:
    """Find the member of a player, and save what is new of them."""
    member = Member.get_or_none(Member.discord_id == discord_id)
    if member is None or member.xp_total is None or member.xp_total == xp:
        return
    change = xp - member.xp_total
    points, member.carry = convert(member.carry, change)
    member.xp_total = xp
    member.quiet = False
    Activity.create(
        member=member,
        discord_id=discord_id,
        activity_type="MESSAGE",
        xp_delta=change,
        xp_total=xp,
        synced_at=now,
        sync_id=SYNC_ID,
    )
    if points:
        member.points += points
        LedgerEntry.create(
            member=member,
            source="discord",
            points=points,
            idempotency_key=f"{SYNC_ID}:{member.id}",
            occurred_at=now,
            created_at=now,
            sync_id=SYNC_ID,
        )
    if points > 0:
        member.last_active_at = now
    member.save()


def main(url: str, leaderboard: str, members: int) -> None:
    """Read and decode, then sync player by player."""
    now = datetime.now(UTC)
    pages = list(read_players(leaderboard, members))
    with open_database(url, Access.WRITE) as engine, engine.books():
        for page in pages:
            for player in page:
                sync_player(player.id, player.xp, now)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
