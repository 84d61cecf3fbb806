"""What README says is supported is what the package says and the program asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from trcpoints.db import postgres, sqlite_version

REPOSITORY = Path(__file__).parents[2]
README = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pythons() -> list[int]:
    """The minor versions of the classifiers."""
    found = (re.search(r":: Python :: 3\.(\d+)$", text) for text in PROJECT["classifiers"])
    return [int(match[1]) for match in found if match]


def test_python() -> None:
    first, *_, last = supported = pythons()
    assert supported == list(range(first, last + 1))
    assert PROJECT["requires-python"] == f">=3.{first}"
    named = re.findall(r"Python (?:from )?3\.(\d+) to 3\.(\d+)", README)
    assert len(named) >= 2
    assert set(named) == {(str(first), str(last))}


def test_databases() -> None:
    oldest = ".".join(map(str, sqlite_version.OLDEST))
    assert f"SQLite {oldest} or newer" in README
    assert f"PostgreSQL {postgres.OLDEST_VERSION} to 18" in README


def test_no_statement_has_numbered_parameters() -> None:
    """Python 3.12.0 to 3.12.3 warn about them."""
    for path in (REPOSITORY / "trcpoints").rglob("*.py"):
        assert not re.search(r"[\s=(]\?(\d|\{)", path.read_text(encoding="utf-8")), path
