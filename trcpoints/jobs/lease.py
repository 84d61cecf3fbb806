"""The lease of a job: who may do it now (design, section 9).

Whoever takes or gives up a lease does so under the books lock, inside the caller's transaction.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trcpoints.db.engine import Engine
from trcpoints.db.models import Lease
from trcpoints.errors import LeaseHeld, LeaseLost
from trcpoints.jobs.owner import Owner, is_gone

SILENCE = timedelta(minutes=30)
"""A holder that was not heard of for so long has lost its lease, whatever became of it."""


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease that is ours once it is taken; `token` tells whether it still is."""

    name: str
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def take(self, engine: Engine, run_id: str, us: Owner, now: datetime) -> str | None:
        """Take it; the run of a former holder who is gone. Raises LeaseHeld."""
        refuse_held(engine, self.name, us, now)
        gone = Lease.get_or_none(Lease.name == self.name)
        Lease.delete().where(Lease.name == self.name).execute()
        at = engine.clock(now)
        Lease.insert(
            name=self.name,
            token=self.token,
            run_id=run_id,
            acquired_at=at,
            heartbeat_at=at,
            **us._asdict(),
        ).execute()
        return gone.run_id if gone else None

    def require(self, engine: Engine) -> None:
        """Raise LeaseLost unless it is ours, to the end of the transaction."""
        if not self.is_ours(engine):
            raise LeaseLost(
                f"This run was silent for {SILENCE.total_seconds() / 60:.0f} minutes or its lease "
                f"of {self.name} was released, so it may not write any more; nothing was written.",
                hint="See what runs now: trcpoints db leases",
            )

    def is_ours(self, engine: Engine) -> bool:
        """Whether nobody else took it; nobody can before the transaction has ended."""
        row = engine.locking(Lease.select().where(Lease.name == self.name)).first()
        return row is not None and row.token == self.token

    def beat(self, engine: Engine, now: datetime) -> None:
        """Say that we are at work. Raises LeaseLost."""
        self.require(engine)
        Lease.update(heartbeat_at=engine.clock(now)).where(Lease.name == self.name).execute()

    def give_up(self) -> None:
        """Let others have it, unless another one has it already."""
        Lease.delete().where((Lease.name == self.name) & (Lease.token == self.token)).execute()


def refuse_held(engine: Engine, name: str, us: Owner, now: datetime) -> None:
    """Raise LeaseHeld where somebody alive has the lease."""
    row = Lease.get_or_none(Lease.name == name)
    if row is None or not is_live(engine, row, us, now):
        return
    raise LeaseHeld(
        f"{name} is at work already: process {row.pid} on {row.machine}, since "
        f"{row.acquired_at:%Y-%m-%d %H:%M:%S} UTC (run {row.run_id}).",
        hint="Nothing to do: this run is not needed. If that one hangs: "
        f"trcpoints db leases --release {name}",
    )


def is_live(engine: Engine, row: Lease, us: Owner, now: datetime) -> bool:
    """Whether a lease's holder may be at work, as far as this process can know."""
    owner = Owner(row.host, row.namespace, row.pid, row.process_started, row.machine)
    # A heartbeat still to come was noted by a wrong clock: it must not hold for ever.
    return not is_gone(owner, us) and abs(engine.clock(now) - row.heartbeat_at) <= SILENCE
