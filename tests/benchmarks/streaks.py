"""What judging one day costs, against the bare UPDATE of the rows that change (design, section 13).

`python -m tests.benchmarks.streaks [--members N] [--rounds N]`, on SQLite. A third of the members,
chosen anew for each day, are active on it. Two moments: just after midnight, when the day judged is
the last on which anybody was active, and in the evening, when a third were active today as well and
the ledger has to say whether they were on the day before.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from trcpoints.config import Settings, read_settings, sqlite_url
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Row
from trcpoints.db.fields import to_text
from trcpoints.db.models import Job
from trcpoints.jobs.streaks.job import run_streaks

BEFORE = datetime(2026, 1, 20, 18, tzinfo=UTC)  # a Tuesday, which is judged
DAY = timedelta(days=1)
JUDGED = BEFORE + DAY


State = tuple[bool, bool, bool]
"""Whether a member was active on Tuesday, on Wednesday, which is judged, and on Thursday."""


def build(path: Path, members: int, *, evening: bool) -> None:
    """A database of members of whom a third were active on each of these days."""
    chance = random.Random(1)
    states: list[State] = [
        (chance.random() < 1 / 3, chance.random() < 1 / 3, evening and chance.random() < 1 / 3)
        for _ in range(members)
    ]
    with open_database(sqlite_url(path), Access.CREATE) as engine, engine.books():
        engine.insert_rows("member", _MEMBER, _members(states))
        engine.insert_rows("ledger", _LEDGER, _entries(states))
        Job.insert(name="streaks", judged_through=f"{BEFORE:%Y-%m-%d}").execute()


_MEMBER = (
    *("id", "discord_id", "name", "email", "subscription_status", "active", "points", "carry"),
    *("xp_total", "quiet", "absences", "deferrals", "rebaseline", "last_active_at"),
    *("created_at", "updated_at", "current_streak", "longest_streak", "streak_since"),
)
_LEDGER = ("member_id", "source", "points", "idempotency_key", "occurred_at", "created_at")


def _members(states: list[State]) -> Iterator[Row]:
    created = to_text(BEFORE - 30 * DAY)
    moments = [to_text(BEFORE + number * DAY) for number in range(3)]
    for number, state in enumerate(states):
        active = [moment for moment, was in zip(moments, state, strict=True) if was]
        last = active[-1] if active else None
        yield (
            *(number + 1, str(10**17 + number), f"Member {number}", f"m{number}@example.org"),
            *("ACTIVE", True, 10, 5, 1005, False, 0, 0, False, last, created, created),
            *((3, 7, "2026-01-16") if state[0] else (0, 7, None)),
        )


def _entries(states: list[State]) -> Iterator[Row]:
    for day in range(3):
        moment = to_text(BEFORE + day * DAY)
        for number, state in enumerate(states):
            if state[day]:
                yield number + 1, "discord", 1, f"sync-{day}:{number}", moment, moment


def timed(work: Callable[[], object]) -> float:
    """The seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def changed_rows(before: Path, after: Path) -> list[tuple[object, ...]]:
    """The rows that the job has changed, as it left them."""
    columns = "current_streak, longest_streak, streak_since, id"
    with sqlite3.connect(after) as connection:
        connection.execute("ATTACH ? AS old", (str(before),))
        rows = connection.execute(
            f"SELECT {columns} FROM main.member EXCEPT SELECT {columns} FROM old.member ORDER BY 4"
        )
        return list(rows)


def bare_update(path: Path, rows: list[tuple[object, ...]]) -> None:
    """The floor: these rows updated by `executemany`, as safely as trcpoints writes."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "UPDATE member SET current_streak = ?, longest_streak = ?, streak_since = ? WHERE id = ?",
        rows,
    )
    connection.execute("COMMIT")
    connection.close()


def settings_for(path: Path) -> Settings:
    """Settings that name this database and nothing else."""
    settings, _ = read_settings({"DATABASE_URL": sqlite_url(path)}, None)
    return settings


def fresh(origin: Path, copy: Path) -> None:
    """Put the database back as it was."""
    for name in (copy, copy.with_name(f"{copy.name}-wal"), copy.with_name(f"{copy.name}-shm")):
        name.unlink(missing_ok=True)
    shutil.copyfile(origin, copy)


def measure(folder: Path, members: int, rounds: int, *, evening: bool) -> float:
    """The ratio of the medians."""
    origin, copy = folder / f"origin-{evening}.db", folder / "copy.db"
    build(origin, members, evening=evening)
    job: list[float] = []
    floor: list[float] = []
    for _ in range(rounds):
        fresh(origin, copy)
        job.append(timed(partial(run_streaks, settings_for(copy), lambda: JUDGED + DAY)))
        rows = changed_rows(origin, copy)
        fresh(origin, copy)
        floor.append(timed(partial(bare_update, copy, rows)))
    ratio = statistics.median(job) / statistics.median(floor)
    sys.stdout.write(
        f"{'in the evening' if evening else 'after midnight'}: {members:,} members, "
        f"{len(rows):,} rows changed; the job {statistics.median(job):.2f} s, the bare UPDATE "
        f"{statistics.median(floor):.2f} s: {ratio:.2f} times\n"
    )
    return ratio


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for evening in (False, True):
            measure(Path(folder), options.members, options.rounds, evening=evening)


if __name__ == "__main__":
    main()
