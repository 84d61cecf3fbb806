"""Times a whole `trcpoints sync` against the bare floor and against the per-row way.

`python -m tests.benchmarks.sync [--members N …] [--runs N] [--engine NAME …]`; README.md beside
this file says what is measured and has the figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from peewee import fn

from tests.support import large
from tests.support.postgres import PostgresServer
from trcpoints.config import sqlite_url
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Activity, LedgerEntry, Member

REPOSITORY = Path(__file__).parents[2]
ENGINES = ("sqlite", "postgresql")
PER_ROW_AT_MOST = 10_000
"""Members up to whom the per-row way is timed: above, it takes minutes and says the same."""


class Databases(ABC):
    """Makes the databases of one engine."""

    @abstractmethod
    def new(self) -> str:
        """The URL of an empty database."""

    @abstractmethod
    def settle(self, url: str) -> None:
        """Bring a prepared database into the state that one in use is in."""

    @abstractmethod
    def copy(self, url: str) -> str:
        """The URL of a copy."""

    @abstractmethod
    def drop(self, url: str) -> None:
        """Remove a database."""


class SqliteFiles(Databases):
    """SQLite files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def _path(self) -> Path:
        self._made += 1
        return self._folder / f"books-{self._made}.db"

    def new(self) -> str:
        return sqlite_url(self._path())

    def settle(self, url: str) -> None:
        """It is as it was left."""

    def copy(self, url: str) -> str:
        copy = self._path()
        shutil.copyfile(_file(url), copy)
        return sqlite_url(copy)

    def drop(self, url: str) -> None:
        _file(url).unlink()


class PostgresDatabases(Databases):
    """Databases on a PostgreSQL server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def new(self) -> str:
        return self._server.create_database()

    def settle(self, url: str) -> None:
        """What autovacuum does, which is off on the server of the tests."""
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def copy(self, url: str) -> str:
        return self._server.create_database(template=url)

    def drop(self, url: str) -> None:
        self._server.drop_database(url)


class Bench:
    """Runs programs on databases, in processes of their own."""

    def __init__(self, folder: Path, databases: Databases) -> None:
        self.folder = folder
        self.databases = databases

    def run(self, url: str, *arguments: str) -> str:
        """Run a Python module to its end; what it printed on stderr."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=_environment(url, self.folder),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed: {done.stdout}{done.stderr}")
        return done.stderr

    def prepare(self, members: int, board: Path) -> str:
        """A database of that many members, whose XP of this board is known and old news."""
        roster = self.folder / f"{members}.csv"
        large.write_members(roster, members)
        url = self.databases.new()
        self.run(url, "trcpoints", "members", "import", str(roster))
        for _ in range(2):
            self.run(url, "trcpoints", "sync", "--quiet", "--from", str(board))
        self.databases.settle(url)
        return url

    def seconds(self, prepared: str, program: tuple[str, ...]) -> tuple[float, Mapping[str, int]]:
        """How long a program takes on a copy of a database, and what is in the books then."""
        url = self.databases.copy(prepared)
        arguments = [url if argument == "URL" else argument for argument in program]
        start = time.perf_counter()
        self.run(url, *arguments)
        taken = time.perf_counter() - start
        totals = _totals(url)
        self.databases.drop(url)
        return taken, totals

    def peak(self, members: int) -> int:
        """The most memory, in bytes, that a sync of so many members holds."""
        before, after = large.write_boards(self.folder, members)
        url = self.prepare(members, before)
        stderr = self.run(url, "tests.support.peak", "sync", "--quiet", "--from", str(after))
        self.databases.drop(url)
        return int(stderr)


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--engine", choices=ENGINES, nargs="+", default=list(ENGINES))
    options = parser.parse_args()
    _say(f"Python {platform.python_version()}, {os.cpu_count()} processors, {processor()}; ")
    _say(f"medians of {options.runs} runs\n\n")
    _say("| engine | members | floor | sync | ratio | per row | ratio | memory per member |\n")
    _say("|---|---|---|---|---|---|---|---|\n")
    for engine in options.engine:
        with open_bench(engine) as bench:
            start = bench.peak(1)
            for members in options.members:
                cells = [engine, f"{members:,}", *_measure(bench, members, options.runs)]
                cells.append(f"{(bench.peak(members) - start) / members:,.0f} bytes")
                _say(f"| {' | '.join(cells)} |\n")


def _measure(bench: Bench, members: int, runs: int) -> list[str]:
    """The cells of a line from the floor's time to the per-row way's ratio."""
    before, after = large.write_boards(bench.folder, members)
    prepared = bench.prepare(members, before)
    programs: dict[str, tuple[str, ...]] = {
        "floor": ("tests.benchmarks.floor", "URL", str(after), str(members)),
        "sync": ("trcpoints", "sync", "--quiet", "--from", str(after)),
    }
    if members <= PER_ROW_AT_MOST:
        programs["per row"] = ("tests.benchmarks.per_row", "URL", str(after))
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        books = []
        # One after the other within each round: what else the machine does hits all alike.
        for name, program in programs.items():
            taken, totals = bench.seconds(prepared, program)
            times[name].append(taken)
            books.append(totals)
        if any(totals != books[0] for totals in books):
            raise RuntimeError(f"The programs do not agree on the books: {books}")
    bench.databases.drop(prepared)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    floor, sync, per_row = medians["floor"], medians["sync"], medians.get("per row")
    cells = [f"{floor:.3f} s", f"{sync:.3f} s", f"{sync / floor:.2f}"]
    return [
        *cells,
        *(["", ""] if per_row is None else [f"{per_row:.3f} s", f"{per_row / floor:.1f}"]),
    ]


@contextmanager
def open_bench(engine: str) -> Iterator[Bench]:
    with TemporaryDirectory(prefix="trcpoints-benchmark-") as name:
        folder = Path(name)
        if engine == "sqlite":
            yield Bench(folder, SqliteFiles(folder))
            return
        server = PostgresServer.start()
        try:
            yield Bench(folder, PostgresDatabases(server))
        finally:
            server.stop()


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        # An installed program has its bytecode; here the first runs, which prepare, make it.
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }


def _totals(url: str) -> dict[str, int]:
    with open_database(url, Access.READ):
        sums = Member.select(
            fn.SUM(Member.xp_total), fn.SUM(Member.carry), fn.SUM(Member.points)
        ).scalar(as_tuple=True)
        return {
            "records": Activity.select().count(),
            "entries": LedgerEntry.select().count(),
            "entered": int(LedgerEntry.select(fn.SUM(LedgerEntry.points)).scalar()),
            **dict(zip(("xp", "carry", "points"), map(int, sums), strict=True)),
            "active": Member.select().where(Member.last_active_at.is_null(False)).count(),
        }


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "?")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
