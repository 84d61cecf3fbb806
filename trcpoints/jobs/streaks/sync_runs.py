"""Read the runs of the sync from which outages are found, and say which of them must be kept."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast

from peewee import Case, Expression

from trcpoints.db.engine import Engine
from trcpoints.db.fields import from_driver
from trcpoints.db.models import IS_SWITCHED_OFF, Run
from trcpoints.jobs.memory import SYNC_JOB
from trcpoints.jobs.streaks.outages import COVERED_FROM, GAPS, SyncRun

_KIND = Case(
    None, [(Run.status == "completed", "completed"), (IS_SWITCHED_OFF, "switched_off")], "other"
)
_IS_COMPLETED_SYNC = (Run.job == SYNC_JOB) & (Run.status == "completed")


def read_sync_runs(engine: Engine, first_day: date, now: datetime) -> list[SyncRun]:
    """Read the runs that outages of `first_day` and later days are found from, in order.

    Before that day's evening, only the completed runs matter that say what gap is usual. Runs
    that a wrong clock dated ahead of `now` are left out.
    """
    evening = datetime.combine(first_day, COVERED_FROM)
    before = (
        Run.select(Run.started_at)
        .where(_IS_COMPLETED_SYNC, Run.started_at <= min(evening, now))
        .order_by(Run.started_at.desc())
        .limit(GAPS + 1)
    )
    runs = [SyncRun(_moment(at), "completed") for (at,) in engine.raw_rows(before)][::-1]
    later = (
        Run.select(Run.started_at, _KIND)
        .where(Run.job == SYNC_JOB, Run.started_at <= now)
        .order_by(Run.started_at, Run.id)
    )
    if runs:
        later = later.where(Run.started_at > runs[-1].started_at)
    return [*runs, *(SyncRun(_moment(at), kind) for at, kind in engine.raw_rows(later))]


def is_needed() -> Expression:
    """Return the condition of the runs that later outages are found from.

    They are the newest completed syncs, whose gaps say what is usual however long an outage
    lasts, and what says since when the sync is switched off.
    """
    newest = Run.select(Run.started_at).where(_IS_COMPLETED_SYNC).order_by(Run.started_at.desc())
    oldest = newest.limit(1).offset(GAPS).scalar()
    condition: Expression = _IS_COMPLETED_SYNC | ((Run.job == SYNC_JOB) & IS_SWITCHED_OFF)
    return condition if oldest is None else condition & (Run.started_at >= oldest)


def _moment(value: object) -> datetime:
    return cast("datetime", from_driver(value))  # the column is never empty
