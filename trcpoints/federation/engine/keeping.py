"""Deciding a conflict by hand, whatever the strategy made of it (design, section 8)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from trcpoints.db.engine import Engine
from trcpoints.db.models import Conflict, Member, MemberLink
from trcpoints.errors import DataRefused, NotFound
from trcpoints.federation.fields import column_value
from trcpoints.members.changing import refuse_taken, write_fields
from trcpoints.members.edits import forget_edits, note_edits
from trcpoints.members.fields import Values
from trcpoints.members.lookup import LARGEST_ID
from trcpoints.records import quoted

Side = Literal["ours", "theirs"]


def keep(engine: Engine, conflict_id: int, side: Side, by: str, now: datetime) -> Conflict:
    """Give the member the value of one side of a conflict; the conflict as it stands then.

    Ours counts as set by hand by `by`. It may be done again, the other way round. Raises
    NotFound; and DataRefused where the field has changed since the conflict was decided, on either
    side, where there is a newer conflict over it, or where another member has the Discord account.
    """
    with engine.books():
        conflict = _find(conflict_id)
        member = Member.get_by_id(conflict.member_id)
        field = conflict.field
        _refuse_overtaken(conflict)
        _refuse_changed(conflict, getattr(member, field))
        _refuse_withdrawn(conflict)
        value = conflict.ours if side == "ours" else column_value(field, conflict.federation)
        if value != conflict.resolved:
            _write(engine, member, field, value, now, by)
        if side == "ours":
            note_edits(engine, [(member.id, field)], by, now)
        else:
            forget_edits(engine, [(member.id, field)])
        conflict.resolved, conflict.kept = value, side
        conflict.kept_at, conflict.kept_by = now, by
        conflict.save()
    return conflict


def _find(conflict_id: int) -> Conflict:
    is_key = 0 < conflict_id <= LARGEST_ID
    found = Conflict.get_or_none(Conflict.id == conflict_id) if is_key else None
    if found is None:
        raise NotFound(
            f"There is no conflict {conflict_id}.",
            hint="See which there are: trcpoints federation conflicts list --all",
        )
    return found


def _refuse_overtaken(conflict: Conflict) -> None:
    same = (Conflict.member == conflict.member_id) & (Conflict.field == conflict.field)
    newer = Conflict.select().where(same & (Conflict.id > conflict.id))
    newest = newer.order_by(Conflict.id.desc()).first()
    if newest is not None:
        raise DataRefused(
            f"The {conflict.field} of member {conflict.member_id} has changed since conflict "
            f"{conflict.id}: conflict {newest.id} is over it too, and is newer.",
            hint=f"Decide that one: trcpoints federation conflicts keep {newest.id} ours|theirs",
        )


def _refuse_changed(conflict: Conflict, value: str | None) -> None:
    if value == conflict.resolved:
        return
    raise DataRefused(
        f"The {conflict.field} of member {conflict.member_id} has changed since: it is "
        f"{_shown(value)} now, and conflict {conflict.id} left it at {_shown(conflict.resolved)}.",
        hint=_by_hand(conflict),
    )


def _refuse_withdrawn(conflict: Conflict) -> None:
    """Refuse a word that the federation has taken back. Of one who was unlinked it says nothing."""
    links = MemberLink.select().where(
        (MemberLink.member == conflict.member_id)
        & (MemberLink.connector == conflict.connector)
        & (MemberLink.organization == conflict.organization)
    )
    for link in links:
        said = msgspec.json.decode(link.base, type=Values).get(conflict.field)
        if said != conflict.federation:
            raise DataRefused(
                f"The federation has changed the {conflict.field} of member {conflict.member_id} "
                f"since: {conflict.connector}/{conflict.organization} says "
                f"{'nothing' if said is None else quoted(said)} now, and conflict {conflict.id} "
                f"has {_shown(conflict.federation)}.",
                hint=_by_hand(conflict),
            )


def _by_hand(conflict: Conflict) -> str:
    option = _OPTIONS.get(conflict.field, conflict.field.replace("_", "-"))
    return f"To set it by hand: trcpoints members set {conflict.member_id} --{option} VALUE"


def _write(
    engine: Engine, member: Member, field: str, value: str | None, now: datetime, by: str
) -> None:
    if field == "discord_id":
        refuse_taken(value, member)
    write_fields(engine, member, {field: value}, now, by=by)


def _shown(value: str | None) -> str:
    return "empty" if value is None else quoted(value)


_OPTIONS = {"subscription_status": "status"}
