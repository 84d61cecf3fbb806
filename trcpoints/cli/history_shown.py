"""What `trcpoints history` shows a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from trcpoints.cli import history_federation_shown as federation
from trcpoints.cli.tables import grid, moment, number, table
from trcpoints.cli.text import counted, harmless
from trcpoints.documents.history import (
    HistoryAward,
    HistoryHold,
    HistoryListDocument,
    HistoryMember,
    HistoryRecord,
    HistoryRun,
    HistoryShowDocument,
)
from trcpoints.documents.streaks import StreakMilestone

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

T = TypeVar("T")

Stats = dict[str, Any]
"""The counts that a job kept of its run. Any: each job has its own."""

_WIDE = 120
"""Columns that a screen has when each thing of a run has its own."""

_SHOWN = 50
"""Members in one table of a run; all of them are in its JSON."""

_FEW_WORDS = 5
_FATES = ("gained", "lost", "baselined", "left", "returned", "held")

_MEMBER = ("member!", "name", "Discord id|")
_AWARD = (*_MEMBER, "points!", "source", "XP!")
_RECORD = (*_MEMBER, "XP!", "change!")
_HOLD = (*_MEMBER, "XP!", "XP seen!", "points!", "now")
_MILESTONE = ("member!", "name", "weekdays in a row!")


def render_list(document: HistoryListDocument, width: int) -> RenderableType:
    """A table for a screen of so many columns, and where in all of them its runs are."""
    from rich.console import Group

    if not document.total:
        return "No runs."
    pages = -(-document.total // document.limit)
    place = f"page {document.page:,} of {pages:,}, {counted(document.total, 'run')}"
    if not document.runs:
        return f"There is no {place}."
    shown = _wide_list(document.runs) if width >= _WIDE else _narrow_list(document.runs)
    return Group(shown, place) if pages > 1 else shown


def _wide_list(runs: Sequence[HistoryRun]) -> Table:
    with_errors = any(run.error for run in runs)
    headings = ("started (UTC)|", "job|", "run|", "took!", "status|", "what it did")
    shown = table(*headings, *(["error|"] if with_errors else []))
    for run in runs:
        cells = [*_which(run), _took(run.duration_seconds), harmless(run.status), _did(run)]
        shown.add_row(*cells, *([_error(run)] if with_errors else []))
    return shown


def _narrow_list(runs: Sequence[HistoryRun]) -> Table:
    shown = table("started (UTC)|", "job|", "run|", "what came of it")
    for run in runs:
        more = _error(run) or _did(run)
        status = harmless(run.status)
        shown.add_row(*_which(run), f"{status}: {more}" if more else status)
    return shown


def _which(run: HistoryRun) -> Sequence[str]:
    return moment(run.started_at), _job(run), harmless(run.run_id)


def _did(run: HistoryRun) -> str:
    return harmless(in_a_few_words(run.job, run.stats or {}))


def _error(run: HistoryRun) -> str:
    return harmless(run.error.code) if run.error else ""


def render_show(document: HistoryShowDocument) -> RenderableType:
    """A run, and what it did to whom; what there is nothing of is left out."""
    from rich.console import Group

    def those(outcome: str) -> list[HistoryRecord]:
        return [record for record in document.records if record.outcome == outcome]

    if document.run.job == "federation":
        return Group(grid(list(_facts(document.run))), *federation.details(document))
    return Group(
        grid(list(_facts(document.run))),
        *_members("awarded or deducted", document.awards, _AWARD, _award_cells),
        *_members("baselined", those("baselined"), _RECORD, _record_cells),
        *_members("lost XP", those("lost"), _RECORD, _record_cells),
        *_members("left the server", document.left, _MEMBER, _named),
        *_members("held", document.held, _HOLD, _hold_cells),
        *_members("no longer held", document.released, _HOLD, _hold_cells),
        *_members("milestones", document.milestones, _MILESTONE, _milestone_cells),
    )


def in_a_few_words(job: str, stats: Stats) -> str:
    """What a run did, for one cell of a table."""
    if not stats:
        return ""
    if job == "sync":
        told = _of_sync(stats)
    elif job == "streaks":
        told = _of_streaks(stats)
    elif job == "federation":
        told = federation.in_a_few_words(stats)
    else:
        told = [f"{count:,} {label}" for label, count in _counts(stats) if count]
        told = told[:_FEW_WORDS]
    return ", ".join(told) or "nothing to do"


def _of_sync(stats: Stats) -> list[str]:
    members, points = stats.get("members", {}), stats.get("points", {})
    awarded, deducted = points.get("awarded", 0), points.get("deducted", 0)
    fates = [f"{members[fate]:,} {fate}" for fate in _FATES if members.get(fate)]
    moved = " ".join([f"+{awarded:,}"] * bool(awarded) + [f"-{deducted:,}"] * bool(deducted))
    return [*fates, f"{moved} points"] if moved else fates


def _of_streaks(stats: Stats) -> list[str]:
    days, members = stats.get("days_judged", []), stats.get("members", {})
    excused = len(stats.get("days_excused", []))
    told = [
        (len(days), counted(len(days), "weekday") + " judged"),
        (excused, f"{excused} of them excused"),
        (members.get("incremented"), f"{members.get('incremented', 0):,} longer"),
        (members.get("reset"), f"{members.get('reset', 0):,} broken"),
        (stats.get("milestones"), counted(stats.get("milestones", 0), "milestone")),
    ]
    return [words for count, words in told if count]


def _counts(value: object, *path: str) -> Iterator[tuple[str, int]]:
    """Every count in what a job kept, with the way there in words."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _counts(inner, *path, str(key).replace("_", " "))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield " ".join(path), value


