"""The holds that a sync began, and those that it ended. Reads only."""

from __future__ import annotations

import msgspec
from peewee import Expression, Field

from trcpoints.db.models import Hold, Member
from trcpoints.documents.history import HistoryHold


def holds_begun(run_id: str) -> list[HistoryHold]:
    """The holds that a sync began, as they were then."""
    return _holds(Hold.began_run == run_id, Hold.xp_began, Hold.points_began)


def holds_ended(run_id: str) -> list[HistoryHold]:
    """The holds that a sync ended, as they were at last."""
    return _holds(Hold.ended_run == run_id, Hold.xp_seen, Hold.points)


def _holds(condition: Expression, seen: Field[int], stake: Field[int]) -> list[HistoryHold]:
    query = (
        Hold.select(
            Hold.member.alias("member_id"),
            Hold.discord_id,
            Member.name,
            Hold.kind,
            Hold.xp_tracked,
            seen.alias("xp_seen"),
            stake.alias("points"),
            Hold.accepted_by,
            Hold.ending,
            Hold.made_by,
        )
        .join(Member)
        .where(condition)
        .order_by(Hold.member)
        .dicts()
    )
    return [
        msgspec.convert({**row, "member_id": str(row["member_id"])}, HistoryHold)
        for row in query.iterator()
    ]
