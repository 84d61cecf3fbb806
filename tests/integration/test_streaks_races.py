"""The streaks and the midnight sync at the same moment, in processes of their own (section 9)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.support.streaks import add, assert_sound, at, shown
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

MONDAY = datetime(2026, 1, 19)  # noqa: DTZ001 (what `at` takes)
PEOPLE = [str(10**17 + number) for number in range(40)]


def start(cli: Cli, moment: datetime, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command as a process whose clock says so."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.clock", moment.isoformat(), *arguments],
        cwd=cli.folder,
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def done(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for a command that must succeed; its document."""
    with process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b""), out
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize("rounds", [3, pytest.param(24, marks=pytest.mark.slow)])
def test_whichever_commits_first(cli: Cli, mee6: SimulatedMee6, rounds: int) -> None:
    for person in PEOPLE:
        add(cli, MONDAY.isoformat(), "--discord-id", person)
    xp = 1000
    judged = 0
    firsts = set()
    for number in range(rounds):
        midnight = MONDAY + timedelta(days=number + 1)
        show(mee6, dict.fromkeys(PEOPLE, xp))
        with at((midnight - timedelta(minutes=15)).isoformat()):
            cli.ok("sync")
        xp += 100
        show(mee6, dict.fromkeys(PEOPLE, xp))
        seen = len(mee6.requests)
        syncing = start(cli, midnight + timedelta(seconds=5), "sync", "--json")
        # In every other round the sync is about to commit when the streaks start.
        while number % 2 and len(mee6.requests) == seen and syncing.poll() is None:
            time.sleep(0.002)
        judging = start(cli, midnight + timedelta(seconds=6), "streaks", "--json")
        done(syncing)
        longer = done(judging)["members"]["incremented"]
        weekday = midnight.weekday() not in {6, 0}
        if weekday:
            firsts.add("sync" if longer else "streaks")
        judged += weekday
        member = shown(cli, "1")
        assert (member["current_streak"], member["points"]) == (judged, number + 1)
        assert_sound(cli)
    # In a few rounds on a busy machine, it may be the same one each time.
    assert firsts == {"sync", "streaks"} or rounds < 24
