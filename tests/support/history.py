"""Runs of years, written behind the program's back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.cli import Cli
from trcpoints.db.database import Access, open_database
from trcpoints.db.fields import to_text

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = (
    *("id", "job", "scope", "status", "trigger", "machine", "started_at", "finished_at"),
    *("stats", "error_code", "error_message", "error_hint"),
)
STATS = {
    "guild_id": "993536706509885777",
    "members": {"tracked": 4, "gained": 1, "lost": 0, "baselined": 0, "left": 0},
    "points": {"awarded": 5, "deducted": 0, "net": 5},
}


def write_runs(cli: Cli, runs: Iterable[dict[str, Any]]) -> None:
    """Write runs; what one does not say is as for a completed sync of 2024-01-01."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        engine.insert_rows("run", COLUMNS, map(_row, runs))


def many(number: int) -> Iterator[dict[str, Any]]:
    """So many syncs, one every 15 minutes; every tenth has failed."""
    for index in range(number):
        at = FIRST + timedelta(minutes=15 * index)
        failed = index % 10 == 9
        yield {
            "id": f"{at:%Y%m%dT%H%M%SZ}-{index:08x}",
            "started_at": at,
            "status": "failed" if failed else "completed",
            "stats": None if failed else STATS,
            "error_code": "source_refused" if failed else None,
        }


def _row(run: dict[str, Any]) -> list[object]:
    started_at = run.get("started_at", FIRST)
    defaults = {
        "job": "sync",
        "status": "completed",
        "trigger": "scheduled",
        "finished_at": started_at + timedelta(seconds=2.5),
        "stats": STATS,
    }
    row = {**defaults, "started_at": started_at, **run}
    for name in ("started_at", "finished_at"):
        row[name] = None if row[name] is None else to_text(row[name])
    row["stats"] = None if row["stats"] is None else json.dumps(row["stats"])
    return [row.get(name) for name in COLUMNS]
