"""`crontab.example` is a crontab: cron can read it, and each of its jobs is a command there is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from crontab import CronTab

from tests.conftest import REPOSITORY
from tests.support.cli import Cli

EXAMPLE = REPOSITORY / "crontab.example"
TEXT = EXAMPLE.read_text(encoding="utf-8")


def jobs() -> dict[str, Any]:
    """The jobs, those that are commented out too, by their command without options."""
    found = {}
    for job in CronTab(tabfile=str(EXAMPLE)):
        match = re.search(r"&& trcpoints ([a-z -]+?)(?: -|$)", job.command)
        assert match, job.command
        found[match[1]] = job
    return found


def variables() -> dict[str, str]:
    """The environment that the crontab gives to its jobs."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", TEXT, re.MULTILINE))


def test_the_program_prints_it_quietly_too(sqlite_cli: Cli) -> None:
    # Nothing that is piped into crontab would be an empty crontab.
    for quiet in ([], ["--quiet"]):
        result = sqlite_cli("crontab", *quiet, env={"DATABASE_URL": "wrong"})
        assert (result.code, result.out, result.err) == (0, TEXT, "")
        document = sqlite_cli("crontab", "--json", *quiet).json
        assert document == {"schema": "trcpoints.crontab/1", "text": TEXT}


def test_every_line_is_a_comment_a_variable_or_a_job() -> None:
    for line in TEXT.splitlines():
        assert not line or re.match(r"#|[A-Z_]+=[^ ]+$|[*/0-9]+( [*/0-9]+){4} cd ", line), line
    lines = re.findall(r"^#?[*0-9][^a-z]* cd ", TEXT, re.MULTILINE)
    assert len(jobs()) == len(lines)


def test_what_runs_when() -> None:
    times = {name: (str(job.slices), job.is_enabled()) for name, job in jobs().items()}
    assert times == {
        "sync": ("*/15 * * * *", True),
        "streaks": ("5 0 * * *", True),
        "leaderboard": ("*/5 * * * *", True),
        "report": ("35 * * * *", True),
        "status": ("*/5 * * * *", False),
        "federation sync": ("0 2 * * *", True),
        "federation retry": ("*/5 * * * *", True),
        "db backup": ("30 2 * * *", True),
        "points verify": ("40 2 * * *", True),
        "history prune": ("50 2 * * *", True),
        "doctor": ("0 9 * * 1", False),
    }
    assert all(job.is_valid() for job in jobs().values())
    assert variables()["CRON_TZ"] == "UTC"
    assert variables()["TRCPOINTS_TRIGGER"] == "scheduled"


def test_no_command_is_cut_at_a_percent_sign() -> None:
    assert [job.stdin for job in jobs().values()] == [None] * len(jobs())
    assert "%u" in jobs()["db backup"].command


@pytest.mark.parametrize("name", jobs())
def test_a_job_starts_a_command_that_there_is(
    sqlite_cli: Cli, program_on_path: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    job = jobs()[name]
    done = subprocess.run(
        ["/bin/sh", "-c", f"{job.command} --help"],
        cwd=tmp_path,
        env={
            **sqlite_cli.environment,
            **variables(),
            "TRCPOINTS_HOME": str(folder),
            "PATH": f"{program_on_path}:/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: trcpoints {name}" in done.stdout
    if job.is_enabled():
        assert "--quiet" in job.command  # cron mails what a job prints
