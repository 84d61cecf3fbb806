"""The end of a try: done, failed, or put back."""

from __future__ import annotations

from datetime import datetime

from peewee import Expression

from trcpoints.db.models import FederationJob
from trcpoints.federation.queue.claiming import Claim, same_member
from trcpoints.federation.queue.rules import Verdict, after_failure
from trcpoints.jobs.record import error_info


def complete(claimed: Claim, now: datetime) -> None:
    """Mark a job as done, and those that are done with it, in the transaction that did it."""
    job = claimed.job
    done = {
        "status": "completed",
        "finished_at": now,
        "next_retry_at": None,
        "run_id": job.run_id,
        **dict.fromkeys(("error_code", "error_message", "error_hint")),
    }
    FederationJob.update(**done).where(_is_ours(job)).execute()
    waited = same_member(job) & (FederationJob.id <= claimed.covered)
    FederationJob.update(**done).where(waited).execute()


def fail(job: FederationJob, fault: BaseException, now: datetime) -> Verdict:
    """Record that a try has failed, and when the next one is due."""
    verdict = after_failure(job.retry_count, job.max_retries, fault, now)
    error = error_info(fault)
    is_final = verdict.next_retry_at is None
    FederationJob.update(
        status="failed" if is_final else "pending",
        finished_at=now if is_final else None,
        retry_count=verdict.retry_count,
        next_retry_at=verdict.next_retry_at,
        error_code=error.code,
        error_message=error.message,
        error_hint=error.hint,
    ).where(_is_ours(job)).execute()
    return verdict


def put_back(job: FederationJob) -> None:
    """Let a try that was interrupted not have been: the job waits again, and is due."""
    FederationJob.update(status="pending", started_at=None).where(_is_ours(job)).execute()


def _is_ours(job: FederationJob) -> Expression:
    """Another try may have begun since, if this one was given up for stuck."""
    return (FederationJob.id == job.id) & (FederationJob.run_id == job.run_id)
