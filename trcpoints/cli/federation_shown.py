"""The screens of `trcpoints federation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding

from trcpoints.cli.tables import grid, moment, table
from trcpoints.cli.text import counted, harmless
from trcpoints.documents.federation import (
    FederationCheckDocument,
    FederationCheckSource,
    FederationConflictRow,
    FederationConflictsKeepDocument,
    FederationConflictsListDocument,
    FederationConflictsShowDocument,
    FederationJobRow,
    FederationQueueDocument,
    FederationRetryDocument,
    FederationRunRow,
    FederationSyncDocument,
)


def render_sync(document: FederationSyncDocument) -> RenderableType:
    """What a sync did, organization by organization."""
    heading = "Dry run: this is what a sync would do now; nothing was written."
    parts: list[RenderableType] = [heading] if document.dry_run else []
    parts.append(_runs(document.runs) if document.runs else "Nothing was due.")
    parts += _stuck(document.stuck)
    for job in document.waiting:
        parts.append(f"{_scope(job)}: job {job.job_id} {_waiting(job)}")
    return Group(*parts)


def render_retry(document: FederationRetryDocument) -> RenderableType:
    """What a retry did."""
    runs = _runs(document.runs) if document.runs else "Nothing is due."
    return Group(runs, *_stuck(document.stuck))


def render_queue(document: FederationQueueDocument) -> RenderableType:
    """The queue."""
    heading = (
        f"{document.pending:,} pending, {document.running:,} running, "
        f"{document.completed:,} completed, {document.failed:,} failed"
    )
    if not document.jobs:
        return heading
    rows = table("job!", "organization", "member", "status", "retries!", "next try", "error")
    for job in document.jobs:
        rows.add_row(
            job.job_id,
            _scope(job),
            harmless(job.external_id or ""),
            job.status,
            f"{job.retry_count}/{job.max_retries}",
            moment(job.next_retry_at),
            harmless(job.error.message) if job.error else "",
        )
    return Group(heading, rows)


def render_conflicts(document: FederationConflictsListDocument) -> RenderableType:
    """A list of conflicts."""
    if not document.conflicts:
        return "No conflict waits for a decision."
    rows = table("conflict!", "member!", "name", "field", "theirs", "ours", "resolved", "kept")
    for one in document.conflicts:
        cells = (one.name, one.field, one.federation, one.ours, one.resolved, one.kept)
        rows.add_row(one.conflict_id, one.member_id, *(harmless(cell or "") for cell in cells))
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


def render_check(document: FederationCheckDocument) -> RenderableType:
    """Each organization and its first records."""
    return Group(f"{harmless(document.file)}:", *map(_source, document.sources))


def _runs(runs: Sequence[FederationRunRow]) -> RenderableType:
    rows = table(
        *("organization", "status", "created!", "updated!", "unchanged!", "rejected!", "missing!"),
        *("conflicts!", "seconds!", "run|"),
    )
    for run in runs:
        member = f" {harmless(run.external_id)}" if run.external_id else ""
        rows.add_row(
            f"{harmless(run.connector)}/{harmless(run.organization)}{member}",
            run.status,
            *(
                f"{count:,}"
                for count in (
                    *(run.created, run.updated, run.unchanged),
                    *(run.rejected, run.missing, run.conflicts),
                )
            ),
            f"{run.duration_seconds:.1f}",
            run.run_id or "",
        )
    return rows


def _stuck(jobs: Sequence[FederationJobRow]) -> Iterator[RenderableType]:
    for job in jobs:
        yield f"{_scope(job)}: job {job.job_id} was stuck, and {_waiting(job)}"


def _waiting(job: FederationJobRow) -> str:
    if job.status == "running":
        return f"is at work elsewhere, since {moment(job.started_at)} UTC"
    if job.status == "failed":
        return "has failed for good"
    if job.next_retry_at is None:
        return "waits to be done: trcpoints federation retry"
    return (
        f"waits for its next try at {moment(job.next_retry_at)} UTC; now: "
        f"trcpoints federation retry --now {job.job_id}"
    )


def _scope(job: FederationJobRow) -> str:
    return f"{harmless(job.connector)}/{harmless(job.organization)}"


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


def _source(source: FederationCheckSource) -> RenderableType:
    name = f"{harmless(source.connector)}/{harmless(source.organization)}"
    about = f"{name} ({source.kind}, {source.strategy})"
    secrets = ", ".join(f"{one.key} = {harmless(one.variable)}" for one in source.secrets)
    lines: list[RenderableType] = [f"secrets: {secrets}"] if secrets else []
    if not source.enabled:
        lines.append("switched off: enabled = false")
    elif source.error is not None:
        lines.append(f"cannot be read: {harmless(source.error.message)}")
        lines.append(f"-> {harmless(source.error.hint)}")
    else:
        lines.append(
            f"{counted(source.read, 'record')} looked at, {source.rejected:,} would be rejected"
        )
        if source.empty:
            lines.append(f"empty in all of them: {', '.join(source.empty)}")
        lines += _records(source)
    return Group(about, *(Padding.indent(line, 2) for line in lines))


def _records(source: FederationCheckSource) -> Iterator[RenderableType]:
    fields = list(dict.fromkeys(name for record in source.records for name in record.fields))
    rows = table("external_id", *fields)
    for record in source.records:
        if not record.rejected:
            rows.add_row(
                harmless(record.external_id or ""),
                *(harmless(record.fields[name] or "") for name in fields),
            )
    if rows.row_count:
        yield rows
    for record in source.records:
        for reason in record.rejected:
            yield f"rejected: {harmless(record.external_id or 'no id')}: {harmless(reason)}"
