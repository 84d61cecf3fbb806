"""Members who are held: who they are, and what a person decides on them (design, section A1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from peewee import SQL, Case, ModelSelect, fn

from trcpoints.db.engine import Engine, portions
from trcpoints.db.models import IS_OPEN_HOLD, Hold, Member
from trcpoints.documents import HoldEnding, HoldKind
from trcpoints.documents.members import (
    HeldMember,
    MemberHold,
    MembersAcceptDocument,
    MembersHeldDocument,
)
from trcpoints.errors import DataRefused
from trcpoints.members.lookup import find_member

_NAMED = 10


class HeldTotals(NamedTuple):
    """How many members are held, how many of them are accepted, and all points at stake."""

    members: int
    accepted: int
    to_award: int
    to_deduct: int


def held_totals(engine: Engine) -> HeldTotals:
    """Sum up the holds that are open."""
    points = Hold.points
    query = Hold.select(
        fn.COUNT(SQL("*")),
        fn.COUNT(Hold.accepted_by),
        fn.COALESCE(fn.SUM(Case(None, [(points > 0, points)], 0)), 0),
        fn.COALESCE(fn.SUM(Case(None, [(points < 0, 0 - points)], 0)), 0),
    ).where(IS_OPEN_HOLD)
    ((members, accepted, to_award, to_deduct),) = engine.raw_rows(query)
    return HeldTotals(int(members), int(accepted), int(to_award), int(to_deduct))


def list_held(engine: Engine, limit: int) -> MembersHeldDocument:
    """The members who have been held the longest, at most `limit` of them."""
    with engine.snapshot():
        totals = held_totals(engine)
        oldest = _open_holds().order_by(Hold.began_at, Hold.member).limit(limit)
        return MembersHeldDocument(
            total=totals.members,
            to_award=totals.to_award,
            to_deduct=totals.to_deduct,
            members=[_row(hold) for hold in oldest],
        )


def holds_of(member: Member, limit: int) -> list[MemberHold]:
    """The newest holds of a member, at most `limit` of them."""
    newest = Hold.select().where(Hold.member == member.id).order_by(Hold.id.desc()).limit(limit)
    return [
        MemberHold(
            since=hold.began_at,
            kind=msgspec.convert(hold.kind, HoldKind),
            xp_tracked=hold.xp_tracked,
            xp_seen=hold.xp_seen,
            points=hold.points,
            accepted_by=hold.accepted_by,
            accepted_at=hold.accepted_at,
            ended_at=hold.ended_at,
            ending=msgspec.convert(hold.ending, HoldEnding | None),
            made_by=hold.made_by,
        )
        for hold in newest
    ]


def accept_held(
    engine: Engine, references: Sequence[str], now: datetime, *, by: str
) -> MembersAcceptDocument:
    """Let the next sync book what is held of these members.

    Raises what `find_member` raises, and DataRefused where one of them is not held; nothing is
    changed then. One who is accepted already stays so.
    """
    with engine.books():
        members = _find_all(references)
        holds = [*_open_holds().where(Hold.member.in_([one.id for one in members]))]
        _refuse_unheld(members, holds)
        for hold in holds:
            if hold.accepted_by is None:
                hold.accepted_by, hold.accepted_at = by, now
                hold.save(only=["accepted_by", "accepted_at"])
    return MembersAcceptDocument(members=[_row(hold) for hold in holds])


def end_holds(
    engine: Engine, member_ids: Iterable[int], ending: HoldEnding, now: datetime, *, by: str
) -> None:
    """End the holds that these members have, inside `engine.books()`.

    To be called wherever the XP that was held is no longer what the next sync compares with:
    where a member gets another Discord account or a new baseline, or is made inactive.
    """
    held = {
        member_id for (member_id,) in engine.raw_rows(Hold.select(Hold.member).where(IS_OPEN_HOLD))
    }
    ended = held.intersection(member_ids)
    for portion in portions(sorted(ended)):
        Hold.update(ended_at=now, ending=ending, made_by=by).where(
            IS_OPEN_HOLD, engine.is_among(Hold.member, portion)
        ).execute()
        Member.update(held_at=None).where(engine.is_among(Member.id, portion)).execute()


def _open_holds() -> ModelSelect[Hold]:
    return Hold.select(Hold, Member).join(Member).where(IS_OPEN_HOLD)


def _find_all(references: Sequence[str]) -> list[Member]:
    """The members that are named, each once, in the order of their ids."""
    found = {member.id: member for member in map(find_member, references)}
    return [found[key] for key in sorted(found)]


def _refuse_unheld(members: Sequence[Member], holds: Sequence[Hold]) -> None:
    held = {hold.member_id for hold in holds}
    others = [str(member.id) for member in members if member.id not in held]
    if not others:
        return
    noun = "member" if len(others) == 1 else "members"
    names = ", ".join(others[:_NAMED]) + (", …" if len(others) > _NAMED else "")
    verb = "is" if len(others) == 1 else "are"
    raise DataRefused(
        f"Nothing was accepted: {noun} {names} {verb} not held.",
        hint="See the members who are: trcpoints members held",
    )


def _row(hold: Hold) -> HeldMember:
    return HeldMember(
        member_id=str(hold.member_id),
        discord_id=hold.discord_id,
        name=hold.member.name,
        since=hold.began_at,
        kind=msgspec.convert(hold.kind, HoldKind),
        xp_tracked=hold.xp_tracked,
        xp_seen=hold.xp_seen,
        points=hold.points,
        accepted_by=hold.accepted_by,
        accepted_at=hold.accepted_at,
    )
