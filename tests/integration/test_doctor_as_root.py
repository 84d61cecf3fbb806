"""`trcpoints doctor` on a full disk and on other users' files, which only root can make."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.cli import Cli
from tests.support.doctor import checks
from trcpoints.config import sqlite_path, sqlite_url

pytestmark = pytest.mark.system

NOBODY = 65534


@pytest.fixture
def cli(sqlite_cli: Cli) -> Cli:
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "no"
    return sqlite_cli


@contextmanager
def moved(cli: Cli, folder: Path) -> Iterator[Path]:
    """The database in another folder, which is there for the block."""
    file = sqlite_path(cli.environment["DATABASE_URL"])
    assert file is not None
    target = folder / "books.db"
    target.write_bytes(file.read_bytes())
    target.chmod(0o600)
    cli.environment["DATABASE_URL"] = sqlite_url(target)
    yield target


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can look into, as those of tests are not."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_small_disk(cli: Cli, small_disk: Path) -> None:
    with moved(cli, small_disk):
        found = checks(cli, code=74)
        assert "it should be 50.0 MB at least" in found["disk"]["message"]
        assert found["writing"]["status"] == "ok"


def test_a_full_disk(cli: Cli, small_disk: Path) -> None:
    with moved(cli, small_disk):
        disk = os.statvfs(small_disk)
        (small_disk / "rest").write_bytes(b"x" * disk.f_bavail * disk.f_bsize)
        found = checks(cli, code=74)
        faults = [name for name, check in found.items() if check["status"] == "fault"]
        # What to mend comes first.
        assert faults[0] == "disk"
        assert {"database", "writing"} & set(faults)
        assert found["disk"]["message"].startswith("0.0 MB are free")


def test_a_disk_that_is_read_only(cli: Cli, small_disk: Path) -> None:
    """Which stops root, too."""
    with moved(cli, small_disk):
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        found = checks(cli, code=74)
        faults = [name for name, check in found.items() if check["status"] == "fault"]
        assert {"database", "writing"} & set(faults)


def test_root_looks_at_another_users_file(cli: Cli, open_folder: Path) -> None:
    with moved(cli, open_folder) as file:
        os.chown(file, NOBODY, -1)
        check = checks(cli, code=74)["permissions"]
        assert "may not write in its folder (mode 0755)" in check["message"]
        os.chown(open_folder, NOBODY, -1)
        check = checks(cli)["permissions"]
        assert (check["status"], "you are root" in check["message"]) == ("warning", True)
        assert check["hint"].endswith("-- trcpoints doctor")


def test_somebody_else_looks_at_roots_file(
    cli: Cli, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_folder)
    cli.folder = open_folder
    with moved(cli, open_folder):
        checks(cli)  # loads what this user may not be able to read
        os.seteuid(NOBODY)
        try:
            found = checks(cli, code=74)
        finally:
            os.seteuid(0)
        assert "cannot be opened" in found["database"]["message"]
        assert found["permissions"]["status"] == "warning"
