"""The guild whose leaderboard the books belong to (design, section A2)."""

from __future__ import annotations

from datetime import datetime

from trcpoints.db.models import TrackedGuild
from trcpoints.errors import OtherGuild

_KEY = 1


def tracked_guild() -> str | None:
    """Return the guild of these books; None before the first completed sync."""
    row = TrackedGuild.get_or_none(TrackedGuild.id == _KEY)
    return None if row is None else row.guild_id


def track_guild(guild_id: str, run_id: str, since: datetime) -> None:
    """Bind the books to a guild, in the caller's transaction."""
    TrackedGuild.insert(id=_KEY, guild_id=guild_id, since=since, run_id=run_id).on_conflict(
        conflict_target=[TrackedGuild.id],
        preserve=[TrackedGuild.guild_id, TrackedGuild.since, TrackedGuild.run_id],
    ).execute()


def refuse_other_guild(ours: str | None, guild_id: str | None) -> None:
    """Raise OtherGuild where a leaderboard is not that of `ours`, the guild of the books.

    None is a guild that is not known, which is no other.
    """
    fault = None if ours is None or guild_id is None else other_guild(ours, guild_id)
    if fault is not None:
        raise fault


def other_guild(ours: str, guild_id: str) -> OtherGuild | None:
    """Return the failure that names both guilds and the way on; None where they are one."""
    if guild_id == ours:
        return None
    return OtherGuild(
        f"The books belong to guild {ours}: the leaderboard of guild {guild_id} is refused, for "
        "the XP of two servers cannot be compared.",
        hint=f"If guild {guild_id} is a mistake, set MEE6_GUILD_ID={ours}. To move the books to "
        f"guild {guild_id}, keep all points and start from the XP that members have there: "
        "trcpoints sync --rebaseline",
    )
