"""What each command loads: hundreds of runs a day pay for every module (design, section 15)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.cli import Cli

HEAVY = frozenset(
    {
        "asyncio",
        "backoff",
        "jinja2",
        "msgspec",
        "peewee",
        "playhouse",
        "psycopg",
        "pydantic",
        "pygal",
        "requests",
        "rich.console",
        "rich.table",
        "sentry_sdk",
        "urllib3",
    }
)
SHELL = {
    "cli", "config", "env_file", "errors", "garbage", "logs", "secrecy", "signals",
    "sqlite_address",
}  # fmt: skip
BOOKS = SHELL | {"db", "documents"}

RUN_AND_TELL = """
import json, sys
from trcpoints.cli.main import main
code = main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""

PARSE_AN_OPTION = """
import json, sys, typer
app = typer.Typer(add_completion=False)
@app.command()
def greet(name: str = "") -> None: ...
app(["--name", "x"], standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""

PAGE = {"guild": {"id": "159962941502783488"}, "players": [{"id": "101", "xp": 500}], "page": 0}


def loaded(cli: Cli, *arguments: str) -> set[str]:
    """The modules that a fresh Python has loaded when the command ends."""
    return loaded_by(RUN_AND_TELL, *arguments, folder=cli.folder, environment=cli.environment)


@cache
def typers_own() -> frozenset[str]:
    """The heavy modules that Typer itself loads to parse any option: pydantic, from 0.29 on."""
    return HEAVY.intersection(loaded_by(PARSE_AN_OPTION))


def loaded_by(
    program: str,
    *arguments: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> set[str]:
    """The modules that a fresh Python has loaded when the program ends."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("command", "heavy", "ours"),
    [
        ("--version", set(), SHELL),
        ("--help", {"rich.console", "rich.table"}, SHELL),
        ("sync --help", {"rich.console", "rich.table"}, SHELL),
        ("federation retry -q", {"msgspec"}, SHELL | {"documents", "federation"}),
        ("members list --json", {"msgspec", "peewee"}, BOOKS | {"members", "records"}),
        ("history list --json", {"msgspec", "peewee"}, BOOKS | {"jobs"}),
        (
            "report --public --output page.html -q",
            {"jinja2", "msgspec", "peewee", "pygal"},
            BOOKS | {"guards", "jobs", "members", "monitoring", "points", "records", "report"},
        ),
        (
            "sync --from board.json --json",
            {"msgspec", "peewee"},
            BOOKS
            | {"guards", "http", "jobs", "mee6", "members", "monitoring", "points", "records"},
        ),
        (
            "sync --from board.json -q",
            {"msgspec", "peewee"},
            BOOKS
            | {"guards", "http", "jobs", "mee6", "members", "monitoring", "points", "records"},
        ),
    ],
)
def test_a_command_loads_only_what_it_uses(
    sqlite_cli: Cli, command: str, heavy: set[str], ours: set[str]
) -> None:
    (sqlite_cli.folder / "board.json").write_text(json.dumps(PAGE))
    sqlite_cli.ok("members", "add", "--discord-id", "101")
    modules = loaded(sqlite_cli, *command.split())
    packages = {name.split(".")[1] for name in modules if name.startswith("trcpoints.")}
    own = frozenset() if command in {"--version", "--help"} else typers_own()
    assert modules & HEAVY == heavy | own
    assert packages == ours


def test_sqlite_does_without_psycopg_where_it_is_installed(sqlite_cli: Cli) -> None:
    assert version("psycopg")
    modules = loaded(sqlite_cli, "members", "list", "--json")
    assert not [name for name in modules if name.startswith("psycopg")]
