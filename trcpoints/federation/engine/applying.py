"""Writing what was decided of an organization, in bulk (design, sections 8 and 10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from trcpoints.db.engine import Engine, Row, portions
from trcpoints.db.fields import to_text
from trcpoints.db.models import FederationSource, MemberEdit, MemberLink
from trcpoints.federation.engine.deciding import ConflictRow, Decided, FederationPlan
from trcpoints.federation.fields import FIELDS
from trcpoints.members.fields import UNLINKED
from trcpoints.members.holds import end_holds
from trcpoints.members.inserting import insert_members

_WRITTEN = (*FIELDS, "name")
_NEW = {**UNLINKED, "active": True, "points": 0, "carry": 0}
# To be baselined again (section 2.2) also unsettles them for a sync that reads the board meanwhile.
_ACTIVE_AGAIN = {"active": True, "rebaseline": True}
_UNSAID = {"subscription_status": "ACTIVE"}
"""What a new member has of a field that the federation does not tell: as one added by hand."""

_encode = msgspec.json.Encoder().encode


def apply(engine: Engine, plan: FederationPlan, *, run_id: str, now: datetime) -> None:
    """Write a plan, inside the caller's transaction (`Run.books`)."""
    _end_holds(engine, plan, now)
    _let_go(engine, plan.decided)
    _create(engine, plan, now)
    _change(engine, plan.decided, now)
    _deactivate(engine, plan.left, now)
    _keep_times(plan)
    _move_links(engine, plan, now)
    _unsettle(plan)
    for portion in portions(plan.cleared):
        MemberEdit.delete().where(engine.is_among(MemberEdit.id, portion)).execute()
    engine.insert_rows(
        "conflict", ConflictRow.__struct_fields__, map(_conflict_row, plan.conflicts)
    )
    if plan.full:
        _note_read(plan, run_id, now)


def _end_holds(engine: Engine, plan: FederationPlan, now: datetime) -> None:
    """End what is held of members who get another account, or are inactive from now on."""
    by = f"{plan.connector}/{plan.organization}"
    relinked = (
        one.ours.member_id
        for one in plan.decided
        if one.ours is not None and "discord_id" in one.values
    )
    end_holds(engine, relinked, "relinked", now, by=by)
    end_holds(engine, plan.left, "deactivated", now, by=by)


def _let_go(engine: Engine, decided: Iterable[Decided]) -> None:
    """Take the accounts that change hands from who has them.

    The database lets no two members have one, not even between two rows of one statement.
    """
    given_up = {
        one.ours.values["discord_id"]: one.ours.member_id
        for one in decided
        if one.ours is not None and "discord_id" in one.values
    }
    given_up.pop(None, None)
    wanted = (one.values.get("discord_id") for one in decided) if given_up else ()
    rows = [(given_up[account], None) for account in wanted if account in given_up]
    engine.update_rows("member", ("id", "discord_id"), rows)


def _create(engine: Engine, plan: FederationPlan, now: datetime) -> None:
    """The members who are new, and their links."""
    created = [decided for decided in plan.decided if decided.ours is None]
    columns = [*_WRITTEN, *_NEW, "created_at", "updated_at"]
    fixed = (*_NEW.values(), to_text(now), to_text(now))
    rows = ((*_values({}, _UNSAID | one.values), *fixed) for one in created)
    first = insert_members(engine, columns, rows)
    _link(engine, plan, enumerate(created, start=first), now)


def _change(engine: Engine, decided: Iterable[Decided], now: datetime) -> None:
    groups: defaultdict[tuple[bool, bool], list[Row]] = defaultdict(list)
    for one in decided:
        if one.ours is not None and one.is_written:
            values = _values({**one.ours.values, "name": one.ours.name}, one.values)
            linked_anew = "discord_id" in one.values
            groups[not one.ours.active, linked_anew].append((one.ours.member_id, *values))
    for (active_again, linked_anew), rows in groups.items():
        state = (_ACTIVE_AGAIN if active_again else {}) | (dict(UNLINKED) if linked_anew else {})
        columns = ["id", *_WRITTEN, *state, "updated_at"]
        fixed = (*state.values(), to_text(now))
        engine.update_rows("member", columns, ((*row, *fixed) for row in rows))


