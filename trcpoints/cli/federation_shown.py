"""The screens of `trcpoints federation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trcpoints.cli.tables import Fitting, grid, moment, no_such_page, table
from trcpoints.cli.text import counted, harmless
from trcpoints.documents.federation import (
    FederationCheckDocument,
    FederationCheckSource,
    FederationJobRow,
    FederationQueueDocument,
    FederationRetryDocument,
    FederationRunRow,
    FederationSyncDocument,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_HELD = {
    "switched_off": "waits: its connector is switched off (enabled = false)",
    "removed": "waits for an organization that is not in the file of FEDERATION_CONFIG",
}


def render_sync(document: FederationSyncDocument) -> RenderableType:
    """What a sync did, organization by organization."""
    from rich.console import Group

    heading = "Dry run: this is what a sync would do now; nothing was written."
    parts: list[RenderableType] = [heading] if document.dry_run else []
    parts.append(_runs(document.runs) if document.runs else "Nothing was due.")
    parts += _rejections(document.runs)
    parts += _stuck(document.stuck)
    for job in document.waiting:
        parts.append(f"{_scope(job)}: job {job.job_id} {_waiting(job)}")
    return Group(*parts)


def render_retry(document: FederationRetryDocument) -> RenderableType:
    """What a retry did."""
    from rich.console import Group

    runs = _runs(document.runs) if document.runs else "Nothing is due."
    return Group(runs, *_rejections(document.runs), *_stuck(document.stuck))


def render_queue(document: FederationQueueDocument) -> RenderableType:
    """The queue."""
    from rich.console import Group

    heading = (
        f"{document.pending:,} pending, {document.running:,} running, "
        f"{document.completed:,} completed, {document.failed:,} failed"
    )
    if not document.jobs:
        beyond = no_such_page(document.page, document.limit, document.total, "job")
        return beyond or heading
    return Group(heading, Fitting(_jobs(document.jobs), _jobs_below(document.jobs)))


def render_check(document: FederationCheckDocument) -> RenderableType:
    """Each organization and its first records."""
    from rich.console import Group

    return Group(f"{harmless(document.file)}:", *map(_source, document.sources))


def _runs(runs: Sequence[FederationRunRow]) -> RenderableType:
    rows = table(
        *("organization", "status", "created!", "updated!", "unchanged!", "rejected!", "missing!"),
        *("conflicts!", "seconds!", "run|"),
    )
    for run in runs:
        rows.add_row(
            _place(run),
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
    return Fitting(rows, _runs_in_words(runs))


def _runs_in_words(runs: Sequence[FederationRunRow]) -> Table:
    """The same on half the width: each run's id is beneath its organization."""
    rows = table("organization, run", "status|", "seconds!", "records")
    for run in runs:
        counts = {
            name: getattr(run, name)
            for name in ("created", "updated", "unchanged", "rejected", "missing")
        }
        told = [f"{count:,} {name}" for name, count in counts.items() if count]
        if run.conflicts:
            told.append(counted(run.conflicts, "conflict"))
        if run.error is not None:
            told.append(run.error.code)
        beneath = f"\n{run.run_id}" if run.run_id else ""
        seconds = f"{run.duration_seconds:.1f}"
        rows.add_row(f"{_place(run)}{beneath}", run.status, seconds, ", ".join(told) or "none")
    return rows


def _place(run: FederationRunRow) -> str:
    member = f" {harmless(run.external_id)}" if run.external_id else ""
    return f"{harmless(run.connector)}/{harmless(run.organization)}{member}"


def _rejections(runs: Sequence[FederationRunRow]) -> Iterator[RenderableType]:
    """What could not be taken, and where the reasons are."""
    from rich.padding import Padding

    for run in runs:
        if run.rejected:
            would = "rejected" if run.run_id else "would be rejected"
            yield f"{_place(run)}: {counted(run.rejected, 'record')} {would}."
            reasons = (
                f"See which, and why: trcpoints history show {run.run_id}"
                if run.run_id
                else "See why, of the first records: trcpoints federation check"
            )
            yield Padding.indent(f"-> {reasons}", 2)


def _jobs(jobs: Sequence[FederationJobRow]) -> Table:
    rows = table("job!", "organization", "member", "status", "retries!", "next try|", "error")
    for job in jobs:
        rows.add_row(
            job.job_id,
            _scope(job),
            harmless(job.external_id or ""),
            job.status,
            f"{job.retry_count}/{job.max_retries}",
            moment(job.next_retry_at),
            _trouble(job),
        )
    return rows


def _jobs_below(jobs: Sequence[FederationJobRow]) -> RenderableType:
    """The same, with what is wrong beneath each job."""
    from rich.console import Group
    from rich.padding import Padding

    parts: list[RenderableType] = []
    for job in jobs:
        member = f" {harmless(job.external_id)}" if job.external_id else ""
        tries = f", retries {job.retry_count}/{job.max_retries}" if job.retry_count else ""
        due = f", next try {moment(job.next_retry_at)}" if job.next_retry_at else ""
        parts.append(f"job {job.job_id}: {_scope(job)}{member}: {job.status}{tries}{due}")
        if trouble := _trouble(job):
            parts.append(Padding.indent(trouble, 2))
    return Group(*parts)


def _trouble(job: FederationJobRow) -> str:
    if job.held is not None:
        return _HELD[job.held]
    return harmless(job.error.message) if job.error else ""


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


def _source(source: FederationCheckSource) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding

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
        yield Fitting(rows, _records_below(source, fields))
    for record in source.records:
        for reason in record.rejected:
            yield f"rejected: {harmless(record.external_id or 'no id')}: {harmless(reason)}"


def _records_below(source: FederationCheckSource, fields: Sequence[str]) -> RenderableType:
    """The same, a field on each line."""
    from rich.console import Group
    from rich.padding import Padding

    parts: list[RenderableType] = []
    for record in source.records:
        if not record.rejected:
            told = [(name, harmless(record.fields[name] or "")) for name in fields]
            parts += [harmless(record.external_id or ""), Padding.indent(grid(told), 2)]
    return Group(*parts)
