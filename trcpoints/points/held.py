"""The proof that members are marked as held exactly while a hold of theirs is open."""

from __future__ import annotations

from collections.abc import Iterator

from peewee import JOIN

from trcpoints.db.engine import Engine
from trcpoints.db.models import Hold, Member


def hold_faults(engine: Engine) -> Iterator[tuple[int, str]]:
    """Find members, by id, who are marked without an open hold, or have one without the mark."""
    is_open = (Hold.member == Member.id) & Hold.ended_at.is_null()
    query = (
        Member.select(Member.id, Member.held_at, Hold.xp_tracked, Member.xp_total)
        .join(Hold, JOIN.LEFT_OUTER, on=is_open)
        .where(
            (Member.held_at.is_null() != Hold.id.is_null())
            | (Hold.id.is_null(False) & (Hold.xp_tracked != Member.xp_total))
        )
    )
    for member_id, held_at, tracked, total in engine.stream(query):
        if tracked is None:
            yield member_id, "is marked as held, but no change of their XP waits"
        elif held_at is None:
            yield member_id, "a change of their XP waits, but they are not marked as held"
        else:
            yield member_id, f"a change from {tracked:,} XP waits, but the XP is {total:,}"
