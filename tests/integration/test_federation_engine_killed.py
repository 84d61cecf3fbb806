"""An organization is synced as a whole or not at all, whatever happens at any write (section 8)."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.support.cli import Cli
from tests.support.engine import NOW, Federation, Listed, Record
from tests.support.postgres import PostgresServer
from tests.support.streaks import assert_sound, award, run, shown, streak
from trcpoints.config import sqlite_path, sqlite_url
from trcpoints.db.engine import Engine

HEADER = "id,first_name,last_name,date_of_birth,email,phone,address,discord_id,subscription_status"
BEFORE = """M1,Ann,Lee,,ann@x.ie,,1 Main St,101,paid
M2,Bo,Lee,,bo@x.ie,,1 Main St,102,paid
M3,Cy,Lee,,cy@x.ie,,1 Main St,103,paid
M4,Di,Lee,,di@x.ie,,1 Main St,,lapsed
M5,Ed,Lee,,ed@x.ie,,1 Main St,105,paid
M6,Flo,Lee,,flo@x.ie,,1 Main St,106,paid
"""
# A conflict, another account, a cleared field, a rejected record, one gone, one new, one adopted.
AFTER = """M1,Ann,Lee,,ann@x.ie,,2 Main St,101,paid
M2,Bo,Lee,,bo@x.ie,,1 Main St,122,paid
M3,Cy,Lee,,,,1 Main St,103,paid
M4,Di,Lee,,di@x.ie,,1 Main St,,perhaps
M6,Flo,Lee,,flo@x.ie,,1 Main St,106,paid
M7,Gus,Lee,,gus@x.ie,,1 Main St,107,paid
M8,Hal,Lee,,hal@x.ie,,1 Main St,108,paid
"""


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    """An organization that was synced, and has changed since on both sides."""
    made = Federation(cli, tmp_path)
    made.sync(*records(BEFORE))
    made.by_hand(1, address="3 Main St")
    cli.ok("members", "add", "--discord-id=108")
    # Flo is away, and will be back.
    made.sync(source=Listed(), external_id="M6")
    return made


def records(lines: str) -> list[Record]:
    names = HEADER.split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines.splitlines()]


def test_a_failure_at_any_write_rolls_everything_back(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    left = 0

    def failing(write: Any) -> Any:
        def writing(*arguments: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Stop
            write(*arguments)

        return writing

    for kind in Engine.__subclasses__():
        for name in ("insert_rows", "update_rows"):
            monkeypatch.setattr(kind, name, failing(getattr(kind, name)))
    before = federation.everything(), federation.sources()
    for number in range(1, 9):
        left = number
        with pytest.raises(Stop):
            federation.sync(*records(AFTER))
        assert (federation.everything(), federation.sources()) == before
    left = 0
    counts = federation.sync(*records(AFTER)).counts
    found = (counts.created, counts.updated, counts.rejected, counts.missing, counts.conflicts)
    assert found == (1, 5, 1, 1, 1)


@pytest.fixture
def killed(federation: Federation, tmp_path: Path) -> Federation:
    (tmp_path / "st-judes.csv").write_text(f"{HEADER}\n{AFTER}", encoding="utf-8")
    environment = federation.cli.environment
    environment["FEDERATION_CONFIG"] = str(tmp_path / "federations.toml")
    return federation


@pytest.mark.slow
def test_killed_at_any_write_the_next_run_makes_up_for_it(
    killed: Federation, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    environment = killed.cli.environment
    origin = environment["DATABASE_URL"]

    def copy(number: int) -> str:
        path = sqlite_path(origin)
        if path is None:
            server: PostgresServer = request.getfixturevalue("postgres")
            return server.create_database(template=origin)
        shutil.copyfile(path, tmp_path / f"copy-{number}.db")
        return sqlite_url(tmp_path / f"copy-{number}.db")

    environment["DATABASE_URL"] = copy(0)
    undisturbed = disturbed(killed.cli, 0)
    assert undisturbed.returncode == 0, undisturbed
    expected = timeless(killed)
    steps = int(undisturbed.stderr.splitlines()[-1])
    assert steps >= 40
    for at in range(1, steps + 1, 3):
        environment["DATABASE_URL"] = copy(at)
        assert disturbed(killed.cli, at).returncode == -signal.SIGKILL, at
        assert killed.cli("points", "verify").code == 0, at
        # The try that was killed has failed, and is tried again when that has been noticed.
        for hours, command in ((1, COMMAND), (2, ("federation", "retry"))):
            with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
                assert killed.cli(*command).code == 0, (at, command)
        assert timeless(killed) == expected, at


COMMAND = ("federation", "sync", "--organization", "st-judes", "--accept-changes", "--quiet")


def disturbed(cli: Cli, at: int) -> subprocess.CompletedProcess[str]:
    """Sync in a process that is killed at a step."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.killer", "KILL", str(at), *COMMAND],
        env=cli.environment,
        cwd=cli.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def timeless(federation: Federation) -> list[object]:
    """What is in the books, but for times and the ids of runs and rows."""
    dropped = {"created_at", "updated_at", "synced_at", "modified_at", "run_id"}
    members, *others = federation.everything()
    assert isinstance(members, dict)
    found: list[object] = []
    for rows in (list(members.values()), *others):
        assert isinstance(rows, list)
        own = dropped if rows and "carry" in rows[0] else {*dropped, "id"}
        found.append(
            [
                {key: value for key, value in row.items() if key not in own}
                | {"missing_since": row.get("missing_since") is not None}
                for row in rows
            ]
        )
    return found


def test_streaks_of_one_who_was_not_active_are_judged_when_they_are_back(
    cli: Cli, tmp_path: Path
) -> None:
    federation = Federation(cli, tmp_path)
    ann = records(BEFORE)[0]
    federation.sync(ann, now=NOW)  # a Monday
    for day in (19, 20, 21, 22, 23):
        award(cli, f"2026-01-{day}")
        if day == 20:
            federation.sync(source=Listed(), external_id="M1", now=NOW + timedelta(days=1))
            run(cli, "2026-01-20")
        if day == 22:
            run(cli, "2026-01-22")
            assert shown(cli)["streak_paused"] is True
            assert streak(cli) == (0, 0)
            federation.sync(ann, now=NOW + timedelta(days=3))
            assert_sound(cli)
    run(cli, "2026-01-24")
    assert streak(cli) == (5, 5)
    assert_sound(cli)
    # Away and back between two runs.
    federation.sync(source=Listed(), external_id="M1", now=NOW + timedelta(days=5))
    federation.sync(ann, now=NOW + timedelta(days=6))
    award(cli, "2026-01-26")
    run(cli, "2026-01-27")
    assert streak(cli) == (6, 6)
    assert_sound(cli)
