"""Adding a member and changing one, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.db.models import Member
from trcpoints.errors import DataRefused
from trcpoints.members.edits import note_edits
from trcpoints.members.fields import (
    FIELDS,
    UNLINKED,
    Values,
    name_following,
    names_nobody,
    normalise,
)
from trcpoints.members.holds import end_holds
from trcpoints.members.lookup import find_member


def add_member(
    engine: Engine, given: Mapping[str, str | None], now: datetime, *, by: str
) -> Member:
    """Add a member, ACTIVE unless `given` says otherwise; `by` is who sets these fields.

    Raises DataRefused for values that are wrong, for a Discord account that another member has,
    and when nothing is given to tell the member by.
    """
    values = _checked(given)
    if names_nobody(values):
        raise DataRefused(
            "A member needs a Discord id, an e-mail or a name.",
            hint="trcpoints members add --discord-id ID --name NAME --email ADDRESS",
        )
    with engine.books():
        refuse_taken(values.get("discord_id"), None)
        member = Member.create(**values, created_at=now, updated_at=now)
        note_edits(engine, ((member.id, name) for name, new in values.items() if new), by, now)
        return member


def set_member(
    engine: Engine, reference: str, given: Mapping[str, str | None], now: datetime, *, by: str
) -> tuple[Member, list[str]]:
    """Change a member; the member as changed, and the fields that did change, set by `by`.

    Raises what `find_member` raises, and DataRefused as `add_member` does.
    """
    values = _checked(given)
    with engine.books():
        member = find_member(reference)
        changes = {name: new for name, new in values.items() if new != getattr(member, name)}
        if "discord_id" in changes:
            refuse_taken(changes["discord_id"], member)
        if changes:
            # A name that is given stays, even where it is there already.
            said = {"name": values["name"]} if "name" in values else {}
            write_fields(engine, member, said | changes, now, by=by)
            note_edits(engine, ((member.id, name) for name in changes), by, now)
    return member, list(changes)


def rebaseline_members(
    engine: Engine, references: Sequence[str], now: datetime, *, by: str
) -> list[Member]:
    """Make the next XP that is seen of these members a baseline (design, section 2.2).

    What is held of them is over: it is never booked. Raises what `find_member` raises; nothing is
    changed then.
    """
    with engine.books():
        members = {member.id: member for member in map(find_member, references)}
        end_holds(engine, members, "rebaselined", now, by=by)
        for member in members.values():
            member.held_at = None
            if not member.rebaseline:
                _write(member, {"rebaseline": True}, now)
                note_edits(engine, [(member.id, "rebaseline")], by, now)
    return list(members.values())


def write_fields(
    engine: Engine, member: Member, changes: Mapping[str, str | None], now: datetime, *, by: str
) -> None:
    """Change fields of a member, inside `engine.books()`, with what follows from it.

    One with another account is linked anew (design, section 2.2), and what was held of the one
    before is over, by `by`; a name that is made from first and last name stays so.
    """
    anew: Mapping[str, object] = {}
    if "discord_id" in changes:
        end_holds(engine, [member.id], "relinked", now, by=by)
        anew = UNLINKED
    before = {name: getattr(member, name) for name in FIELDS}
    _write(member, {**anew, **name_following(member.name, before, changes), **changes}, now)


def refuse_taken(discord_id: str | None, member: Member | None) -> None:
    """Raise DataRefused for a Discord account that a member other than this one has."""
    if discord_id is None:
        return
    holder = Member.get_or_none(Member.discord_id == discord_id)
    if holder is not None and (member is None or holder.id != member.id):
        raise DataRefused(
            f"The Discord account {discord_id} is linked to member {holder.id} already.",
            hint=f"See them: trcpoints members show {holder.id}",
        )


def _checked(given: Mapping[str, str | None]) -> Values:
    values, faults = normalise(given)
    if faults:
        lines = "".join(f"\n  {fault}" for fault in faults)
        raise DataRefused(
            f"Nothing was changed:{lines}", hint="Mend what is named and run the command again."
        )
    return values


def _write(member: Member, changes: Mapping[str, object], now: datetime) -> None:
    for name, value in {**changes, "updated_at": now}.items():
        setattr(member, name, value)
    member.save(only=[*changes, "updated_at"])
