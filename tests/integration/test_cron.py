"""The lines of `crontab.example` under a real cron, whose day is made short by libfaketime.

Cron runs in mount namespaces of its own, so that neither the machine's crontabs nor its mail are
touched. Its jobs have the machine's true clock: only when they start is played.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.integration.test_crontab import TEXT, jobs
from tests.support import books, mee6
from tests.support.cli import Cli
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.system

MINUTES_PER_SECOND = 1
MIDNIGHT = datetime(2026, 1, 20)  # noqa: DTZ001 (as cron reads the crontab: no zone)

_SHIM = """#!/bin/sh
{python} -m trcpoints "$@"
code=$?
echo "$code $*" >> {calls}
exit $code
"""
_ALONE = """set -e
mount -t tmpfs none /run
mount --bind {spool} /var/spool/cron/crontabs
mount --bind {empty_folder} /etc/cron.d
mount --bind {empty_file} /etc/crontab
mount --bind {mailer} /usr/sbin/sendmail
exec faketime -f '@{start} x{speed}' cron -f
"""


_SENDMAIL = Path("/usr/sbin/sendmail")
"""What cron mails with. It has to be there for another to be put over it."""


@dataclass
class Server:
    """A machine with these crontab lines, where the program is told on to `calls`."""

    place: Path
    home: Path

    @property
    def mail(self) -> str:
        """All that cron mailed."""
        file = self.place / "mail"
        return file.read_text() if file.exists() else ""

    def calls(self) -> list[tuple[int, str]]:
        """The commands that were run to their end, with their exit codes."""
        file = self.place / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(code), line) for code, line in (line.split(" ", 1) for line in lines)]

    def live(self, start: datetime, minutes: float, crontab: str) -> None:
        """Let cron live through these minutes of a day."""
        (self.place / "spool" / "root").write_text(crontab)
        (self.place / "spool" / "root").chmod(0o600)
        script = _ALONE.format(
            spool=self.place / "spool",
            empty_folder=self.place / "empty",
            empty_file=self.place / "nothing",
            mailer=self.place / "mailer",
            start=start.strftime("%Y-%m-%d %H:%M:%S"),
            speed=60 * MINUTES_PER_SECOND,
        )
        line = ["unshare", "--mount", "sh", "-c", script]
        with subprocess.Popen(
            line,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC"},
            start_new_session=True,
        ) as cron:
            try:
                cron.wait(minutes / MINUTES_PER_SECOND)
            except subprocess.TimeoutExpired:
                # Both, faketime and the cron that it started.
                os.killpg(cron.pid, signal.SIGTERM)
            else:
                raise AssertionError("cron did not run")


@pytest.fixture
def server(tmp_path: Path, sqlite_cli: Cli) -> Iterator[Server]:
    """Its settings are in `.env`, as on a machine; nothing is in the environment."""
    place = tmp_path / "server"
    home = place / "home"
    for folder in (place / "spool", place / "empty", place / "bin", home / "data" / "backups"):
        folder.mkdir(parents=True)
    (home / "public").mkdir()
    (place / "nothing").touch()
    mailer = place / "mailer"
    mailer.write_text(f"#!/bin/sh\nexec cat >> {shlex.quote(str(place / 'mail'))}\n")
    mailer.chmod(0o755)
    shim = place / "bin" / "trcpoints"
    shim.write_text(
        _SHIM.format(python=shlex.quote(sys.executable), calls=shlex.quote(str(place / "calls")))
    )
    shim.chmod(0o755)
    is_there = _SENDMAIL.exists()
    if not is_there:
        _SENDMAIL.touch()
    yield Server(place, home)
    if not is_there:
        _SENDMAIL.unlink()
    shutil.rmtree(place)


def installed(server: Server) -> str:
    """The example, for this machine."""
    home, program = server.home, server.place / "bin"
    text = TEXT.replace("TRCPOINTS_HOME=/srv/trcpoints", f"TRCPOINTS_HOME={home}")
    text = text.replace("PATH=/srv/trcpoints/.venv/bin:", f"PATH={program}:")
    return text.replace("CRON_TZ=UTC", f"CRON_TZ=UTC\nPYTHONPATH={REPOSITORY}")


def windows() -> list[tuple[datetime, float]]:
    """Parts of a day, as start and minutes, in which each line of the example has its turn."""
    times = sorted(
        MIDNIGHT + timedelta(hours=int(hour), minutes=int(minute))
        for minute, hour in (str(job.slices).split()[:2] for job in jobs().values())
        if minute.isdigit() and hour.isdigit()
    )
    parts = [[times[0], times[0]]]
    for at in times[1:]:
        if at - parts[-1][1] > timedelta(minutes=20):
            parts.append([at, at])
        parts[-1][1] = at
    # Long enough before for a sync, every 15 minutes, in each part.
    before, after = timedelta(minutes=6), timedelta(minutes=2)
    return [
        (first - before, (last - first + before + after) / timedelta(minutes=1))
        for first, last in parts
    ]


def test_each_line_does_its_work_and_mails_nothing(server: Server, sqlite_cli: Cli) -> None:
    with SimulatedMee6() as simulated:
        mee6.show(simulated, {"101": 1000})
        settings = {
            "DATABASE_URL": sqlite_cli.environment["DATABASE_URL"],
            "MEE6_REQUEST_INTERVAL": "0",
            **mee6.environment(simulated),
        }
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (server.home / ".env").write_text("".join(lines))
        books.link(sqlite_cli, ["101"])
        crontab = installed(server)
        for start, minutes in windows():
            server.live(start, minutes, crontab)
            mee6.show(simulated, {"101": 1500})
        wait_for(server, len(enabled()))
    codes = {code for code, _ in server.calls()}
    ran = {line.split(" --")[0].split(" -q")[0] for _, line in server.calls()}
    assert (codes, server.mail) == ({0}, "")
    assert ran >= enabled()
    runs = books.runs(sqlite_cli)
    assert {run.job for run in runs} >= {"sync", "streaks"}
    assert {(run.status, run.trigger) for run in runs} == {("completed", "scheduled")}
    assert books.ledger(sqlite_cli, "101") == [5]
    assert (server.home / "public" / "points.json").is_file()
    assert [*(server.home / "data" / "backups").iterdir()]


def test_cron_mails_what_a_failing_job_prints(server: Server) -> None:
    (server.home / ".env").write_text("MEE6_GUILD_ID=nonsense\n")
    server.live(MIDNIGHT - timedelta(seconds=20), 2, installed(server))
    wait_for(server, 1)
    assert (78, "sync --quiet") in server.calls()
    assert "MEE6_GUILD_ID: should be" in server.mail


def enabled() -> set[str]:
    """The commands of the lines that are not commented out."""
    return {name for name, job in jobs().items() if job.is_enabled()}


def wait_for(server: Server, count: int) -> None:
    """Until the last commands that cron started have ended, and their mail is out."""
    deadline = time.monotonic() + 30
    while len({line for _, line in server.calls()}) < count or _is_busy(server):
        assert time.monotonic() < deadline, (server.calls(), server.mail)
        time.sleep(0.05)


def _is_busy(server: Server) -> bool:
    marks = (str(server.place / "bin"), str(server.place / "mailer"))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if any(mark in words for mark in marks):
            return True
    return False
