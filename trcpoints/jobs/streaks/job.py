"""A run of the streaks job, from beginning to end."""

from __future__ import annotations

from datetime import datetime

from trcpoints.config import Settings
from trcpoints.documents.streaks import StreaksDocument
from trcpoints.jobs.record import RunIdentity, error_info, new_run_id
from trcpoints.jobs.run import Clock, JobRun, Outcome, Run, run_job
from trcpoints.jobs.streaks.judging import judge
from trcpoints.members.judged import STREAKS_JOB
from trcpoints.points.streaks.milestones import report_milestones


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
        self.document = StreaksDocument(run_id=self.identity.run_id, status="completed")

    def work(self, run: Run) -> None:
        """Judge, in one transaction."""
        document = self.document
        with run.books():
            judged = judge(run.engine, self.identity.started_at)
            document.days_judged = [day.isoformat() for day in judged.days]
            document.judged_through = judged.through.isoformat()
            document.members = judged.members
            document.milestones = report_milestones(self.identity.run_id)
            run.complete(run.clock(), _stats(document))

    def close(self, outcome: Outcome) -> StreaksDocument:
        """What was judged, or that nothing was."""
        if outcome.status != "completed":
            self.document = StreaksDocument(
                run_id=self.identity.run_id, status=outcome.status, reason=outcome.reason
            )
        if outcome.fault is not None:
            self.document.error = error_info(outcome.fault)
        return self.document


def _stats(document: StreaksDocument) -> dict[str, object]:
    return {
        "days_judged": document.days_judged,
        "judged_through": document.judged_through,
        "members": document.members,
        "milestones": len(document.milestones),
    }
