"""Find outages of the sync, and say which days they excuse (design, section A7).

Pure: the runs of the sync and `now` are given. A run stands for the moment at which it started:
the XP that it saw is that of then, and the record of runs is kept in that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal

from msgspec import Struct

SHORTEST = timedelta(hours=6)
"""An outage is longer than this."""

TIMES_USUAL = 3
"""An outage is longer than so many usual gaps."""

GAPS = 50
"""The usual gap is the median of so many gaps before the outage."""

COVERED_FROM = time(18, tzinfo=UTC)
"""An outage that has begun by then, and lasts to the end of the day, excuses the day."""

RunKind = Literal["completed", "switched_off", "other"]


class SyncRun(Struct, frozen=True, gc=False):
    """One run of the sync on record.

    `switched_off` is the first of the runs that were skipped because the sync is switched off;
    `other` is one that failed, is under way, or came to nothing for another reason.
    """

    started_at: datetime
    kind: RunKind


class Period(Struct, frozen=True, gc=False):
    """A time from one moment to another."""

    start: datetime
    end: datetime


class Outage(Period, frozen=True, gc=False):
    """A long time without a completed sync, during which the sync was not switched off."""

    @property
    def reason(self) -> str:
        """The reason for which it excuses a day."""
        return f"no sync from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"

    def excuses(self, day: date) -> bool:
        """Return whether it covers the evening of a day, from 18:00 UTC to midnight."""
        midnight = datetime.combine(day + timedelta(days=1), time(tzinfo=UTC))
        return self.start <= datetime.combine(day, COVERED_FROM) and self.end >= midnight


def find_outages(runs: Sequence[SyncRun], now: datetime, *, enabled: bool) -> list[Outage]:
    """Find the outages between two completed syncs, and since the last of them up to `now`.

    `runs` are in order; `enabled` says whether the sync is switched on now. A gap is compared
    with at most the 50 gaps before it. The first gap of all is no outage: no gap is usual yet.
    """
    completed = [run.started_at for run in runs if run.kind == "completed"]
    switched_off = _switched_off(runs, now, enabled=enabled)
    found: list[Outage] = []
    for index, (start, end) in enumerate(pairwise([*completed, now])):
        if index == 0 or end - start <= SHORTEST:
            continue
        usual = _usual_gap(completed[max(0, index - GAPS) : index + 1])
        limit = max(SHORTEST, TIMES_USUAL * usual)
        pieces = _without(Period(start, end), switched_off)
        found += [Outage(one.start, one.end) for one in pieces if one.end - one.start > limit]
    return found


def _usual_gap(completed: Sequence[datetime]) -> timedelta:
    # Few runs find a gap that is worth it, and all would pay for the module.
    from statistics import median

    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(completed)]
    return timedelta(seconds=median(gaps))


def _switched_off(runs: Sequence[SyncRun], now: datetime, *, enabled: bool) -> list[Period]:
    """Return the times during which the sync was switched off, in order.

    One begins with the record that a skipped sync left, and ends with the next sync that was
    tried. A sync that is switched off now, and that left no record of it because no sync was
    started since, may have been switched off right after the last one that was tried.
    """
    periods: list[Period] = []
    since: datetime | None = None
    for run in runs:
        if run.kind == "switched_off":
            since = since or run.started_at
        elif since is not None:
            periods.append(Period(since, run.started_at))
            since = None
    if since is None and not enabled and runs:
        since = runs[-1].started_at
    if since is not None:
        periods.append(Period(since, now))
    return periods


def _without(gap: Period, cut: Sequence[Period]) -> Iterator[Period]:
    """Yield what is left of a gap without the periods to cut, which are in order."""
    start = gap.start
    for period in cut:
        if period.start >= gap.end:
            break
        if period.end > start:
            if period.start > start:
                yield Period(start, period.start)
            start = period.end
    if start < gap.end:
        yield Period(start, gap.end)
