"""What a job is to do, told to the engine: the same for a dry run (design, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.documents.federation import FederationRunRow
from trcpoints.federation import engine as syncing
from trcpoints.federation.config import Connector
from trcpoints.federation.conflicts import Strategy
from trcpoints.federation.connectors import Source
from trcpoints.federation.engine import FederationCounts, FederationPlan, Fetched

MOST_NAMED = 1000
"""Records that a run's stats name; the counts are of all."""


@dataclass(frozen=True, slots=True)
class Work:
    """An organization to be read, or one member of it, who may be said to be deleted.

    A deleted member stays active while another of the `configured` organizations, by
    connector/organization, has them.
    """

    connector: Connector
    organization: str
    strategy: Strategy
    accept_changes: bool = False
    external_id: str | None = None
    is_deleted: bool = False
    configured: Collection[str] = ()

    def fetch(self, engine: Engine, source: Source, beat: Callable[[], None]) -> Fetched:
        """Read what there is to read, outside any transaction.

        A source that cannot be asked for one member is read as a whole, unless the member is
        deleted: that it then has to be believed. One who is not there, and is not said to be
        deleted, is missing: an address that is wrong, or a federation that is down, says so of all.
        """
        external_id = self.external_id
        if external_id is not None and not source.can_ask_for_one:
            if self.is_deleted:
                return syncing.gone(external_id)
            external_id = None
        fetched = syncing.fetch(
            engine,
            source,
            self.connector,
            self.organization,
            beat=beat,
            external_id=external_id,
        )
        if external_id is not None and fetched.gone and not self.is_deleted:
            return syncing.not_there(external_id)
        return fetched

    def settle(
        self, engine: Engine, fetched: Fetched, *, run_id: str, now: datetime
    ) -> FederationPlan:
        """What is to be written. Raises MassChangeRefused."""
        return syncing.settle(
            engine,
            fetched,
            connector=self.connector,
            organization=self.organization,
            run_id=run_id,
            now=now,
            strategy=self.strategy,
            accept_changes=self.accept_changes,
            configured=self.configured,
        )


def describe(counts: FederationCounts, row: FederationRunRow) -> None:
    """Put the counts of a plan into a row."""
    row.created, row.updated, row.unchanged = counts.created, counts.updated, counts.unchanged
    row.relinked = counts.relinked
    row.rejected, row.missing, row.deactivated = counts.rejected, counts.missing, counts.deactivated
    row.conflicts, row.resolved = counts.conflicts, counts.resolved


def stats_of(plan: FederationPlan) -> dict[str, object]:
    """What the run's record keeps; its conflicts are found by the run's id."""
    return {
        "records": plan.counts,
        "full": plan.full,
        "rejections": [
            {"external_id": external_id, "reason": reason}
            for external_id, reason in plan.rejections[:MOST_NAMED]
        ],
        "relinked": [
            {
                "before": one.before,
                "external_id": one.external_id,
                "member_id": str(one.member_id),
            }
            for one in plan.relinked[:MOST_NAMED]
        ],
        "missing": [
            {"external_id": link.external_id, "member_id": str(link.member_id)}
            for link in plan.missing[:MOST_NAMED]
        ],
    }
