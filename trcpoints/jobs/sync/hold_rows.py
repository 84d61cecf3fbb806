"""The sync's side of the table of holds: which are open, and what a plan makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from peewee import fn

from trcpoints.db.engine import Engine, Row, portions
from trcpoints.db.fields import to_text
from trcpoints.db.models import IS_OPEN_HOLD, LedgerEntry
from trcpoints.db.models import Hold as HoldRow
from trcpoints.jobs.sync.holds import Hold
from trcpoints.jobs.sync.verdicts import Verdict
from trcpoints.points.conversion import SYNC_SOURCE

_BEGUN = (
    "member_id",
    "discord_id",
    "kind",
    "began_at",
    "began_run",
    "xp_tracked",
    "xp_began",
    "points_began",
    "xp_seen",
    "points",
    "ceiling",
)
_CHANGED = ("id", "kind", "xp_seen", "points")
_ENDED = ("id", "ended_at", "ended_run", "ending", "made_by")


def read_open(engine: Engine) -> dict[int, Hold]:
    """The holds that are open, by the id of their member."""
    row = HoldRow
    columns = (row.id, row.kind, row.xp_seen, row.points, row.ceiling, row.accepted_by)
    query = row.select(row.member, *columns).where(IS_OPEN_HOLD)
    return {member_id: Hold(*values) for member_id, *values in engine.raw_rows(query)}


def read_discord_points(engine: Engine, member_ids: Iterable[int]) -> dict[int, int]:
    """The sum of the entries from Discord of these members, where they have any."""
    found: dict[int, int] = {}
    for portion in portions(member_ids):
        query = (
            LedgerEntry.select(LedgerEntry.member, fn.SUM(LedgerEntry.points))
            .where(engine.is_among(LedgerEntry.member, portion), LedgerEntry.source == SYNC_SOURCE)
            .group_by(LedgerEntry.member)
        )
        found.update((member_id, int(points)) for member_id, points in engine.raw_rows(query))
    return found


def write(
    engine: Engine, verdicts: Iterable[Verdict], *, sync_id: str, started_at: datetime
) -> None:
    """Write what has become of holds, inside the caller's transaction."""
    concerned = [one for one in verdicts if one.hold != one.hold_before]
    # A member has one open hold at most: the one before ends before another begins.
    engine.update_rows("hold", _ENDED, _ended(concerned, sync_id, started_at))
    engine.update_rows("hold", _CHANGED, _changed(concerned))
    engine.insert_rows("hold", _BEGUN, _begun(concerned, sync_id, started_at))


def _ended(verdicts: Iterable[Verdict], sync_id: str, started_at: datetime) -> Iterator[Row]:
    at = to_text(started_at)
    for verdict in verdicts:
        if verdict.hold_before is not None and verdict.ending is not None:
            how, made_by = verdict.ending
            yield (verdict.hold_before.hold_id, at, sync_id, how, made_by)


def _changed(verdicts: Iterable[Verdict]) -> Iterator[Row]:
    for verdict in verdicts:
        hold = verdict.hold
        if hold is not None and hold.hold_id is not None:
            yield (hold.hold_id, hold.kind, hold.xp_seen, hold.points)


def _begun(verdicts: Iterable[Verdict], sync_id: str, started_at: datetime) -> Iterator[Row]:
    at = to_text(started_at)
    for verdict in verdicts:
        hold, before = verdict.hold, verdict.before
        if hold is not None and hold.hold_id is None:
            yield (
                before.member_id,
                before.discord_id,
                hold.kind,
                at,
                sync_id,
                before.xp_total,
                hold.xp_seen,
                hold.points,
                hold.xp_seen,
                hold.points,
                hold.ceiling,
            )
