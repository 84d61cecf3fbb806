"""The floors of `commands.py`: the same rows read by one raw query, and written or compared.

`python -m tests.benchmarks.raw DATABASE_URL verify|export|leaderboard`.
"""

from __future__ import annotations

import csv
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

VERIFY = """
    SELECT COUNT(*) FROM member
    LEFT JOIN (SELECT member_id, SUM(points) AS points FROM ledger GROUP BY member_id) AS booked
        ON booked.member_id = member.id
    LEFT JOIN (SELECT member_id, SUM(xp_delta) AS xp FROM discord_activity GROUP BY member_id)
        AS seen ON seen.member_id = member.id
    WHERE COALESCE(booked.points, 0) <> member.points OR seen.xp IS NULL
"""
EXPORT = """
    SELECT id, discord_id, name, email, subscription_status, active, first_name, last_name,
        date_of_birth, phone, address, points, current_streak, longest_streak, last_active_at,
        xp_total, carry, left_at, created_at
    FROM member ORDER BY id
"""
LEADERBOARD = """
    SELECT RANK() OVER (ORDER BY points DESC), id, discord_id, name, points, current_streak,
        longest_streak, last_active_at
    FROM member WHERE active ORDER BY points DESC, id
"""

Rows = Iterable[Sequence[object]]


def main(url: str, what: str) -> None:
    """Compare, or write the rows as CSV."""
    query = {"verify": VERIFY, "export": EXPORT, "leaderboard": LEADERBOARD}[what]
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        use(connection.execute(query), what)
        return
    import psycopg

    with psycopg.connect(url) as server, server.cursor(name="rows") as cursor:
        cursor.itersize = 10_000
        use(cursor.execute(query), what)


def use(rows: Rows, what: str) -> None:
    """What the command does with them."""
    if what == "verify":
        assert [tuple(row) for row in rows] == [(0,)]
        return
    with Path(f"raw-{what}.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
