"""A sync of 100,000 linked members, of whom every tenth has changed (design, sections 10, 13)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, cast

import psycopg
import pytest
from peewee import fn

from tests.support import large
from tests.support.cli import Cli
from tests.support.peak import peak_of
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.db.models import Activity, LedgerEntry, Member

MEMBERS = 100_000
BYTES_PER_MEMBER = 1024

pytestmark = pytest.mark.slow


class Community:
    """Linked members whose first leaderboard is old news, and a second one for a sync."""

    def __init__(self, cli: Cli, members: int) -> None:
        self.cli = cli
        self.before, self.after = large.write_boards(cli.folder, members)
        roster = cli.folder / f"{members}.csv"
        large.write_members(roster, members)
        cli.ok("members", "import", str(roster))
        for _ in range(2):
            cli.ok("sync", "--from", str(self.before))

    def peak_of_a_sync(self) -> int:
        """Sync the second leaderboard; the bytes of memory that the process held at most."""
        return peak_of(self.cli, "sync", "-q", "--from", str(self.after))


def test_totals_are_exact_and_neither_memory_nor_statements_grow_with_the_changes(
    cli: Cli, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small, smallest = (
        Community(Cli(cli.folder, {**cli.environment, "DATABASE_URL": new_database()}), members)
        for members in (2 * large.EVERY, 1)
    )
    community = Community(cli, MEMBERS)

    extra = community.peak_of_a_sync() - smallest.peak_of_a_sync()
    assert extra <= BYTES_PER_MEMBER * MEMBERS

    changes = [large.delta(number) for number in range(MEMBERS)]
    assert rows_of_members(cli) == [
        (number + 1, large.xp_before(number) + change, whole_points(change), left_over(change))
        for number, change in enumerate(changes)
    ]
    entries = [points for change in changes if (points := whole_points(change))]
    assert totals(cli) == {
        # The baselines, the quiet records, and the changes.
        "records": 2 * MEMBERS + MEMBERS // large.EVERY,
        "xp moved": sum(changes),
        "entries": len(entries),
        "points": sum(entries),
    }
    cli.ok("points", "verify")

    small.peak_of_a_sync()
    assert statements_of_a_sync_back(community, monkeypatch) == statements_of_a_sync_back(
        small, monkeypatch
    )
    assert {row[2:] for row in rows_of_members(cli)} == {(0, 0)}
    cli.ok("points", "verify")


def test_the_document_counts_what_changed(cli: Cli) -> None:
    community = Community(cli, MEMBERS)
    document = cli.ok("sync", "--from", str(community.after))
    changes = [large.delta(number) for number in range(0, MEMBERS, large.EVERY)]
    moved = [whole_points(change) for change in changes]
    counts = {name: count for name, count in document["members"].items() if count}
    assert counts == {
        "tracked": MEMBERS,
        "unchanged": MEMBERS - len(changes),
        "gained": sum(change > 0 for change in changes),
        "lost": sum(change < 0 for change in changes),
    }
    assert document["xp"] == {
        "gained": sum(change for change in changes if change > 0),
        "lost": -sum(change for change in changes if change < 0),
    }
    assert document["points"] == {
        "awarded": sum(points for points in moved if points > 0),
        "deducted": -sum(points for points in moved if points < 0),
        "net": sum(moved),
    }


def whole_points(change: int) -> int:
    """The points of a change, for a member without a carry."""
    return abs(change) // 100 * (1 if change > 0 else -1)


def left_over(change: int) -> int:
    """Their carry after it."""
    return abs(change) % 100 * (1 if change > 0 else -1)


def rows_of_members(cli: Cli) -> list[tuple[int, ...]]:
    """Id, XP, points and carry of every member."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        query = Member.select(Member.id, Member.xp_total, Member.points, Member.carry)
        return cast("list[tuple[int, ...]]", list(query.order_by(Member.id).tuples()))


def totals(cli: Cli) -> dict[str, int]:
    """What is in the ledger and in the activity records."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return {
            "records": Activity.select().count(),
            "xp moved": int(Activity.select(fn.SUM(Activity.xp_delta)).scalar()),
            "entries": LedgerEntry.select().count(),
            "points": int(LedgerEntry.select(fn.SUM(LedgerEntry.points)).scalar()),
        }


def statements_of_a_sync_back(community: Community, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sync the first leaderboard again; every call into the driver that this takes."""
    statements: list[str] = []

    class SqliteCursor(sqlite3.Cursor):
        def execute(self, sql: str, *rest: Any) -> Any:
            statements.append(sql)
            return super().execute(sql, *rest)

        def executemany(self, sql: str, *rest: Any) -> Any:
            statements.append(sql)
            return super().executemany(sql, *rest)

    class PostgresCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *rest: Any, **keywords: Any) -> Any:
            statements.append(query)
            return super().execute(query, *rest, **keywords)

        def executemany(self, query: Any, *rest: Any, **keywords: Any) -> Any:
            statements.append(query)
            return super().executemany(query, *rest, **keywords)

        def copy(self, statement: Any, *rest: Any, **keywords: Any) -> Any:
            statements.append(statement)
            return super().copy(statement, *rest, **keywords)

    def cursor(engine: Any) -> object:
        connection = engine.connection()
        if isinstance(connection, sqlite3.Connection):
            return connection.cursor(SqliteCursor)
        return PostgresCursor(connection)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "cursor", cursor)
        community.cli.ok("sync", "--from", str(community.before))
    assert statements
    return statements
