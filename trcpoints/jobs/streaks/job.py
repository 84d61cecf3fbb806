"""A run of the streaks job, from beginning to end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.documents import RunStatus, StreaksDocument
from trcpoints.errors import InternalError, Interrupted, TrcpointsError, TryLater
from trcpoints.jobs.run import (
    RunIdentity,
    error_info,
    new_run_id,
    record_completed,
    record_failure,
)
from trcpoints.jobs.streaks.judging import judge
from trcpoints.members.judged import STREAKS_JOB
from trcpoints.points.streaks.milestones import report_milestones

Clock = Callable[[], datetime]


def run_streaks(settings: Settings, clock: Clock) -> StreaksDocument:
    """Judge every weekday that is over and not judged yet, and record the run.

    Raises every failure with the document of the run as its `document`; the streaks are then as
    before.
    """
    now = clock()
    run = RunIdentity(new_run_id(now), STREAKS_JOB, settings.trigger, now, counted=True)
    document = StreaksDocument(run_id=run.run_id, status="completed")
    committed = threading.Event()
    try:
        with open_database(settings.database_url, Access.WRITE) as engine:
            work(engine, run, document, clock, committed)
    except TrcpointsError as fault:
        skipped = isinstance(fault, TryLater)
        fault.document = _ended(document, "skipped" if skipped else "failed", fault)
        raise
    except Exception as fault:
        bug = InternalError.of(fault)
        bug.document = _ended(document, "failed", bug)
        raise bug from fault
    except Interrupted as stop:
        stop.document = document if committed.is_set() else _ended(document, "interrupted", stop)
        raise
    return document


def work(
    engine: Engine,
    run: RunIdentity,
    document: StreaksDocument,
    clock: Clock,
    committed: threading.Event,
) -> None:
    """Do the work, and say when it is committed; record a failure where that can be."""
    try:
        with engine.books():
            judged = judge(engine, run.started_at)
            document.days_judged = [day.isoformat() for day in judged.days]
            document.judged_through = judged.through.isoformat()
            document.members = judged.members
            document.milestones = report_milestones(run.run_id)
            engine.after_commit(committed.set)
            record_completed(run, clock(), _stats(document))
    except TryLater:
        raise
    except (Exception, Interrupted) as fault:
        if not committed.is_set():
            record_failure(engine, run, fault, clock())
        raise


def _ended(document: StreaksDocument, status: RunStatus, fault: BaseException) -> StreaksDocument:
    """The document of a run that changed nothing."""
    return StreaksDocument(run_id=document.run_id, status=status, error=error_info(fault))


def _stats(document: StreaksDocument) -> dict[str, object]:
    return {
        "days_judged": document.days_judged,
        "judged_through": document.judged_through,
        "members": document.members,
        "milestones": len(document.milestones),
    }
