"""A run of the streaks job, from beginning to end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from trcpoints import logs
from trcpoints.config import Settings
from trcpoints.documents.streaks import ExcusedDay, StreaksDocument
from trcpoints.jobs.record import RunIdentity, error_info, new_run_id
from trcpoints.jobs.run import Clock, JobRun, Outcome, Run, run_job
from trcpoints.jobs.streaks.judging import judge
from trcpoints.members.judged import STREAKS_JOB
from trcpoints.points.streaks.milestones import report_milestones

log = logging.getLogger("trcpoints.streaks")


def run_streaks(settings: Settings, clock: Clock) -> StreaksDocument:
    """Judge every weekday that is over and not judged yet, and record the run.

    Raises every failure with the document of the run as its `document`; the streaks are then as
    before.
    """
    job = _Streaks(settings, clock())
    run_job(settings, job, clock)
    return job.document


class _Streaks(JobRun):
    def __init__(self, settings: Settings, now: datetime) -> None:
        self.identity = RunIdentity(
            new_run_id(now), STREAKS_JOB, settings.trigger, now, counted=True
        )
        self.sync_enabled = settings.mee6.enabled
        self.document = StreaksDocument(run_id=self.identity.run_id, status="completed")

    def work(self, run: Run) -> None:
        """Judge, in one transaction."""
        document = self.document
        with run.books():
            judged = judge(run.engine, self.identity.started_at, sync_enabled=self.sync_enabled)
            document.days_judged = [day.isoformat() for day in judged.days]
            document.days_excused = judged.excused
            document.judged_through = judged.through.isoformat()
            document.members = judged.members
            document.milestones = report_milestones(self.identity.run_id)
            run.complete(run.clock(), _stats(document))
        _report_excused(document.days_excused)

    def close(self, outcome: Outcome) -> StreaksDocument:
        """What was judged, or that nothing was."""
        if outcome.status != "completed":
            self.document = StreaksDocument(
                run_id=self.identity.run_id, status=outcome.status, reason=outcome.reason
            )
        if outcome.fault is not None:
            self.document.error = error_info(outcome.fault)
        return self.document


def _report_excused(days: Sequence[ExcusedDay]) -> None:
    """Log the days that were excused, a line for each outage."""
    for reason, excused in groupby(days, lambda one: one.reason):
        first, *others = [one.day for one in excused]
        which = (
            f"{len(others) + 1} weekdays, {first} to {others[-1]}, are" if others else f"{first} is"
        )
        log.log(
            logs.NOTICE,
            "%s excused: %s; to take a day back: trcpoints streaks excuse --remove %s",
            which,
            reason,
            first,
        )


def _stats(document: StreaksDocument) -> dict[str, object]:
    return {
        "days_judged": document.days_judged,
        "days_excused": document.days_excused,
        "judged_through": document.judged_through,
        "members": document.members,
        "milestones": len(document.milestones),
    }