def _facts(run: HistoryRun) -> Iterator[tuple[str, str]]:
    yield "run", harmless(run.run_id)
    yield "job", _job(run)
    yield "status", harmless(run.status)
    yield "started", f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if run.finished_at is not None:
        yield "took", _took(run.duration_seconds)
    machine = f" on {harmless(run.machine)}" if run.machine else ""
    yield "by", f"{harmless(run.trigger)}{machine}"
    if run.error is not None:
        yield "error", f"{_error(run)}: {harmless(run.error.message)}"
        if run.error.hint:
            yield "", f"-> {harmless(run.error.hint)}"
    stats = run.stats or {}
    if run.job == "federation":
        yield from federation.facts(stats)
        return
    for key, value in stats.items():
        if told := _told(value):
            label = "XP" if key == "xp" else key.replace("_", " ")
            yield harmless(label), harmless(told)


def _told(value: object) -> str:
    """A part of what a job kept, on a line: its counts that are not 0, or what else it is."""
    if isinstance(value, dict):
        if value.keys() >= {"day", "reason"}:
            return f"{value['day']} ({value['reason']})"
        return ", ".join(f"{label} {count:,}" for label, count in _counts(value) if count)
    if isinstance(value, list):
        return ", ".join(_told(item) for item in value)
    return number(value) if isinstance(value, int) else str(value or "")


def _members(
    title: str, rows: Sequence[T], headings: Sequence[str], cells: Callable[[T], Sequence[str]]
) -> Iterator[RenderableType]:
    if not rows:
        return
    shown = table(*headings)
    for row in rows[:_SHOWN]:
        shown.add_row(*cells(row))
    yield ""
    yield f"{title}: {len(rows):,}"
    yield shown
    if len(rows) > _SHOWN:
        yield f"and {len(rows) - _SHOWN:,} more; all of them with --json"


def _named(member: HistoryMember) -> Sequence[str]:
    return (member.member_id, harmless(member.name or ""), harmless(member.discord_id or ""))


def _award_cells(award: HistoryAward) -> Sequence[str]:
    change = "" if award.xp_delta is None else f"{award.xp_delta:+,}"
    return (*_named(award), f"{award.points:+,}", harmless(award.source), change)


def _record_cells(record: HistoryRecord) -> Sequence[str]:
    change = "baseline" if record.xp_delta is None else f"{record.xp_delta:+,}"
    return (*_named(record), number(record.xp_total), change)


def _hold_cells(hold: HistoryHold) -> Sequence[str]:
    state = f"{hold.ending} by {hold.made_by}" if hold.ending else "held"
    if not hold.ending and hold.accepted_by:
        state = f"accepted by {hold.accepted_by}"
    figures = (number(hold.xp_tracked), number(hold.xp_seen), f"{hold.points:+,}")
    return (*_named(hold), *figures, harmless(state))


def _milestone_cells(milestone: StreakMilestone) -> Sequence[str]:
    return (milestone.member_id, harmless(milestone.name or ""), f"{milestone.streak:,}")


def _job(run: HistoryRun) -> str:
    return harmless(f"{run.job} {run.scope}" if run.scope else run.job)


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:,.1f} s" if seconds < 100 else f"{seconds / 60:,.1f} min"
