"""The version: other code has another one, so that an upgrade takes it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from trcpoints import __version__

UNRELEASED = "unreleased"
CHANGES = "trcpoints/guide/changes.md"
INSTALLED = ("trcpoints", "crontab.example", f":(exclude){CHANGES}")
"""What an installed package has and does."""

Write = Callable[[str, str], None]


def sections(changes: str) -> list[tuple[str, str]]:
    """The versions and their dates, in the order of the file."""
    headings = re.findall(r"^## (.*)$", changes, re.MULTILINE)
    found = [re.fullmatch(r"(\d+\.\d+\.\d+), (unreleased|\d{4}-\d\d-\d\d)", x) for x in headings]
    assert headings
    assert all(found), headings
    return [(match[1], match[2]) for match in found if match]


def git(repository: Path, *arguments: str) -> str:
    """What git prints; skips the test where it has no answer."""
    # A hook's environment names another repository.
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as fault:
        pytest.skip(f"there is no git, or no history of {repository}: {fault}")
    return done.stdout


def changed_since_release(repository: Path) -> list[str]:
    """The files of the package that were changed and committed under a version with a date."""
    if Path(git(repository, "rev-parse", "--show-toplevel").strip()) != repository.resolve():
        pytest.skip(f"{repository} has no history of its own")
    (_, date), *_ = sections(git(repository, "show", f"HEAD:{CHANGES}"))
    if date == UNRELEASED:
        return []
    newest = git(repository, "blame", "--porcelain", "-L/^## /,+1", "HEAD", "--", CHANGES)
    released = newest.split()[0]
    return git(repository, "diff", "--name-only", released, "HEAD", "--", *INSTALLED).split()


def test_changes_begin_with_the_version() -> None:
    found = sections((REPOSITORY / CHANGES).read_text(encoding="utf-8"))
    versions = [tuple(map(int, version.split("."))) for version, _ in found]
    dates = [date for _, date in found]
    assert found[0][0] == __version__
    assert versions == sorted(set(versions), reverse=True)
    assert dates == sorted(dates, reverse=True)
    assert UNRELEASED not in dates[1:]


def test_other_code_has_another_version() -> None:
    assert changed_since_release(REPOSITORY) == [], (
        f"These were changed after {__version__} got its date: raise __version__ in "
        f"trcpoints/__init__.py, and begin a section of {CHANGES}, unreleased."
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Commits a file of a new repository."""

    def commit(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        git(tmp_path, "add", ".")
        who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        git(tmp_path, *who, "commit", "--quiet", "--no-verify", "--message", name)

    git(tmp_path, "init", "--quiet")
    commit(CHANGES, "# Changes\n\n## 0.1.0, 2026-11-30\n\nThe first.\n")
    return commit


def test_what_has_a_date_stays(tmp_path: Path, write: Write) -> None:
    write("README.md", "other")
    write(CHANGES, "# Changes\n\n## 0.1.0, 2026-11-30\n\nThe first version.\n")
    assert changed_since_release(tmp_path) == []
    write("trcpoints/code.py", "other = True\n")
    assert changed_since_release(tmp_path) == ["trcpoints/code.py"]


def test_what_has_no_date_may_change_until_it_gets_one(tmp_path: Path, write: Write) -> None:
    older = "## 0.1.0, 2026-11-30\n\nThe first.\n"
    write(CHANGES, f"# Changes\n\n## 0.2.0, unreleased\n\n{older}")
    write("trcpoints/code.py", "other = True\n")
    assert changed_since_release(tmp_path) == []
    write(CHANGES, f"# Changes\n\n## 0.2.0, 2026-12-01\n\n{older}")
    assert changed_since_release(tmp_path) == []
    write("trcpoints/code.py", "other = False\n")
    assert changed_since_release(tmp_path) == ["trcpoints/code.py"]
