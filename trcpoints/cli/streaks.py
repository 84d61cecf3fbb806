"""`trcpoints streaks`: the daily job, the days that break no streak, and a fresh computation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import bare, command, group
from trcpoints.cli.session import Session, session_of
from trcpoints.cli.tables import grid, moment, table
from trcpoints.cli.text import counted, harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.streaks import (
        StreaksDocument,
        StreaksExcuseDocument,
        StreaksRebuildDocument,
    )

app = group("Judge the weekdays that are over; excuse days.", example="trcpoints streaks")


def iso_date(text: str) -> date:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as fault:
        raise typer.BadParameter("a date like 2026-12-25, please.") from fault


@bare(app, example="trcpoints streaks --json")
def streaks(context: typer.Context) -> None:
    """Judge every weekday that is over and not judged yet, as `streaks run` does.

    A streak is the number of weekdays in a row on which a member earned points.
    """
    if context.invoked_subcommand is None:
        _run(session_of(context))


@command(app, example="trcpoints streaks run")
def run(context: typer.Context) -> None:
    """Judge every weekday that is over and not judged yet, at any hour, as often as you like."""
    _run(session_of(context))


@command(app, example='trcpoints streaks excuse 2026-12-25 --reason "Christmas Day"')
def excuse(
    context: typer.Context,
    *,
    day: Annotated[
        date | None,
        typer.Argument(metavar="DATE", parser=iso_date, help="A weekday, past or future."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why nobody's streak breaks.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the excused days.")] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Make DATE a day like others again, for good.")
    ] = False,
) -> None:
    """Excuse a weekday: it breaks nobody's streak, and counts for those who are active.

    A day on which the sync was down in the evening is excused automatically when it is judged.
    Where the day is judged already, every streak is repaired.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.points.streaks import grace

    if (
        list_ == (day is not None)
        or (remove or list_) == (reason is not None)
        or (list_ and remove)
    ):
        raise typer.BadParameter("give DATE and --reason TEXT, or DATE and --remove, or --list")
    session = session_of(context)
    access = Access.READ if list_ else Access.WRITE
    with open_database(session.settings.database_url, access) as engine:
        if day is None:
            document = grace.list_excused()
        elif reason is None:
            document = grace.remove_excuse(engine, day, datetime.now(UTC))
        else:
            document = grace.excuse(engine, day, reason, datetime.now(UTC))
    session.show(document, lambda: _render_excuse(document))


@command(app, example="trcpoints streaks rebuild")
def rebuild(context: typer.Context) -> None:
    """Compute all streaks, and the points per day, anew from the ledger; on healthy books that
    changes nothing.
    """
    from trcpoints.db.database import Access, open_database
    from trcpoints.points.streaks.repair import rebuild as rebuild_streaks

    session = session_of(context)
    with open_database(session.settings.database_url, Access.WRITE) as engine:
        document = rebuild_streaks(engine)
    session.show(document, lambda: _render_rebuild(document))


def _run(session: Session) -> None:
    from trcpoints.jobs.streaks.job import run_streaks

    document = run_streaks(session.settings, lambda: datetime.now(UTC))
    session.show(document, lambda: _render_run(document))


def _render_run(document: StreaksDocument) -> RenderableType:
    from rich.console import Group

    members = document.members
    days = document.days_judged
    told = _span(days) if days else f"nothing: judged through {document.judged_through}"
    excused = [
        ("excused", f"{_span([one.day for one in those])}: {harmless(reason)}")
        for reason, those in groupby(document.days_excused, lambda one: one.reason)
    ]
    fates = [
        (members.incremented, "longer"),
        (members.reset, "broken"),
        (members.unchanged, "unchanged"),
        (members.not_judged, "paused"),
    ]
    shown = grid(
        [
            ("judged", told),
            *excused,
            ("streaks", ", ".join(f"{count:,} {fate}" for count, fate in fates if count) or "none"),
            ("run", document.run_id),
        ]
    )
    if not document.milestones:
        return shown
    reached = table("member!", "name", "weekdays in a row!")
    for milestone in document.milestones:
        reached.add_row(
            milestone.member_id, harmless(milestone.name or ""), f"{milestone.streak:,}"
        )
    return Group(shown, "", reached)


def _span(days: Sequence[str]) -> str:
    """Weekdays in order: the only one, or how many they are, the first and the last."""
    if len(days) == 1:
        return days[0]
    return f"{counted(len(days), 'weekday')}, {days[0]} to {days[-1]}"


def _render_excuse(document: StreaksExcuseDocument) -> RenderableType:
    from rich.console import Group

    if not document.days:
        days: RenderableType = "No weekday is excused."
    else:
        days = table("excused|", "since (UTC)|", "how|", "reason")
        for excused in document.days:
            how = "automatic" if excused.automatic else "by hand"
            days.add_row(excused.day, moment(excused.created_at), how, harmless(excused.reason))
    if document.status == "listed":
        return days
    repaired = counted(document.repaired, "streak")
    return Group(f"{document.day} {document.status}; {repaired} repaired.", "", days)


def _render_rebuild(document: StreaksRebuildDocument) -> RenderableType:
    days = f", and {counted(document.days_changed, 'day')}" if document.days_changed else ""
    return (
        f"{counted(document.members, 'streak')} computed from the ledger; "
        f"{document.changed:,} changed{days}."
    )
