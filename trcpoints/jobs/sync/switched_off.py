"""Record since when the sync is switched off: no day is excused for that (design, section A7)."""

from __future__ import annotations

import logging

from trcpoints.config import Settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import DISABLED, IS_SWITCHED_OFF, Run
from trcpoints.documents import ErrorInfo
from trcpoints.errors import TrcpointsError
from trcpoints.jobs.memory import SYNC_JOB
from trcpoints.jobs.record import RunIdentity, close_record, open_record
from trcpoints.jobs.under_way import RECORD_WAIT

_REASON = ErrorInfo(
    DISABLED,
    "MEE6_SYNC_ENABLED is false. The syncs after this one leave no record until it is true again.",
    "When the sync is to go on: MEE6_SYNC_ENABLED=true",
)

log = logging.getLogger("trcpoints.sync")


def record_switched_off(settings: Settings, run: RunIdentity) -> None:
    """Record the first sync that is skipped because the sync is switched off.

    Later ones only read. A sync that is switched off succeeds whatever is wrong: where there is
    no database with a current schema, or it cannot be written now, the next one tries again.
    """
    try:
        with open_database(settings.database_url, Access.READ):
            if _is_on_record(run):
                return
        with open_database(settings.database_url, Access.WRITE) as engine:
            engine.lock_wait = RECORD_WAIT
            with engine.books():
                if not _is_on_record(run):
                    open_record(run)
                    close_record(run.run_id, "skipped", run.started_at, error=_REASON)
    except TrcpointsError as fault:
        log.info("that the sync is switched off was not recorded: %s", fault.message)


def _is_on_record(run: RunIdentity) -> bool:
    """Return whether the newest sync says so already, or the id is that of another run."""
    # What a wrong clock dated ahead would pass for the newest for days.
    syncs = Run.select(Run.id).where((Run.job == SYNC_JOB) & (Run.started_at <= run.started_at))
    newest = syncs.order_by(Run.started_at.desc()).limit(1)
    is_switched_off = Run.select().where(Run.id.in_(newest), IS_SWITCHED_OFF)
    return is_switched_off.exists() or Run.select().where(Run.id == run.run_id).exists()
