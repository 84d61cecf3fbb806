"""What cron's jobs say where no federation is set up: most do without, and pay for nothing."""

from __future__ import annotations

from datetime import datetime

from trcpoints.documents import Trigger
from trcpoints.documents.federation import FederationRetryDocument, FederationSyncDocument
from trcpoints.errors import ConfigurationInvalid

NOT_SET_UP = "not_configured"


def refuse_job(job_id: int) -> ConfigurationInvalid:
    """The fault of whoever names a job that no federation is set up for."""
    return ConfigurationInvalid(
        [f"FEDERATION_CONFIG: is not set, so job {job_id} cannot be done"],
        hint="Put FEDERATION_CONFIG=federations.toml, or what your file is called, into .env",
    )


def nothing_to_sync(trigger: Trigger, now: datetime, *, dry_run: bool) -> FederationSyncDocument:
    """The document of a sync without federations."""
    return FederationSyncDocument(
        status="skipped",
        reason=NOT_SET_UP,
        dry_run=dry_run,
        trigger=trigger,
        started_at=now,
        finished_at=now,
        duration_seconds=0.0,
        enqueued=0,
        runs=[],
        stuck=[],
        waiting=[],
    )


def nothing_to_retry(now: datetime) -> FederationRetryDocument:
    """The document of a retry without federations."""
    return FederationRetryDocument(
        status="skipped",
        reason=NOT_SET_UP,
        started_at=now,
        finished_at=now,
        duration_seconds=0.0,
        runs=[],
        stuck=[],
    )
