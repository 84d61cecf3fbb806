"""Grace days: weekdays that break nobody's streak (design, section 2.6)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from trcpoints.db.engine import Engine
from trcpoints.db.models import GraceDay
from trcpoints.documents.streaks import ExcusedDay, StreaksExcuseDocument
from trcpoints.errors import DataRefused, NotFound
from trcpoints.points.streaks.repair import repair_all
from trcpoints.points.streaks.rows import read_job_judged
from trcpoints.points.streaks.rules import is_weekday
from trcpoints.records import why_unstorable


def list_excused() -> StreaksExcuseDocument:
    """The grace days there are."""
    return StreaksExcuseDocument(status="listed", days=_days())


def excuse(engine: Engine, day: date, reason: str, now: datetime) -> StreaksExcuseDocument:
    """Make a weekday a grace day, past or future, and repair all streaks where it is judged.

    A day that is one already gets the new reason. Raises DataRefused for a weekend, where
    nothing breaks a streak anyway, and for a reason that is empty or cannot be stored.
    """
    reason = reason.strip()
    if not is_weekday(day):
        raise DataRefused(
            f"{day:%Y-%m-%d} is a {day:%A}: weekends break nobody's streak anyway.",
            hint="Name a day from Monday to Friday.",
        )
    if fault := why_unstorable(reason) or (None if reason else "is empty"):
        raise DataRefused(
            f"The reason {fault}; nothing was changed.",
            hint=f'trcpoints streaks excuse {day} --reason "public holiday"',
        )
    with engine.books():
        GraceDay.insert(day=day.isoformat(), reason=reason, created_at=now).on_conflict(
            conflict_target=[GraceDay.day], preserve=[GraceDay.reason]
        ).execute()
        return _changed(engine, "excused", day)


def remove_excuse(engine: Engine, day: date) -> StreaksExcuseDocument:
    """Make a grace day a day like others again, and repair all streaks where it is judged.

    Raises NotFound.
    """
    with engine.books():
        if not GraceDay.delete().where(GraceDay.day == day.isoformat()).execute():
            raise NotFound(
                f"{day} is not an excused day.",
                hint="See which days are: trcpoints streaks excuse --list",
            )
        return _changed(engine, "removed", day)


def _changed(
    engine: Engine, status: Literal["excused", "removed"], day: date
) -> StreaksExcuseDocument:
    judged = read_job_judged()
    is_judged = judged is not None and day <= judged
    return StreaksExcuseDocument(
        status=status,
        day=day.isoformat(),
        repaired=repair_all(engine) if is_judged else 0,
        days=_days(),
    )


def _days() -> list[ExcusedDay]:
    return [
        ExcusedDay(day=row.day, reason=row.reason, created_at=row.created_at)
        for row in GraceDay.select().order_by(GraceDay.day)
    ]
