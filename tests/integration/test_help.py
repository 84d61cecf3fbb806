"""`--help`, and the help that wrong usage names."""

from __future__ import annotations

import pytest

from tests.support.cli import Cli
from tests.support.screen import on_a_screen


def test_a_flag_takes_no_value(sqlite_cli: Cli) -> None:
    (line,) = [x for x in on_a_screen(sqlite_cli, 80, "status", "--help") if "--verbose" in x]
    assert "<" not in line
    assert "Say more on stderr" in line


@pytest.mark.parametrize(
    "path", ["db leases", "db copy", "db backup", "db upgrade", "history prune"]
)
def test_no_line_of_help_is_broken_on_a_narrow_terminal(sqlite_cli: Cli, path: str) -> None:
    """Typer keeps the lines of what follows the summary, so they must be short by themselves."""
    lines = on_a_screen(sqlite_cli, 200, *path.split(), "--help")
    end = next(number for number, line in enumerate(lines) if line.startswith("╭"))
    rest = lines[4:end]
    assert any(line.strip() for line in rest)
    assert all(len(line.rstrip()) < 80 for line in rest)


@pytest.mark.parametrize(
    "arguments",
    [
        ("db", "leases", "--release"),
        ("history", "list", "--limit"),
        ("history", "export", "--format", "csv", "--json"),
        ("streaks", "excuse", "--reason"),
    ],
)
def test_wrong_usage_names_the_help_of_its_command(
    sqlite_cli: Cli, arguments: tuple[str, ...]
) -> None:
    result = sqlite_cli(*arguments)
    assert result.code == 2
    hint = f"trcpoints {arguments[0]} {arguments[1]} --help"
    assert hint in result.err + result.out
    assert sqlite_cli(*hint.split()[1:]).code == 0
