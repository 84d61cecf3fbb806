"""The leases that are held, for those who look after them (design, section 9)."""

from __future__ import annotations

from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.db.models import Lease
from trcpoints.documents.db import DbLeasesDocument, LeaseRow
from trcpoints.errors import NotFound
from trcpoints.jobs.lease import is_live
from trcpoints.jobs.owner import Owner
from trcpoints.jobs.record import abandon_record


def list_leases(engine: Engine, us: Owner, now: datetime) -> DbLeasesDocument:
    """Every lease, the longest held first."""
    return DbLeasesDocument(status="listed", leases=_rows(engine, us, now))


def release(engine: Engine, name: str, us: Owner, now: datetime) -> DbLeasesDocument:
    """Take a lease from its holder, who can then write nothing more; its run is abandoned.

    Raises NotFound where nobody holds it.
    """
    with engine.books():
        held = engine.locking(Lease.select().where(Lease.name == name)).first()
        if held is None:
            raise NotFound(
                f"The job {name} is not at work: nobody holds its lease.",
                hint="See which jobs are: trcpoints db leases",
            )
        released = _row(engine, held, us, now)
        held.delete_instance()
        abandon_record(held.run_id, now)
        return DbLeasesDocument(status="released", released=released, leases=_rows(engine, us, now))


def _rows(engine: Engine, us: Owner, now: datetime) -> list[LeaseRow]:
    held = Lease.select().order_by(Lease.acquired_at, Lease.name)
    return [_row(engine, row, us, now) for row in held]


def _row(engine: Engine, row: Lease, us: Owner, now: datetime) -> LeaseRow:
    return LeaseRow(
        lease=row.name,
        run_id=row.run_id,
        machine=row.machine,
        pid=row.pid,
        acquired_at=row.acquired_at,
        heartbeat_at=row.heartbeat_at,
        live=is_live(engine, row, us, now),
    )