def _deactivate(engine: Engine, member_ids: Iterable[int], now: datetime) -> None:
    rows = ((member_id, False, to_text(now)) for member_id in member_ids)
    engine.update_rows("member", ("id", "active", "updated_at"), rows)


def _move_links(engine: Engine, plan: FederationPlan, now: datetime) -> None:
    adopted = (
        (one.ours.member_id, one)
        for one in plan.decided
        if one.ours is not None and one.link_id is None
    )
    _link(engine, plan, adopted, now)
    at = to_text(now)
    engine.update_rows(
        "member_link",
        ("id", "digest", "base", "synced_at", "missing_since"),
        (
            (one.link_id, one.digest, _base(one), at, None)
            for one in plan.decided
            if one.link_id is not None
        ),
    )
    engine.update_rows(
        "member_link",
        ("id", "external_id"),
        ((one.link_id, one.external_id) for one in plan.relinked),
    )
    engine.update_rows(
        "member_link",
        ("id", "missing_since"),
        ((link.link_id, at) for link in plan.missing if not link.missing),
    )


def _keep_times(plan: FederationPlan) -> None:
    """Note of records that are gone or spoiled now when they were last seen as they should be.

    Until now that was told by the organization's last read (`MemberLink.synced_at`).
    """
    source = FederationSource.get_or_none(
        FederationSource.scope == f"{plan.connector}/{plan.organization}"
    )
    if source is None:
        return
    link, read_at = MemberLink, source.last_synced_at
    is_there = (link.connector == plan.connector) & (link.organization == plan.organization)
    is_as_read = (link.digest != "") & link.missing_since.is_null() & (link.synced_at < read_at)
    gone = [one.external_id for one in plan.missing if not one.missing]
    for portion in portions([*plan.spoiled, *gone]):
        found = is_there & is_as_read & link.external_id.in_(portion)
        link.update(synced_at=read_at).where(found).execute()


def _unsettle(plan: FederationPlan) -> None:
    """Records that cannot be taken any more are no news the next time: their digest is empty."""
    link = MemberLink
    is_there = (link.connector == plan.connector) & (link.organization == plan.organization)
    for portion in portions(plan.spoiled):
        link.update(digest="").where(is_there & link.external_id.in_(portion)).execute()


def _link(
    engine: Engine, plan: FederationPlan, matched: Iterable[tuple[int, Decided]], now: datetime
) -> None:
    """Link members, by their ids, with the records that they are."""
    columns = (
        "member_id", "connector", "organization", "external_id", "digest", "base", "synced_at"
    )  # fmt: skip
    place, at = (plan.connector, plan.organization), to_text(now)
    engine.insert_rows(
        "member_link",
        columns,
        (
            (member_id, *place, one.external_id, one.digest, _base(one), at)
            for member_id, one in matched
        ),
    )


def _note_read(plan: FederationPlan, run_id: str, now: datetime) -> None:
    FederationSource.insert(
        scope=f"{plan.connector}/{plan.organization}", last_synced_at=now, last_run=run_id
    ).on_conflict(
        conflict_target=[FederationSource.scope],
        preserve=[FederationSource.last_synced_at, FederationSource.last_run],
    ).execute()


def _values(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> Iterator[object]:
    return (after[name] if name in after else before.get(name) for name in _WRITTEN)


def _base(decided: Decided) -> str:
    return _encode(decided.base).decode()


def _conflict_row(row: ConflictRow) -> Sequence[object]:
    *values, created_at = msgspec.structs.astuple(row)
    return (*values, to_text(created_at))
