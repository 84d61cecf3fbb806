"""All checks, in the order in which their faults are to be mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from trcpoints.documents import ErrorInfo
from trcpoints.documents.doctor import DoctorCheck, DoctorDocument
from trcpoints.jobs.doctor import (
    alerts,
    clock,
    configuration,
    cron,
    database,
    leaderboard,
    leases,
)
from trcpoints.jobs.doctor.check import Case, Check, Look

GROUPS: Sequence[Look] = (
    configuration.look,
    database.look,
    leaderboard.look,
    clock.look,
    cron.look,
    leases.look,
    alerts.look,
)


def examine(
    environ: Mapping[str, str],
    env_file: Path | None,
    *,
    send_test: bool,
    wall_clock: Callable[[], datetime],
    others: Sequence[Look],
) -> Iterator[Check]:
    """Look at everything, at what `others` look at last; nothing that it writes remains.

    `send_test` sends a test to everybody who would be alerted; `wall_clock` gives aware times.
    """
    case = Case(environ, env_file, send_test, wall_clock)
    for look in (*GROUPS, *others):
        yield from look(case)


def first_fault(checks: Sequence[Check]) -> Check | None:
    """What is to be mended first."""
    return next((check for check in checks if check.status == "fault"), None)


def document_of(checks: Sequence[Check]) -> DoctorDocument:
    """The document of `trcpoints doctor`."""
    first = first_fault(checks)
    return DoctorDocument(
        status="failed" if first else "completed",
        healthy=first is None,
        checks=[
            DoctorCheck(name=x.name, status=x.status, message=x.message, hint=x.hint)
            for x in checks
        ],
        error=ErrorInfo(first.code, first.message, first.hint) if first else None,
    )
