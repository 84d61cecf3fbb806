"""Does a job hang?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from trcpoints.documents.db import LeaseRow
from trcpoints.errors import LeaseHeld
from trcpoints.jobs.doctor.check import Case, Check, unread
from trcpoints.jobs.lease import SILENCE
from trcpoints.jobs.memory import FEDERATION_JOB

NAME = "leases"


def look(case: Case) -> Iterator[Check]:
    """See which jobs are at work, and for how long."""
    books = case.books
    if books is None:
        yield unread(NAME)
        return
    old = [row for row in books.leases if books.now - row.acquired_at > SILENCE]
    yield from (_judged(row, books.now) for row in old)
    if not old:
        jobs = ", ".join(row.lease for row in books.leases)
        yield Check(NAME, "ok", f"At work: {jobs}." if jobs else "No job is at work.")


def _judged(row: LeaseRow, now: datetime) -> Check:
    minutes = int((now - row.acquired_at).total_seconds()) // 60
    held = (
        f"The job {row.lease} has been at work for {minutes:,} minutes: process {row.pid} on "
        f"{row.machine} (run {row.run_id})"
    )
    if not row.live:
        job = row.lease.partition(":")[0]
        command = "federation retry" if job == FEDERATION_JOB else job
        hint = f"The next run takes it over: trcpoints {command}"
        return Check(NAME, "warning", f"{held}, which is gone or silent.", hint)
    return Check(
        NAME,
        "fault",
        f"{held}, which is alive: it may hang.",
        f"See what it does; then take the lease from it: trcpoints db leases --release {row.lease}",
        LeaseHeld.code,
        LeaseHeld.exit_code,
    )
