"""What the benchmarks have in common: databases of both engines, and processes to time on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.postgres import PostgresServer
from trcpoints.config import sqlite_url

REPOSITORY = Path(__file__).parents[2]
ENGINES = ("sqlite", "postgresql")


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

    def run(self, url: str, *arguments: str, settings: Mapping[str, str] | None = None) -> str:
        """Run a Python module to its end; what it printed on stderr."""
        return self.python(url, "-m", *arguments, settings=settings)

    def python(self, url: str, *arguments: str, settings: Mapping[str, str] | None = None) -> str:
        """Run Python to its end; what it printed on stderr."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**_environment(url, self.folder), **(settings or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed: {done.stdout}{done.stderr}")
        return done.stderr


@contextmanager
def open_bench(engine: str) -> Iterator[Bench]:
    """A bench on one engine, in a scratch folder; PostgreSQL in memory, without fsync."""
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


def processor() -> str:
    """The name of this machine's processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "?")


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        # An installed program has its bytecode; here the first runs, which prepare, make it.
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
