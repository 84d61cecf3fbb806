"""What the demo showed."""

from __future__ import annotations

from msgspec import Struct, field

from trcpoints.documents import Document
from trcpoints.documents.sync import SyncPoints


class DemoDay(Struct, kw_only=True):
    """One simulated day: its syncs by how they ended, its points, and what happened."""

    date: str
    completed: int = 0
    skipped: int = 0
    failed: int = 0
    awarded: int = 0
    deducted: int = 0
    events: list[str] = field(default_factory=list)


class DemoRow(Struct, kw_only=True):
    """One member on the demo's leaderboard of points."""

    rank: int
    name: str
    points: int
    carry: int
    xp_total: int | None


class DemoDocument(Document, kw_only=True, tag="trcpoints.demo/1"):
    """A simulated fortnight, and the database that it left behind."""

    database_url: str
    guild_id: str
    seed: int
    members: int
    syncs: int
    points: SyncPoints
    days: list[DemoDay]
    leaderboard: list[DemoRow]
