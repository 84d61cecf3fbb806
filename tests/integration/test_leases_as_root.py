"""Leases and databases where the operating system plays a part; as root, who may arrange it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import books
from tests.support.asking import asking
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.config import sqlite_url
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.system

ANN = "101"
CROWD = [str(number) for number in range(1000, 3000)]

CONTAINER = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
OTHERS_PROC = ["unshare", "--pid", "--fork", "--kill-child"]
NO_PROC = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
HIDDEN_PROC = [
    *("unshare", "--mount", "sh", "-c"),
    'mount -o remount,hidepid=invisible /proc && exec "$@"',
    # The file's owner still, but nobody whom /proc would show the processes of others.
    *("sh", "setpriv", "--bounding-set=-sys_ptrace", "--regid=65534", "--clear-groups"),
]


@pytest.fixture
def board(cli: Cli, mee6: SimulatedMee6) -> SimulatedMee6:
    """A board on which a member has 250 XP more than at the last sync."""
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync", "--sync-id", "first")
    show(mee6, {ANN: 1250})
    return mee6


def assert_next_must_wait(cli: Cli, before: Sequence[str] = ()) -> None:
    result = cli.process("sync", "--json", before=before)
    assert (result.code, result.json["reason"]) == (75, "lease_held"), result


def assert_next_takes_over(cli: Cli, before: Sequence[str] = ()) -> None:
    result = cli.process("sync", "--sync-id", "next", "--json", before=before)
    assert result.code == 0, result
    statuses = {run.id: run.status for run in books.runs(cli)}
    assert statuses == {"first": "completed", "old": "abandoned", "next": "completed"}
    assert books.ledger(cli, ANN) == [2]
    assert cli("points", "verify").code == 0


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what was started and, by --kill-child, the program that it started."""
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("holder", "follower"),
    [
        (CONTAINER, []),
        ([], CONTAINER),
        (CONTAINER, CONTAINER),
        (OTHERS_PROC, []),
        (OTHERS_PROC, OTHERS_PROC),
        (NO_PROC, []),
        ([], NO_PROC),
        (NO_PROC, NO_PROC),
    ],
    ids=lambda before: "-".join(before[1:3]).replace("--", "") or "plain",
)
def test_who_cannot_be_seen_counts_as_gone_after_half_an_hour(
    cli: Cli, board: SimulatedMee6, holder: list[str], follower: list[str]
) -> None:
    with asking(cli, board, "--sync-id", "old", before=holder) as sync:
        assert_next_must_wait(cli, follower)
        kill_group(sync.process)
        assert_next_must_wait(cli, follower)
        books.change_lease(cli, heartbeat_at=datetime.now(UTC) - timedelta(minutes=31))
        assert_next_takes_over(cli, follower)


def test_who_is_alive_in_another_namespace_too_long_is_locked_out(
    cli: Cli, board: SimulatedMee6
) -> None:
    with asking(cli, board, "--sync-id", "old", before=CONTAINER) as sync:
        books.change_lease(cli, heartbeat_at=datetime.now(UTC) - timedelta(minutes=31))
        assert_next_takes_over(cli)
        assert sync.end().code == 75
    assert books.ledger(cli, ANN) == [2]


def test_a_number_of_another_namespace_means_nothing(cli: Cli, board: SimulatedMee6) -> None:
    # Both are in a namespace whose /proc shows their host's processes under the host's numbers:
    # the holder was nobody there as it began, and another process is now.
    with asking(cli, board, "--sync-id", "old", before=OTHERS_PROC) as sync:
        books.change_lease(cli, process_started="")
        starter = sync.process.pid
        (program,) = Path(f"/proc/{starter}/task/{starter}/children").read_text().split()
        assert_next_must_wait(cli, ["nsenter", "--target", program, "--pid"])
        assert sync.end().code == 0


def test_a_hidden_process_is_alive_until_it_is_not(cli: Cli, board: SimulatedMee6) -> None:
    with asking(cli, board, "--sync-id", "old") as sync:
        assert_next_must_wait(cli, HIDDEN_PROC)
        kill_group(sync.process)
        assert_next_takes_over(cli, HIDDEN_PROC)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 4 MB."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    place.rmdir()


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_a_full_disk(cli: Cli, mee6: SimulatedMee6, small_disk: Path) -> None:
    cli.environment["DATABASE_URL"] = sqlite_url(small_disk / "books.db")
    books.link(cli, [ANN, *CROWD[:1000]])
    show(mee6, {ANN: 1000, **dict.fromkeys(CROWD, 10)})
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        free = shutil.disk_usage(small_disk).free
        file.write(bytes(max(0, free - 48 * 1024)))
    full = cli.process("sync", "--json")
    assert full.code == 74, full
    assert full.json["error"]["code"] == "database_unavailable"
    assert "disk is full" in full.json["error"]["message"]
    assert "Traceback" not in full.err
    assert books.activity(cli, ANN) == []
    filler.unlink()
    assert cli.ok("sync")["members"]["baselined"] == 1001
    assert cli("points", "verify").code == 0
    assert "running" not in [run.status for run in books.runs(cli)]


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_a_disk_that_may_only_be_read(cli: Cli, board: SimulatedMee6) -> None:
    folder = cli.folder / "disk"
    folder.mkdir()
    path = folder / "books.db"
    cli.ok("db", "backup", str(path))
    cli.environment["DATABASE_URL"] = sqlite_url(path)
    before = [
        *("unshare", "--mount", "sh", "-c"),
        f'mount --bind -o ro {folder} {folder} && mount -o remount,bind,ro {folder} && exec "$@"',
        "sh",
    ]
    for command in (["sync"], ["streaks"], ["points", "award", ANN, "--points", "1"]):
        options = ["--source", "intro", "--key", "k"] if command[0] == "points" else []
        result = cli.process(*command, *options, "--json", before=before)
        assert result.code == 74, result
        assert result.json["error"]["code"] == "database_unavailable"
        assert "its file system is read-only" in result.json["error"]["message"]
        assert "Traceback" not in result.err
    assert cli.process("status", "--json", before=before).code == 0
    assert cli.ok("sync")["points"]["awarded"] == 2
