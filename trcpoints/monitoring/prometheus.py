"""The status in Prometheus's text exposition format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from trcpoints.documents.status import StatusDocument
from trcpoints.errors import MissingExtra

if TYPE_CHECKING:
    from prometheus_client import Metric

Sample = tuple[str, str, float | datetime | None]
"""A metric's name, what it says, and its value; None: there is none to show."""


def exposition(status: StatusDocument) -> str:
    """One sample for each metric that has a value; times are Unix seconds.

    Without timestamps of its own, as node_exporter's textfile collector asks. Raises
    MissingExtra.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError:
        raise MissingExtra("--prometheus", "prometheus") from None
    registry = CollectorRegistry()
    registry.register(_Collector(status))
    return generate_latest(registry).decode()


class _Collector:
    """Hands the metrics of a status to a registry."""

    def __init__(self, status: StatusDocument) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """What `CollectorRegistry` asks for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, summary, value in _present(_gauges(self._status)):
            yield GaugeMetricFamily(name, summary, value=value)
        for name, summary, value in _present(_counters(self._status)):
            yield CounterMetricFamily(name, summary, value=value)
        problems = GaugeMetricFamily(
            "trcpoints_problem", "A problem that there is now, by its code.", labels=["code"]
        )
        for code in sorted({problem.code for problem in self._status.problems}):
            problems.add_metric([code], 1)
        yield problems


def _gauges(status: StatusDocument) -> Iterator[Sample]:
    sync, streaks, members = status.sync, status.streaks, status.members
    federation = status.federation
    yield "trcpoints_healthy", "1 when there is no problem.", status.healthy
    yield "trcpoints_schema_version", "The version of the schema.", status.database.schema_version
    yield "trcpoints_database_size_bytes", "The database on disk.", status.database.size_bytes
    yield "trcpoints_sync_enabled", "1 when sync is enabled.", sync.enabled
    yield "trcpoints_sync_overdue", "1 after 35 minutes without success.", sync.overdue
    yield (
        "trcpoints_sync_last_success_timestamp_seconds",
        "Start of the last sync that completed.",
        sync.last_success_at,
    )
    yield (
        "trcpoints_sync_consecutive_failures",
        "Syncs that failed since one completed.",
        sync.consecutive_failures,
    )
    yield (
        "trcpoints_sync_cooldown_until_timestamp_seconds",
        "End of the pause that MEE6 asked for.",
        sync.cooldown_until,
    )
    yield "trcpoints_streaks_overdue", "1 after 26 hours without success.", streaks.overdue
    yield (
        "trcpoints_streaks_last_success_timestamp_seconds",
        "Start of the last judging of streaks that completed.",
        streaks.last_success_at,
    )
    yield (
        "trcpoints_streaks_judged_through_timestamp_seconds",
        "Beginning of the last weekday that was judged.",
        _midnight(streaks.judged_through),
    )
    yield "trcpoints_members", "All members.", members.total
    yield "trcpoints_members_linked", "Members with a Discord account.", members.linked
    yield "trcpoints_members_tracked", "Members whom sync considers.", members.tracked
    yield "trcpoints_members_left", "Members who have left the leaderboard.", members.left
    yield "trcpoints_members_held", "Members whose XP waits for a decision.", members.held
    yield "trcpoints_members_inactive", "Members marked inactive.", members.inactive
    awaiting = "Members whose next XP is a baseline."
    yield "trcpoints_members_awaiting_baseline", awaiting, members.awaiting_baseline
    yield "trcpoints_points_balance", "All points of all members.", status.points.balance
    yield "trcpoints_federation_connectors", "Connectors.", len(federation.connectors)
    yield (
        "trcpoints_federation_overdue",
        "1 when an organization had no success for 26 hours.",
        any(connector.overdue for connector in federation.connectors),
    )
    yield "trcpoints_federation_jobs_pending", "Jobs that wait.", federation.pending
    yield "trcpoints_federation_jobs_running", "Jobs at work.", federation.running
    yield "trcpoints_federation_jobs_failed", "Jobs that failed for good.", federation.failed
    yield "trcpoints_federation_conflicts", "Conflicts to decide.", federation.conflicts


def _counters(status: StatusDocument) -> Iterator[Sample]:
    yield "trcpoints_points_awarded", "Points ever awarded.", status.points.awarded
    yield "trcpoints_points_deducted", "Points ever deducted.", status.points.deducted


def _present(samples: Iterable[Sample]) -> Iterator[tuple[str, str, float]]:
    for name, summary, value in samples:
        if value is not None:
            yield name, summary, value.timestamp() if isinstance(value, datetime) else value


def _midnight(day: str | None) -> datetime | None:
    return None if day is None else datetime.fromisoformat(f"{day}T00:00:00+00:00")
