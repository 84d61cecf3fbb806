"""What changed since the federation was last read: three sides, field by field. Decides, no I/O.

The base is what the federation said last time (design, section 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from trcpoints.federation.fields import column_value, is_same


class Outcome(Enum):
    """What comes of one field: the rows of the table of section 8."""

    NOTHING = "nothing"
    TAKE = "take"
    KEEP = "keep"
    BASE_MOVES = "base moves"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class FieldState:
    """The three sides of one field, and who set ours.

    `has_base` is False where the federation has never told this field of this member; then
    `is_matched` says whether it has told other fields of them.
    """

    field: str
    federation: str | None
    ours: str | None
    base: str | None = None
    has_base: bool = False
    modified_by: str | None = None
    is_matched: bool = False


@dataclass(slots=True)
class Changes:
    """What comes of one record.

    `taken` is what to write, by column. `moved` are the fields where the federation's word is
    another than at the base, and than ours, `lost` those of them that are empty now, `replaced`
    those without a base in which a value of ours gives way: the mass-change guard counts them.
    `base` is what was seen now, for the next time, with what was last seen of fields that are not
    mapped any more.
    """

    base: dict[str, str | None]
    taken: dict[str, str | None] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    conflicts: list[FieldState] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)


def is_person(modified_by: str | None) -> bool:
    """Whether `modified_by` names a person: what a federation sets is noted as nobody's."""
    return bool(modified_by)


def outcome(state: FieldState, region: str | None) -> Outcome:
    """The row of section 8's table that a field is in; `region` is the connector's, for phones."""
    agree = is_same(state.field, state.federation, state.ours, region)
    if not state.has_base:
        return Outcome.NOTHING if agree else _without_base(state)
    ours_stayed = is_same(state.field, state.base, state.ours, region)
    if is_same(state.field, state.base, state.federation, region):
        return Outcome.NOTHING if ours_stayed else Outcome.KEEP
    if agree:
        return Outcome.BASE_MOVES
    return Outcome.TAKE if ours_stayed else Outcome.CONFLICT


def find_changes(
    federation: Mapping[str, str | None],
    ours: Mapping[str, str | None],
    base: Mapping[str, str | None] | None,
    modified_by: Mapping[str, str | None],
    region: str | None,
) -> Changes:
    """Compare one record with its member.

    `federation` has the mapped fields and no others: only they are compared. `ours` has at least
    those. A field that `base` lacks has none yet. `modified_by` says by field who set ours.

    A federation never clears a Discord account: a blank one says what was said before, or else
    the next one would be in conflict with ours, which nobody has touched.
    """
    before = base or {}
    said = {**federation}
    if "discord_id" in said and said["discord_id"] is None:
        said["discord_id"] = before.get("discord_id")
    changes = Changes(base={**before, **said})
    for name, value in said.items():
        state = FieldState(
            field=name,
            federation=value,
            ours=ours[name],
            base=before.get(name),
            has_base=name in before,
            modified_by=modified_by.get(name),
            is_matched=base is not None,
        )
        _note(changes, state, region)
    return changes


def _without_base(state: FieldState) -> Outcome:
    if state.federation is None:
        return Outcome.NOTHING
    # What is empty is no value that somebody set: filling it takes nothing from anybody.
    if state.ours and is_person(state.modified_by):
        return Outcome.CONFLICT
    return Outcome.TAKE


_WANTS_OURS = frozenset({Outcome.TAKE, Outcome.CONFLICT})


def _note(changes: Changes, state: FieldState, region: str | None) -> None:
    result = outcome(state, region)
    if result is Outcome.TAKE:
        changes.taken[state.field] = column_value(state.field, state.federation)
    elif result is Outcome.KEEP:
        changes.kept.append(state.field)
    elif result is Outcome.CONFLICT:
        changes.conflicts.append(state)
    if state.has_base and result in _WANTS_OURS:
        changes.moved.append(state.field)
        if state.federation is None:
            changes.lost.append(state.field)
