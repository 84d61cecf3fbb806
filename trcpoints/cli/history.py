"""`trcpoints history`: every run of every job, and who was awarded what."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO, get_args

import typer

from trcpoints.cli.app import command, group
from trcpoints.cli.session import session_of
from trcpoints.cli.tables import moment
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from trcpoints.db.engine import Engine
    from trcpoints.documents.history import (
        HistoryExportDocument,
        HistoryPruneDocument,
        HistoryRun,
    )

app = group("Every run of every job, and who was awarded what.", example="trcpoints history list")

_CSV_COLUMNS = (
    *("run_id", "job", "scope", "status", "trigger", "machine", "started_at", "finished_at"),
    *("duration_seconds", "stats", "error_code", "error_message", "error_hint"),
)


def _moment(text: str) -> datetime:
    from trcpoints.jobs.history.times import moment_or_age

    try:
        return moment_or_age(text, datetime.now(UTC))
    except ValueError as fault:
        raise typer.BadParameter(f"{fault}.") from fault


def _ago(text: str) -> datetime:
    from trcpoints.jobs.history.times import time_ago

    try:
        return time_ago(text, datetime.now(UTC))
    except ValueError as fault:
        raise typer.BadParameter(f"{fault}.") from fault


def _status(text: str) -> str:
    from trcpoints.documents.history import RunState

    if text not in get_args(RunState):
        raise typer.BadParameter(f"a status is one of {', '.join(get_args(RunState))}.")
    return text


Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="TIME",
        parser=_moment,
        help="Runs that began at this time (UTC) or later; 7d or 12h: so long ago.",
    ),
]

Until = Annotated[
    datetime | None,
    typer.Option(
        "--until", metavar="TIME", parser=_moment, help="Runs that began before this time."
    ),
]


@command(app, "list", example="trcpoints history list --job sync --status failed --since 7d")
def list_(
    context: typer.Context,
    *,
    job: Annotated[
        str | None, typer.Option("--job", metavar="JOB", help="Only this job, like sync.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            parser=_status,
            help="running, completed, failed, skipped, interrupted or abandoned.",
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Runs on a page.")
    ] = 50,
    page: Annotated[
        int, typer.Option("--page", metavar="N", min=1, max=1_000_000_000, help="Which page.")
    ] = 1,
) -> None:
    """List runs, the newest first."""
    from trcpoints.cli.history_shown import render_list
    from trcpoints.db.database import Access, open_database
    from trcpoints.jobs.history.reading import Filters, list_runs

    session = session_of(context)
    filters = Filters(job=job, status=status, since=since, until=until)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = list_runs(engine, filters, limit=limit, page=page)
        if job is not None and not document.total:
            _require_known(engine, job)
    session.show(document, lambda: render_list(document, session.console.width))


@command(app, example="trcpoints history show 20260119T174500Z")
def show(
    context: typer.Context,
    *,
    run_id: Annotated[
        str, typer.Argument(metavar="RUN_ID", help="The id of a run, or how only one begins.")
    ],
) -> None:
    """Show one run: what came of it, and who was awarded what."""
    from trcpoints.cli.history_shown import render_show
    from trcpoints.db.database import Access, open_database
    from trcpoints.jobs.history.showing import show_run

    session = session_of(context)
    with open_database(session.settings.database_url, Access.READ) as engine:
        document = show_run(engine, run_id)
    session.show(document, lambda: render_show(document))


@command(app, example="trcpoints history export --since 30d --output runs.csv")
def export(
    context: typer.Context,
    *,
    form: Annotated[
        Literal["json", "csv"] | None,
        typer.Option("--format", help="Else as the name of the file ends; else CSV."),
    ] = None,
    since: Since = None,
    until: Until = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write this file, which only you can read then."
        ),
    ] = None,
) -> None:
    """Write all runs, the oldest first; however many there are, they take little memory."""
    from trcpoints.cli.output import PRIVATE, atomic_output
    from trcpoints.cli.text import storable
    from trcpoints.db.database import Access, open_database
    from trcpoints.documents import OutputDocument
    from trcpoints.documents.history import HistoryExportDocument
    from trcpoints.jobs.history.reading import Filters, exported_runs

    session = session_of(context)
    if form == "csv" and session.json and output is None:
        raise typer.BadParameter("--format csv and --json exclude each other without --output")
    chosen = form or _form(output, as_json=session.json)
    filters = Filters(since=since, until=until)
    with (
        open_database(session.settings.database_url, Access.READ) as engine,
        exported_runs(engine, filters) as (total, found),
    ):
        # What is wrong with the database shows before anything is written.
        runs: Iterable[HistoryRun] = itertools.chain(list(itertools.islice(found, 1)), found)
        document = HistoryExportDocument(since=since, until=until, total=total, runs=[])
        if output is None:
            session.begun = True
            _write(sys.stdout, chosen, document, runs)
            return
        with session.progress() as progress, atomic_output(output, mode=PRIVATE) as file:
            if progress is not None:
                runs = progress.track(runs, total=total, description="exporting")
            _write(file, chosen, document, runs)
    written = OutputDocument(output=storable(str(output)), format=chosen, records=total)
    session.show(
        written, lambda: f"{harmless(written.output)}: {counted(written.records, 'run')} written"
    )


@command(app, example="trcpoints history prune --keep 400d --dry-run")
def prune(
    context: typer.Context,
    *,
    before: Annotated[
        datetime,
        typer.Option(
            "--keep", metavar="AGE", parser=_ago, help="Keep what is younger, like 400d or 12w."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many there are to delete.")
    ] = False,
) -> None:
    """Delete the records of old runs. What they did stays: ledger and activity are kept for ever.

    The newest completed run of each job is kept, and so is one that is still
    running. What is as old of the queue of federations and is over, and of
    webhooks, is deleted too.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.jobs.history.pruning import prune as prune_runs

    session = session_of(context)
    access = Access.READ if dry_run else Access.WRITE
    with session.progress() as progress:
        if progress is not None:
            progress.add_task("pruning", total=None)
        with open_database(session.settings.database_url, access) as engine:
            document = prune_runs(engine, before, datetime.now(UTC), dry_run=dry_run)
    told = "would be deleted" if dry_run else "deleted"
    what = ", ".join(_pruned(document))
    session.show(document, lambda: f"{what} from before {moment(document.before)} UTC {told}")


