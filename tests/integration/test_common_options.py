"""--json, --quiet, --verbose and --env-file: the same for every command, wherever they stand."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY
from tests.integration.test_schema import program_paths
from tests.support.cli import Cli

OPTIONS = ["--json", "--quiet", "--verbose", "--env-file"]


def test_the_help_of_every_command_has_them(sqlite_cli: Cli) -> None:
    for path in program_paths():
        out = sqlite_cli(*path.split(), "--help").out
        own, _, common = out.partition("─ Common options ─")
        assert re.findall(r"^│ (--[a-z-]+)", common, re.MULTILINE) == OPTIONS, path
        assert not set(re.findall(r"^│[ *]+(--[a-z-]+)", own, re.MULTILINE)) & set(OPTIONS), path
        assert re.search(r"--env-file +FILE", common), path
        assert "default" not in common, path
        # Typer 0.29 shows a type beside its own --help.
        typed = [line for line in out.splitlines() if "<bool>" in line and " --help " not in line]
        assert typed == [], path


@pytest.mark.parametrize(
    "line",
    ["streaks --json", "streaks --json run", "streaks run --json", "streaks --json run --json"],
)
def test_a_group_and_its_command_take_json(sqlite_cli: Cli, line: str) -> None:
    assert sqlite_cli(*line.split()).json["schema"] == "trcpoints.streaks/1"


@pytest.mark.parametrize(
    "line",
    ["streaks -q", "streaks --quiet run", "streaks run -q", "streaks -q run -v", "streaks -qv"],
)
def test_a_group_and_its_command_take_quiet(sqlite_cli: Cli, line: str) -> None:
    result = sqlite_cli(*line.split())
    assert (result.code, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize(
    "line", ["streaks --env-file absent.env run", "streaks run --env-file absent.env"]
)
def test_a_group_and_its_command_take_a_file_of_settings(sqlite_cli: Cli, line: str) -> None:
    result = sqlite_cli(*line.split())
    assert result.code == 78
    assert "absent.env" in result.err


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("--nonsense", "trcpoints"),
        ("nonsense", "trcpoints"),
        ("members", "trcpoints members"),
        ("members nonsense", "trcpoints members"),
        ("members --help=3", "trcpoints members"),
        ("federation conflicts show", "trcpoints federation conflicts show"),
        ("federation conflicts --help=3", "trcpoints federation conflicts"),
        ("streaks --env-file", "trcpoints streaks"),
        ("streaks --json=3 run", "trcpoints streaks"),
        ("streaks run --env-file", "trcpoints streaks run"),
        ("streaks excuse --list --reason x", "trcpoints streaks excuse"),
        ("history list --limit 0", "trcpoints history list"),
    ],
)
def test_wrong_usage_names_the_help_of_where_it_went_wrong(
    sqlite_cli: Cli, line: str, path: str
) -> None:
    result = sqlite_cli(*line.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith(f"\n  -> {path} --help\n")


@pytest.mark.parametrize("line", ["members --json", "members add --json --no", "schema --json 1 2"])
def test_wrong_usage_is_a_document_where_json_is_asked_for(sqlite_cli: Cli, line: str) -> None:
    result = sqlite_cli(*line.split())
    assert (result.code, result.err) == (2, "")
    assert result.json["error"]["code"] == "usage"
    assert result.json["error"]["hint"] == f"trcpoints {line.partition(' --json')[0]} --help"


def test_wrong_usage_is_logged_as_the_file_of_settings_asks(sqlite_cli: Cli) -> None:
    (sqlite_cli.folder / "json.env").write_text("TRCPOINTS_LOG_FORMAT=json\n")
    result = sqlite_cli("history", "list", "--limit", "0", "--env-file", "json.env")
    assert result.code == 2
    assert result.err.startswith('{"')


def test_of_typer_only_what_has_a_public_name_is_used() -> None:
    """What has none changes from one version to the next, as the options' classes did in 0.29."""
    private = re.compile(r"\btyper[\w.]*\._\w|from typer[\w.]* import .*\b_\w")
    files = {path: path.read_text() for path in (REPOSITORY / "trcpoints").rglob("*.py")}
    assert [str(path) for path, text in files.items() if private.search(text)] == []
