"""What is built from the repository, installed elsewhere: it is whole, and an upgrade takes it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from trcpoints import __version__

pytestmark = pytest.mark.slow

EXAMPLE = (REPOSITORY / "crontab.example").read_text(encoding="utf-8")
NOT_COPIED = (".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "dist", "build")


def run(folder: Path, *words: str | Path) -> str:
    """What a program prints that must succeed."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of a new environment, which has what these tests have, but not trcpoints."""
    run(tmp_path, sys.executable, "-m", "venv", "venv")
    python = tmp_path / "venv" / "bin" / "python"
    site = run(tmp_path, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    # What is named in a .pth file comes after what is installed.
    (Path(site.strip()) / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    run(tmp_path, python, "-m", "pip", "install", "--quiet", "hatchling")
    return python


def build(python: Path, source: Path, kind: str, into: Path) -> Path:
    """Build a package of a folder, the only file in another."""
    run(source, python, "-m", "hatchling", "build", "-t", kind, "-d", into)
    (built,) = into.iterdir()
    return built


def install(python: Path, wheel: Path) -> None:
    run(wheel.parent, python, "-m", "pip", "install", "--quiet", "--upgrade", "--no-deps", wheel)


def test_an_upgrade_takes_what_is_built_from_an_archive(tmp_path: Path, python: Path) -> None:
    program = python.with_name("trcpoints")
    source = tmp_path / "source"
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(*NOT_COPIED))
    archive = build(python, source, "sdist", tmp_path / "archive")

    # The package of an older checkout.
    version = source / "trcpoints" / "__init__.py"
    version.write_text(version.read_text().replace(__version__, "0.0.9"))
    (source / "crontab.example").write_text("# older\n")
    install(python, build(python, source, "wheel", tmp_path / "older"))
    assert run(tmp_path, program, "--version") == "trcpoints 0.0.9\n"
    assert run(tmp_path, program, "crontab") == "# older\n"

    run(tmp_path, "tar", "-xzf", archive)
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert (unpacked / "crontab.example").read_text(encoding="utf-8") == EXAMPLE
    install(python, build(python, unpacked, "wheel", tmp_path / "newer"))
    assert run(tmp_path, program, "--version") == f"trcpoints {__version__}\n"
    assert run(tmp_path, program, "crontab") == EXAMPLE
    assert run(tmp_path, python, "-m", "trcpoints", "crontab") == EXAMPLE
