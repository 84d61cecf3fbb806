"""Grace days: weekdays that break nobody's streak (design, section 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from trcpoints.db.engine import Engine
from trcpoints.db.models import IS_EXCUSED, GraceDay
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
        known = _find(day)
        GraceDay.insert(
            day=day.isoformat(),
            reason=reason,
            created_at=known.created_at if known else now,
            automatic=False,
            removed_at=None,
        ).on_conflict(
            conflict_target=[GraceDay.day],
            preserve=[
                GraceDay.reason,
                GraceDay.created_at,
                GraceDay.automatic,
                GraceDay.removed_at,
            ],
        ).execute()
        return _changed(engine, "excused", day)


def excuse_automatically(reasons: Mapping[date, str], now: datetime) -> list[ExcusedDay]:
    """Make weekdays grace days, inside `engine.books()`, before they are judged.

    Return those that are new: a day that is excused already keeps its reason, and one whose excuse
    was taken back stays a day like others.
    """
    known = {row.day for row in GraceDay.select(GraceDay.day)} if reasons else set()
    new = [
        ExcusedDay(day=day.isoformat(), reason=reason, created_at=now, automatic=True)
        for day, reason in reasons.items()
        if day.isoformat() not in known
    ]
    for day in new:
        GraceDay.insert(msgspec.structs.asdict(day)).execute()
    return new


def withdraw_automatic(after: date) -> None:
    """Delete the grace days after a day that outages made, inside `engine.books()`."""
    GraceDay.delete().where(
        (GraceDay.day > after.isoformat()) & GraceDay.automatic & IS_EXCUSED
    ).execute()


def remove_excuse(engine: Engine, day: date, now: datetime) -> StreaksExcuseDocument:
    """Make a grace day a day like others again, and repair all streaks where it is judged.

    No outage excuses it then, should it be judged once more. Raises NotFound.
    """
    with engine.books():
        known = _find(day)
        if known is None:
            raise NotFound(
                f"{day} is not an excused day.",
                hint="See which days are: trcpoints streaks excuse --list",
            )
        if known.automatic or _is_judged(day):
            GraceDay.update(removed_at=now).where(GraceDay.day == known.day).execute()
        else:
            # It may have been a slip, and an outage on that day is still to come.
            GraceDay.delete().where(GraceDay.day == known.day).execute()
        return _changed(engine, "removed", day)


def _find(day: date) -> GraceDay | None:
    return GraceDay.get_or_none((GraceDay.day == day.isoformat()) & IS_EXCUSED)


def _is_judged(day: date) -> bool:
    judged = read_job_judged()
    return judged is not None and day <= judged


def _changed(
    engine: Engine, status: Literal["excused", "removed"], day: date
) -> StreaksExcuseDocument:
    return StreaksExcuseDocument(
        status=status,
        day=day.isoformat(),
        repaired=repair_all(engine) if _is_judged(day) else 0,
        days=_days(),
    )


def _days() -> list[ExcusedDay]:
    return [
        ExcusedDay(
            day=row.day, reason=row.reason, created_at=row.created_at, automatic=row.automatic
        )
        for row in GraceDay.select().where(IS_EXCUSED).order_by(GraceDay.day)
    ]
