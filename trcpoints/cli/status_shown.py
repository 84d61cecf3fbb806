"""The screen of `trcpoints status`: what is wrong first, then how things stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trcpoints.cli.tables import grid, moment
from trcpoints.cli.text import counted, harmless
from trcpoints.documents.status import StatusDocument, StatusFederation, StatusStreaks, StatusSync
from trcpoints.jobs.status import Charts
from trcpoints.points.streaks.ranges import streak_ranges

_BLOCKS = "▁▂▃▄▅▆▇█"
_BAR_WIDTH = 30


def render(document: StatusDocument, charts: Charts, now: datetime) -> RenderableType:
    """Everything on one screen."""
    return Group(
        _verdict(document),
        "",
        grid(list(_figures(document, charts, now))),
        "",
        _distribution(charts.streaks),
    )


def _verdict(document: StatusDocument) -> RenderableType:
    if document.healthy:
        return Text("All is well.", style="bold green")
    lines: list[RenderableType] = [
        Text(counted(len(document.problems), "problem"), style="bold red")
    ]
    for problem in document.problems:
        lines.append(Padding.indent(Text(harmless(problem.message)), 2))
        lines.append(Padding.indent(Text(f"-> {harmless(problem.hint)}", style="bold"), 2))
    return Group(*lines)


def _figures(document: StatusDocument, charts: Charts, now: datetime) -> Iterator[tuple[str, str]]:
    members, points, database = document.members, document.points, document.database
    yield "sync", _sync(document.sync, now)
    yield "streaks", _streaks(document.streaks, now)
    if document.federation.connectors or document.federation.removed:
        yield "federations", _federation(document.federation, now)
    if members.total:
        parts = [
            f"{members.total:,}: {members.linked:,} linked, {members.tracked:,} tracked",
            f"{members.left:,} left" if members.left else "",
            f"{members.inactive:,} inactive" if members.inactive else "",
            f"{members.awaiting_baseline:,} awaiting a baseline"
            if members.awaiting_baseline
            else "",
            f"{members.held:,} held" if members.held else "",
        ]
        yield "members", ", ".join(part for part in parts if part)
    else:
        yield "members", "none yet: trcpoints members import FILE"
    yield (
        "points",
        f"{points.balance:,}: {points.awarded:,} awarded, {points.deducted:,} deducted",
    )
    yield f"last {len(charts.awarded)} days", _days(charts.awarded)
    yield "database", f"{harmless(database.url)}, {database.size_bytes / 1e6:,.1f} MB"


def _sync(sync: StatusSync, now: datetime) -> str:
    if not sync.enabled:
        return "switched off by MEE6_SYNC_ENABLED"
    if sync.last_success_at is None:
        return "no success yet"
    return f"last success {_ago(now - sync.last_success_at)}, {moment(sync.last_success_at)} UTC"


def _streaks(streaks: StatusStreaks, now: datetime) -> str:
    if streaks.last_success_at is None:
        return "no success yet"
    last = f"last success {_ago(now - streaks.last_success_at)}"
    through = streaks.judged_through
    if not through:
        return f"{last}, no day to judge yet"
    excused = ", ".join(streaks.days_excused)
    return f"{last}, judged through {through}" + (f", excused: {excused}" if excused else "")


def _federation(federation: StatusFederation, now: datetime) -> str:
    last = [one.last_synced_at for one in federation.connectors if one.last_synced_at is not None]
    connectors = len(federation.connectors)
    pending = f"{federation.pending:,} pending" if federation.pending else ""
    if federation.removed:
        pending += f" ({federation.removed:,} of them for organizations that are not in the file)"
    parts = [
        counted(connectors, "connector") if connectors else "none set up",
        f"last synced {_ago(now - min(last))}" if last else "",
        pending,
        f"{federation.running:,} running" if federation.running else "",
        f"{federation.failed:,} failed" if federation.failed else "",
        f"{counted(federation.conflicts, 'conflict')} to decide" if federation.conflicts else "",
    ]
    return ", ".join(part for part in parts if part)


def _ago(age: timedelta) -> str:
    minutes = max(int(age.total_seconds()) // 60, 0)
    if minutes < 120:
        return f"{counted(minutes, 'minute')} ago"
    hours = minutes // 60
    return f"{counted(hours, 'hour')} ago" if hours < 48 else f"{counted(hours // 24, 'day')} ago"


def _days(awarded: Sequence[int]) -> str:
    if not any(awarded):
        return "no points awarded"
    return f"{_sparkline(awarded)} {sum(awarded):,} awarded, at most {max(awarded):,} a day"


def _sparkline(values: Sequence[int]) -> str:
    """One block for each value, from nothing to the greatest; what is not nothing shows."""
    top = len(_BLOCKS) - 1
    most = max(*values, 1)
    return "".join(_BLOCKS[-(-value * top // most)] for value in values)


def _distribution(streaks: Mapping[int, int]) -> RenderableType:
    """A bar for each range of lengths; ranges that nobody is in are left out."""
    bars = streak_ranges(streaks)
    if not bars:
        return ""
    most = max(bars.values())
    rows = Table.grid(padding=(0, 2))
    rows.add_column(justify="right")
    rows.add_column()
    rows.add_column(justify="right")
    for label, members in bars.items():
        rows.add_row(label, Bar(most, 0, members, width=_BAR_WIDTH), f"{members:,}")
    return Group("streaks in weekdays, and how many members have them", rows)
