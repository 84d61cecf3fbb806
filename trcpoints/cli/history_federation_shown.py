"""What `trcpoints history` shows a person of the runs of federations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trcpoints.cli.tables import table
from trcpoints.cli.text import counted, harmless
from trcpoints.documents.federation import FederationConflictRow
from trcpoints.documents.history import HistoryShowDocument

if TYPE_CHECKING:
    from rich.console import RenderableType

Stats = dict[str, Any]
"""What a run of a federation kept. Any: it is a document of whatever version wrote it."""

_SHOWN = 50
"""Rows of one table; all that there are are in the JSON."""

_FATES = ("created", "updated", "rejected", "missing", "deactivated")


def in_a_few_words(stats: Stats) -> list[str]:
    """What a run did; what is as it was is told only where that is all."""
    counts = stats.get("records", {})
    told = [f"{counts[fate]:,} {fate}" for fate in _FATES if counts.get(fate)]
    if counts.get("conflicts"):
        told.append(counted(counts["conflicts"], "conflict"))
    return told or [f"{counts.get('unchanged', 0):,} unchanged"]


def facts(stats: Stats) -> Iterator[tuple[str, str]]:
    """What a run counted, on a line each."""
    if not stats:
        return
    counts = stats.get("records", {})
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    yield "records", harmless(told) or "none"
    yield "read", "the whole organization" if stats.get("full") else "one member"
    yield "queue", f"job {harmless(str(stats.get('job_id', '')))}"


def details(document: HistoryShowDocument) -> Iterator[RenderableType]:
    """Which records were rejected, have another id or are missing; where both sides changed."""
    stats = document.run.stats or {}
    counts = stats.get("records", {})
    rejected = [(one["external_id"] or "", one["reason"]) for one in stats.get("rejections", [])]
    missing = [(one["external_id"], one["member_id"]) for one in stats.get("missing", [])]
    relinked = [
        (one["before"], one["external_id"], one["member_id"]) for one in stats.get("relinked", [])
    ]
    conflicts = [_conflict(one) for one in document.conflicts]
    yield from _rows("rejected", counts.get("rejected", 0), ("record", "because"), rejected)
    renamed = ("record before", "record now", "member!")
    yield from _rows("relinked", counts.get("relinked", 0), renamed, relinked)
    yield from _rows("missing", counts.get("missing", 0), ("record", "member!"), missing)
    headings = ("conflict!", "member!", "field", "before", "theirs", "ours", "resolved", "kept")
    yield from _rows("conflicts", len(conflicts), headings, conflicts)


def _conflict(one: FederationConflictRow) -> Sequence[str]:
    resolved = f"{one.resolved or ''} ({one.strategy})"
    values = (one.base, one.federation, one.ours)
    kept = f"{one.kept}, by {one.kept_by}" if one.kept else ""
    return (one.conflict_id, one.member_id, one.field, *(x or "" for x in values), resolved, kept)


def _rows(
    title: str, number: int, headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterator[RenderableType]:
    if not rows:
        return
    shown = table(*headings)
    for row in rows[:_SHOWN]:
        shown.add_row(*map(harmless, row))
    yield ""
    yield f"{title}: {number:,}"
    yield shown
    if number > _SHOWN:
        yield f"and {number - _SHOWN:,} more; --json has {len(rows):,} of them"