def _pruned(document: HistoryPruneDocument) -> Iterator[str]:
    yield counted(document.pruned, "run")
    if document.jobs:
        yield counted(document.jobs, "job")
    if document.deliveries:
        yield counted(document.deliveries, "webhook")
    if document.refusals:
        yield counted(document.refusals, "count") + " of refused webhooks"


def _require_known(engine: Engine, job: str) -> None:
    """Refuse a job that there is not: a typo would pass for a job that never ran."""
    from trcpoints.jobs.history.known import known_jobs
    from trcpoints.records import quoted

    known = known_jobs(engine)
    if job not in known:
        raise typer.BadParameter(f"there is no job {quoted(job)}; there are {', '.join(known)}.")


def _form(output: Path | None, *, as_json: bool) -> Literal["csv", "json"]:
    """What to write where nobody said: as the file's name ends, else as for `members export`."""
    suffix = output.suffix.lower() if output else ""
    if suffix == ".csv":
        return "csv"
    return "json" if as_json or suffix == ".json" else "csv"


def _write(
    file: TextIO,
    form: Literal["csv", "json"],
    document: HistoryExportDocument,
    runs: Iterable[HistoryRun],
) -> None:
    from trcpoints.cli.rows import write_csv, write_json_items

    if form == "json":
        write_json_items(file, document, runs)
        return
    write_csv(file, _CSV_COLUMNS, map(_cells, runs))


def _cells(run: HistoryRun) -> list[object]:
    """A run's CSV cells: times as in JSON, its stats as JSON."""
    import msgspec

    kept = msgspec.to_builtins(run)
    stats, error = kept.pop("stats"), kept.pop("error") or {}
    return [
        *kept.values(),
        None if stats is None else msgspec.json.encode(stats).decode(),
        *(error.get(key) for key in ("code", "message", "hint")),
    ]
