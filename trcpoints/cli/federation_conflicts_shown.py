"""The screens of `trcpoints federation conflicts`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trcpoints.cli.tables import Fitting, grid, moment, no_such_page, table
from trcpoints.cli.text import counted, harmless
from trcpoints.documents.federation import (
    FederationConflictRow,
    FederationConflictsKeepDocument,
    FederationConflictsListDocument,
    FederationConflictsShowDocument,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def render_conflicts(document: FederationConflictsListDocument) -> RenderableType:
    """A list of conflicts."""
    from rich.console import Group

    if not document.conflicts:
        beyond = no_such_page(document.page, document.limit, document.total, "conflict")
        return beyond or "No conflict waits for a decision."
    rows = Fitting(_table(document.conflicts), _table_below(document.conflicts))
    shown = f"{len(document.conflicts):,} of {counted(document.total, 'conflict')}"
    return Group(rows, f"{shown}. Decide one: trcpoints federation conflicts keep ID ours|theirs")


def render_conflict(
    document: FederationConflictsShowDocument | FederationConflictsKeepDocument,
) -> RenderableType:
    """One conflict."""
    return grid(
        [(label, harmless(text or "")) for label, text in _conflict(document.conflict)]
        + [("has now", harmless(document.now or ""))]
    )


def _table(conflicts: Sequence[FederationConflictRow]) -> Table:
    rows = table("conflict!", "member!", "name", "field", "theirs", "ours", "resolved", "kept")
    for one in conflicts:
        cells = (one.name, one.field, one.federation, one.ours, one.resolved, one.kept)
        rows.add_row(one.conflict_id, one.member_id, *(harmless(cell or "") for cell in cells))
    return rows


def _table_below(conflicts: Sequence[FederationConflictRow]) -> Table:
    """The same on half the width: the values of a conflict are beneath each other."""
    rows = table("conflict!", "member!", "field|", "values")
    for one in conflicts:
        values = [("theirs", one.federation), ("ours", one.ours), ("resolved", one.resolved)]
        values += [("kept", one.kept)] if one.kept else []
        beneath = "\n".join(f"{label}: {harmless(value or '')}" for label, value in values)
        rows.add_row(one.conflict_id, one.member_id, one.field, beneath)
    return rows


def _conflict(one: FederationConflictRow) -> Iterator[tuple[str, str | None]]:
    yield "conflict", f"{one.conflict_id}, found {moment(one.created_at)} UTC by run {one.run_id}"
    yield "member", f"{one.member_id} {one.name or ''}"
    yield "federation", f"{one.connector}/{one.organization}"
    yield "field", one.field
    yield "before", one.base
    yield "theirs", one.federation
    yield "ours", one.ours
    yield "resolved", f"{one.resolved or ''} ({one.strategy}; {one.note or ''})"
    if one.kept is not None:
        yield "kept", f"{one.kept}, by {one.kept_by} at {moment(one.kept_at)} UTC"
