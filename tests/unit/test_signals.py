"""Signals that arrive where Python loses, wraps or mumbles about what they raise."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.cli import Cli

PAGE = {"guild": {"id": "993536706509885777"}, "players": [{"id": "101", "xp": 1000}]}

SCRIPT = """
import atexit, os, signal, sys, time
import trcpoints.jobs.sync.job as job
from trcpoints.cli.main import run

def stop():
    os.kill(os.getpid(), signal.SIGTERM)

decide = job.decide
def interrupted(*arguments, **options):
    {here}
    return decide(*arguments, **options)
job.decide = interrupted
{before}
sys.argv = ["trcpoints", "sync", "--from", "board.json", "--json"]
run()
"""
IN_A_CLASS = """
    class Named:
        def __set_name__(self, owner, name):
            stop()
    class Broken:
        field = Named()
"""
IN_A_FINALIZER = """
    class Last:
        def __del__(self):
            stop()
    del_me = Last()
    del del_me
    time.sleep(30)
"""


def run(cli: Cli, *, here: str = "", before: str = "") -> subprocess.CompletedProcess[str]:
    Path(cli.folder, "board.json").write_text(json.dumps(PAGE))
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(here=here, before=before)],
        cwd=cli.folder,
        env=cli.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def assert_interrupted(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "")
    assert json.loads(done.stdout)["status"] == "interrupted"


def test_one_that_breaks_off_a_class_statement(sqlite_cli: Cli) -> None:
    assert_interrupted(run(sqlite_cli, here=IN_A_CLASS))


def test_one_that_breaks_off_a_finalizer(sqlite_cli: Cli) -> None:
    assert_interrupted(run(sqlite_cli, here=IN_A_FINALIZER))


def test_one_that_comes_too_late(sqlite_cli: Cli) -> None:
    done = run(sqlite_cli, before="atexit.register(stop)")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "completed"
