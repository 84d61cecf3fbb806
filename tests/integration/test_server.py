"""The README's guide to a server, typed by root: another user and folder, all else word for word.

The lines that need a PostgreSQL of the machine's own (`runuser -u postgres`) are typed without
their `runuser`, on the server that the tests start.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from tests.conftest import REPOSITORY
from tests.integration.test_crontab import TEXT, jobs, variables
from tests.integration.test_readme import blocks
from tests.support import mee6 as mee6_support
from tests.support.postgres import PostgresServer
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.system

# The system's Python comes first: another one may be in a folder that is closed to the user.
PATH = f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ['PATH']}"


class Machine:
    """A user and a folder in place of the README's."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "srv"
        self.user = f"books{secrets.token_hex(4)}"
        self.environment = {"PATH": PATH, "HOME": str(place)}

    def here(self, text: str) -> str:
        """The README's text, with this user and folder."""
        text = text.replace("/srv/trcpoints", str(self.folder)).replace("/root", str(self.place))
        return re.sub(r"(?<!bin/)\btrcpoints\b", self.user, text)

    def type(self, script: str) -> str:
        """Type lines of the README as root, in the checkout; what they print."""
        return self.run("bash", "-euxo", "pipefail", "-c", self.here(script))

    def as_user(self, command: str, **variables: str) -> str:
        """Run a shell command as the user, as cron does."""
        given = [f"{name}={value}" for name, value in variables.items()]
        return self.run(
            *("runuser", "-u", self.user, "--", "env", "-i", *given, "/bin/sh", "-c", command)
        )

    def run(self, *line: str) -> str:
        """Run a program that must succeed; its stdout."""
        done = subprocess.run(
            line,
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def mode(self, name: str) -> tuple[str, str]:
        """The owner and mode of something in the folder."""
        path = self.folder / name
        return path.owner(), f"{path.stat().st_mode & 0o7777:o}"


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Made and taken away again; in a place that any user can enter."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))  # pytest's own is for root only
    place.chmod(0o755)
    made = Machine(place)
    yield made
    for line in (["crontab", "-u", made.user, "-r"], ["userdel", made.user]):
        subprocess.run(line, check=False, capture_output=True)
    shutil.rmtree(place)


@pytest.fixture
def postgres_environment(machine: Machine, postgres: PostgresServer) -> Iterator[Mapping[str, str]]:
    """What makes `postgresql:///name` mean the tests' server."""
    given = conninfo_to_dict(postgres.url("postgres"))
    yield {
        f"PG{name.upper()}": str(given[name])
        for name in ("host", "port", "user", "password")
        if given.get(name)
    }
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        name = Identifier(machine.user)
        connection.execute(SQL("DROP DATABASE IF EXISTS {}").format(name))
        connection.execute(SQL("DROP ROLE IF EXISTS {}").format(name))


def test_a_server_is_set_up_run_moved_and_upgraded(
    machine: Machine, postgres_environment: Mapping[str, str]
) -> None:
    install, hand_over, move, upgrade = blocks("bash")

    machine.type(install)
    assert machine.mode(".env") == (machine.user, "600")
    assert machine.mode("data") == machine.mode("data/backups") == (machine.user, "700")
    assert machine.mode(".venv")[0] == machine.mode("")[0] == "root"
    assert "nologin" in machine.run("getent", "passwd", machine.user)

    machine.type(hand_over)
    assert machine.mode(f"data/{machine.user}.db") == (machine.user, "600")
    assert machine.run("crontab", "-u", machine.user, "-l") == TEXT

    given = {
        name: value.replace("/srv/trcpoints", str(machine.folder))
        for name, value in variables().items()
    }
    with SimulatedMee6() as mee6:
        for job in jobs().values():
            if job.is_enabled():
                settings = {**given, **mee6_support.environment(mee6)}
                assert machine.as_user(job.command, **settings) == ""
    assert machine.mode("public/points.json") == (machine.user, "644")
    assert machine.mode("public/index.html") == (machine.user, "644")
    (backup,) = (machine.folder / "data" / "backups").iterdir()
    assert machine.mode(f"data/backups/{backup.name}") == (machine.user, "600")

    machine.environment.update(postgres_environment)
    machine.type(re.sub(r"runuser -u \w+ -- ", "", move))
    assert machine.run("crontab", "-u", machine.user, "-l") == TEXT
    assert machine.mode(".env") == (machine.user, "600")
    check = f"cd {machine.folder} && .venv/bin/trcpoints db check"
    assert f"postgresql:///{machine.user}" in machine.run("sh", "-c", check)

    machine.type(re.sub(r"runuser -u \w+ -- ", "", upgrade))
    assert (machine.folder / "data" / "backups" / "before-upgrade.db").is_file()


def test_logrotate_reads_its_lines(machine: Machine) -> None:
    machine.run("useradd", "--system", "--user-group", machine.user)
    (lines,) = blocks("conf")
    machine.folder.mkdir()
    (machine.folder / "data").mkdir()
    file = machine.place / "logrotate.conf"
    file.write_text(machine.here(lines))
    log = machine.folder / "data" / f"{machine.user}.log"
    log.write_text("trcpoints: error: something\n")
    shutil.chown(machine.folder / "data", machine.user)
    shutil.chown(log, machine.user)
    machine.run("logrotate", "--force", "--state", str(machine.place / "state"), str(file))
    assert {path.name for path in log.parent.iterdir()} == {log.name, f"{log.name}.1.gz"}
    assert machine.mode(f"data/{log.name}") == (machine.user, "600")
