"""Who is right where both sides changed a field: each connector's strategy. Decides, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from trcpoints.federation.changes import Changes, FieldState, find_changes, is_person
from trcpoints.federation.fields import column_value, comparable

Strategy = Literal["federation_wins", "local_wins", "merge"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict and how it was decided; `note` says why it is one, and who set ours.

    `resolved` is the value that the member has now.
    """

    field: str
    base: str | None
    federation: str | None
    ours: str | None
    resolved: str | None
    strategy: Strategy
    note: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a record makes of a member.

    `values` are to be written, by column: what was taken, and what of the conflicts fell to the
    federation. `base` is to be kept as what the federation said, whatever was written.
    """

    values: dict[str, str | None]
    base: dict[str, str | None]
    conflicts: tuple[Conflict, ...] = ()


def create(federation: Mapping[str, str | None]) -> Decision:
    """A member made from a record. It has a base from the beginning: what it is made from."""
    values = {name: column_value(name, value) for name, value in federation.items()}
    return Decision(values, dict(federation))


def decide(
    federation: Mapping[str, str | None],
    ours: Mapping[str, str | None],
    base: Mapping[str, str | None] | None,
    modified_by: Mapping[str, str | None],
    *,
    region: str | None,
    strategy: Strategy,
) -> tuple[Decision, Changes]:
    """Compare a record with its member and settle what is in conflict; as `find_changes`."""
    changes = find_changes(federation, ours, base, modified_by, region)
    decision = settle(changes, strategy)
    changes.replaced = [
        name
        for name in decision.values
        if name not in (base or {}) and comparable(name, ours[name], region) is not None
    ]
    return decision, changes


def settle(changes: Changes, strategy: Strategy) -> Decision:
    """Resolve the conflicts of a record; what is in none of them is taken all the same."""
    conflicts = tuple(resolve(state, strategy) for state in changes.conflicts)
    won = {
        conflict.field: conflict.resolved
        for state, conflict in zip(changes.conflicts, conflicts, strict=True)
        if not _ours_stays(state, strategy)
    }
    return Decision({**changes.taken, **won}, changes.base, conflicts)


def resolve(state: FieldState, strategy: Strategy) -> Conflict:
    """Decide one conflict."""
    theirs = column_value(state.field, state.federation)
    return Conflict(
        field=state.field,
        base=state.base,
        federation=state.federation,
        ours=state.ours,
        resolved=state.ours if _ours_stays(state, strategy) else theirs,
        strategy=strategy,
        note=_note(state),
    )


def _ours_stays(state: FieldState, strategy: Strategy) -> bool:
    if strategy == "merge":
        return is_person(state.modified_by)
    return strategy == "local_wins"


def _note(state: FieldState) -> str:
    if state.has_base:
        what = "both sides changed it"
    else:
        what = "mapped" if state.is_matched else "matched"
        what += " for the first time"
    return f"{what}; ours was set by {state.modified_by or 'nobody that we know of'}"
