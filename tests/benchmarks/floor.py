"""The floor of a sync: no program can do less to get the same rows into the tables.

`python -m tests.benchmarks.floor DATABASE_URL LEADERBOARD MEMBERS EVERY`. Reads every page over one
connection, decodes it with msgspec, and writes the changed rows, which are known beforehand, by
`executemany` or `COPY`: it reads nothing from the database, decides nothing and checks nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from http.client import HTTPConnection
from urllib.parse import urlsplit

import msgspec

from tests.support.large import PAGE_SIZE, delta, discord_id, xp_before

SYNC_ID = "floor"
NOW = "2026-01-19T12:00:00.000000Z"
AGENT = {"User-Agent": "floor"}

ACTIVITY = (
    "member_id",
    "discord_id",
    "activity_type",
    "xp_delta",
    "xp_total",
    "synced_at",
    "sync_id",
)
LEDGER = (
    "member_id",
    "source",
    "points",
    "idempotency_key",
    "occurred_at",
    "created_at",
    "sync_id",
)
MEMBER = (
    "xp_total",
    "carry",
    "points",
    "quiet",
    "left_at",
    "absences",
    "deferrals",
    "rebaseline",
    "last_active_at",
    "id",
)

Rows = Iterable[Sequence[object]]


class Guild(msgspec.Struct, gc=False):
    """The guild of a page."""

    id: str


class Player(msgspec.Struct, gc=False):
    """A player on a page."""

    id: str
    xp: int


class Page(msgspec.Struct):
    """A page of the leaderboard."""

    guild: Guild
    players: list[Player]


def read_players(leaderboard: str, members: int) -> Iterator[list[Player]]:
    """The players of each page of a leaderboard of so many."""
    address = urlsplit(leaderboard)
    connection = HTTPConnection(address.netloc)
    decoder = msgspec.json.Decoder(Page)
    for number in range(-(-members // PAGE_SIZE)):
        connection.request("GET", f"{address.path}?page={number}&limit={PAGE_SIZE}", headers=AGENT)
        yield decoder.decode(connection.getresponse().read()).players
    connection.close()


def activity_rows(members: int, every: int) -> Iterator[Sequence[object]]:
    """A record of every change."""
    for number in range(0, members, every):
        change = delta(number, every)
        xp = xp_before(number) + change
        yield (number + 1, discord_id(number), "MESSAGE", change, xp, NOW, SYNC_ID)


def ledger_rows(members: int, every: int) -> Iterator[Sequence[object]]:
    """An entry for every change that moves a whole point."""
    for number in range(0, members, every):
        points = int(delta(number, every) / 100)
        if points:
            key = f"{SYNC_ID}:{number + 1}"
            yield (number + 1, "discord", points, key, NOW, NOW, SYNC_ID)


def member_rows(members: int, every: int) -> Iterator[Sequence[object]]:
    """The state after every change."""
    for number in range(0, members, every):
        change = delta(number, every)
        points = int(change / 100)
        xp = xp_before(number) + change
        active = NOW if points > 0 else None
        carry = change - 100 * points
        yield (xp, carry, points, False, None, 0, 0, False, active, number + 1)


def write_sqlite(path: str, activity: Rows, ledger: Rows, member: Rows) -> None:
    """One transaction, with the program's own pragmas."""
    import sqlite3

    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = 1"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    for table, columns, rows in (
        ("discord_activity", ACTIVITY, activity),
        ("ledger", LEDGER, ledger),
    ):
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    settings = ", ".join(f"{name} = ?" for name in MEMBER[:-1])
    connection.executemany(f"UPDATE member SET {settings} WHERE id = ?", member)
    connection.execute("COMMIT")
    connection.close()


def write_postgresql(url: str, activity: Rows, ledger: Rows, member: Rows) -> None:
    """One transaction; the members by way of a temporary table."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    def names(columns: Iterable[str]) -> Iterator[Identifier]:
        return map(Identifier, columns)

    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        cursor = connection.cursor()
        listed = SQL(", ").join(names(MEMBER))
        cursor.execute(
            SQL(
                "CREATE TEMPORARY TABLE changes ON COMMIT DROP AS "
                "SELECT {} FROM member WITH NO DATA"
            ).format(listed)
        )
        for table, columns, rows in (
            ("discord_activity", ACTIVITY, activity),
            ("ledger", LEDGER, ledger),
            ("changes", MEMBER, member),
        ):
            into = SQL("COPY {} ({}) FROM STDIN").format(
                Identifier(table), SQL(", ").join(names(columns))
            )
            with cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row(row)
        settings = SQL(", ").join(
            SQL("{0} = changes.{0}").format(name) for name in names(MEMBER[:-1])
        )
        cursor.execute(
            SQL("UPDATE member SET {} FROM changes WHERE member.id = changes.id").format(settings)
        )


def main(url: str, leaderboard: str, members: int, every: int) -> None:
    """Read and decode, then write."""
    assert sum(map(len, read_players(leaderboard, members))) == members
    if not every:
        return
    rows = activity_rows(members, every), ledger_rows(members, every), member_rows(members, every)
    if url.startswith("sqlite:///"):
        write_sqlite(url.removeprefix("sqlite:///"), *rows)
    else:
        write_postgresql(url, *rows)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
