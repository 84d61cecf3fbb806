"""What every test may use: both engines, and the program itself."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg  # noqa: F401  (loaded before peewee, as a user of both engines in one process does)
import pytest
from hypothesis import HealthCheck, settings

from tests.support import mee6 as mee6_support
from tests.support.cli import Cli
from tests.support.postgres import GIVEN_SERVER, PostgresServer, all_binaries, find_binaries
from trcpoints.config import sqlite_url
from trcpoints.db.database import Access, open_database
from trcpoints.demo.server import SimulatedMee6

# A machine that is slow, or busy with something else, is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ENGINES = ("sqlite", "postgresql")
REPOSITORY = Path(__file__).parent.parent
CAPTURES = REPOSITORY.parent / "shared" / "data"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give `slow_on_postgresql` its meaning, before it is looked what to leave out."""
    for item in items:
        if item.get_closest_marker("slow_on_postgresql") and "postgresql" in item.name:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: at any time some test waits for a process or a clock."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.fixture(scope="session")
def postgres_binaries() -> Path:
    """What a test starts a server of its own from, which it may restart and stop."""
    if not any(all_binaries()) and os.environ.get(GIVEN_SERVER):
        pytest.skip(f"the server of {GIVEN_SERVER} is not ours to start and stop")
    return find_binaries()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real server for the whole session."""
    server = PostgresServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The URL of a PostgreSQL database whose schema is current, to copy from."""
    url = postgres.create_database()
    with open_database(url, Access.CREATE):
        pass
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file whose schema is current, to copy from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    with open_database(sqlite_url(path), Access.CREATE):
        pass
    return path


@pytest.fixture(params=ENGINES)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes databases, empty with a current schema, on each engine in turn."""
    made: list[str] = []
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")

        def sqlite() -> str:
            path = tmp_path / f"books-{len(made)}.db"
            shutil.copyfile(template, path)
            path.chmod(0o600)
            made.append(sqlite_url(path))
            return made[-1]

        yield sqlite
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    origin: str = request.getfixturevalue("postgres_template")

    def postgresql() -> str:
        made.append(server.create_database(template=origin))
        return made[-1]

    yield postgresql
    for url in made:
        server.drop_database(url)


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """The URL of one such database."""
    return new_database()


@pytest.fixture
def cli(database_url: str, tmp_path: Path) -> Cli:
    """The program on a fresh database, on each engine in turn."""
    return _program(database_url, tmp_path)


@pytest.fixture
def sqlite_cli(sqlite_template: Path, tmp_path: Path) -> Cli:
    """The program on a fresh SQLite database, for what has nothing to do with the engine."""
    path = tmp_path / "books.db"
    shutil.copyfile(sqlite_template, path)
    path.chmod(0o600)
    return _program(sqlite_url(path), tmp_path)


@pytest.fixture
def program_on_path(tmp_path: Path) -> Path:
    """A folder for PATH in which `trcpoints` is the program."""
    shim = tmp_path / "bin" / "trcpoints"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m trcpoints "$@"\n')
    shim.chmod(0o755)
    return shim.parent


def _program(url: str, folder: Path) -> Cli:
    work = folder / "work"
    work.mkdir()
    return Cli(
        work,
        {
            "DATABASE_URL": url,
            "HOME": str(folder / "home"),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "MEE6_RETRY_BASE": "0",
            "MEE6_REQUEST_INTERVAL": "0",
        },
    )


@pytest.fixture
def mee6(cli: Cli) -> Iterator[SimulatedMee6]:
    """A simulated MEE6, which the program is pointed at."""
    with SimulatedMee6() as server:
        cli.environment.update(mee6_support.environment(server))
        yield server
