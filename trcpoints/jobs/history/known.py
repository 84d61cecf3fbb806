"""Which jobs there are, for who named one that has no runs. Reads only."""

from __future__ import annotations

from trcpoints.db.engine import Engine
from trcpoints.db.models import Run
from trcpoints.jobs.memory import FEDERATION_JOB, SYNC_JOB
from trcpoints.members.judged import STREAKS_JOB


def known_jobs(engine: Engine) -> list[str]:
    """The jobs that have a run on record, and those that cron starts; by name."""
    on_record = {job for (job,) in engine.raw_rows(Run.select(Run.job).distinct())}
    return sorted(on_record | {SYNC_JOB, STREAKS_JOB, FEDERATION_JOB})
