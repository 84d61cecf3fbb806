"""What paying all history would cost (design, section 2.8). Cannot write: opened read-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Member
from trcpoints.documents.leaderboard import BackfillDocument, BackfillResult
from trcpoints.errors import CoolingDown
from trcpoints.jobs.leaderboard import IS_RANKED, ranks
from trcpoints.jobs.memory import SYNC_JOB, pause_until, recall
from trcpoints.jobs.tracked_guild import refuse_other_guild, tracked_guild
from trcpoints.mee6 import cache
from trcpoints.mee6.leaderboard import Completeness, Fetch, Leaderboard
from trcpoints.points.conversion import convert


@dataclass(frozen=True, slots=True)
class Standing:
    """An active member as the database has them; `xp_total` is the last XP known."""

    member_id: int
    discord_id: str | None
    name: str | None
    points: int
    xp_total: int | None


def preview(
    settings: Settings, *, saved: Fetch | None, live: Fetch, now: datetime
) -> BackfillDocument:
    """Read the leaderboard and price all XP of all linked members.

    `saved` reads a file; without it the last complete walk is used while it is fresh, else
    `live` asks MEE6. Raises what these raise, CoolingDown, and OtherGuild.
    """
    columns = (Member.id, Member.discord_id, Member.name, Member.points, Member.xp_total)
    with open_database(settings.database_url, Access.READ) as engine:
        query = Member.select(*columns).where(IS_RANKED)
        members = [Standing(*row) for row in engine.raw_rows(query)]
        paused_until = pause_until(recall(SYNC_JOB), now)
        ours = tracked_guild()
    wanted = {int(member.discord_id) for member in members if member.discord_id is not None}
    if saved is not None:
        board = saved(dict.fromkeys(wanted), lambda: None)
        refuse_other_guild(ours, board.guild_id)
        return price(members, board)
    refuse_other_guild(ours, settings.mee6.guild_id)
    kept = cache.recall(settings.mee6, wanted, now)
    if kept is not None:
        return price(members, kept)
    if paused_until is not None:
        raise CoolingDown(
            f"MEE6 is left alone until {paused_until:%Y-%m-%d %H:%M:%S} UTC: it answered 429, too "
            "many requests.",
            hint="Run the command again then, or read a saved answer: "
            "trcpoints backfill-dry-run --from FILE",
        )
    return price(members, live(dict.fromkeys(wanted), lambda: None))


def price(members: list[Standing], board: Leaderboard) -> BackfillDocument:
    """The document for these active members and this leaderboard; the largest first."""
    xp = {member.member_id: _xp(member, board) for member in members}
    worth = {member_id: convert(0, total or 0) for member_id, total in xp.items()}
    now = ranks(member.points for member in members)
    then = ranks(member.points + worth[member.member_id][0] for member in members)
    results = [
        BackfillResult(
            member_id=str(member.member_id),
            discord_id=member.discord_id,
            name=member.name,
            xp_total=xp[member.member_id],
            points=points,
            carry=carry,
            rank_now=now[member.points],
            rank_then=then[member.points + points],
        )
        for member in members
        if member.discord_id is not None
        for points, carry in [worth[member.member_id]]
    ]
    results.sort(key=lambda result: (-(result.xp_total or 0), int(result.member_id)))
    return BackfillDocument(
        guild_id=board.guild_id,
        members=len(results),
        points=sum(result.points for result in results),
        results=results,
    )


def _xp(member: Standing, board: Leaderboard) -> int | None:
    """All the member's XP, None where it is not known.

    Absent means unknown: then it is the last that was seen (section 2.3).
    """
    if member.discord_id is None:
        return None
    discord_id = int(member.discord_id)
    xp = board.xp_of(discord_id)
    if xp is not None:
        return xp
    is_read = discord_id not in board.unreadable
    is_absent = is_read and board.completeness is Completeness.COMPLETE and not board.is_empty
    return 0 if member.xp_total is None and is_absent else member.xp_total
