"""Everything that the README shows is run, and everything there is, is shown."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tests.conftest import REPOSITORY
from tests.support.cli import Cli
from tests.support.mee6 import environment
from trcpoints.cli.main import Commands
from trcpoints.demo.server import SimulatedMee6

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ADA, BRENDAN, CIARA = "159962941502783488", "159962941502783489", "159962941502783490"


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def inline_commands() -> list[str]:
    """Commands within sentences."""
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE)
    return sorted(set(re.findall(r"`(trcpoints [^`]+)`", prose)))


def program_paths() -> list[str]:
    """Every command there is, as it is typed."""
    paths = []
    for name, (module, _) in Commands.lazy.items():
        __import__(module)
        paths += paths_below(name, typer.main.get_command(sys.modules[module].app))
    return paths


def paths_below(path: str, command: object) -> list[str]:
    """The command, or those of the group that it is."""
    children = getattr(command, "commands", None)
    if not children:
        return [path]
    return [below for name, one in children.items() for below in paths_below(f"{path} {name}", one)]


def test_its_first_screen_has_the_two_lines_that_ci_runs() -> None:
    install, test = blocks("sh")[:2]
    assert install.startswith("python3 -m venv .venv && ")
    assert install.endswith("/trcpoints demo\n")
    assert "not system and not slow" in test


@pytest.mark.parametrize(
    "jq", [False, pytest.param(True, marks=pytest.mark.system)], ids=["without jq", "with jq"]
)
def test_the_operators_commands_run_in_order(
    sqlite_cli: Cli, program_on_path: Path, *, jq: bool
) -> None:
    cli = sqlite_cli
    lines = "\n".join(blocks("sh")[2:]).splitlines()
    script = "\n".join(line for line in lines if jq or "| jq " not in line)
    (env_file,) = blocks("ini")
    (cli.folder / ".env").write_text(env_file)
    with SimulatedMee6() as mee6:
        board = [(ADA, "ada", 3000), (BRENDAN, "brendan", 2000), (CIARA, "ciara", 10)]
        mee6.world.replace(board)
        page = {
            "guild": {"id": mee6.guild_id},
            "players": [{"id": i, "xp": x} for i, _, x in board],
        }
        (cli.folder / "leaderboard.json").write_text(json.dumps(page))
        settings = {**cli.environment, **environment(mee6)}
        settings["PATH"] = f"{program_on_path}:{settings['PATH']}"
        del settings["MEE6_GUILD_ID"]  # it is in the .env that the README shows
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", script],
            cwd=cli.folder,
            env=settings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert cli.ok("members", "list")["total"] == 3
    member = cli.ok("members", "show", f"discord:{ADA}")["member"]
    assert (member["points"], member["phone"]) == (30, "+353 1 234 5678")
    assert (member["first_name"], member["subscription_status"]) == ("Ada", "ACTIVE")
    assert_adas_conflict_was_decided(cli)


def test_the_section_on_federations_needs_no_more_than_a_database(
    sqlite_cli: Cli, program_on_path: Path
) -> None:
    cli = sqlite_cli
    section = README.partition("\n## Federations\n")[2].partition("\n## ")[0]
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", f"trcpoints db upgrade\n{script}"],
        cwd=cli.folder,
        env={
            **cli.environment,
            "DATABASE_URL": "sqlite:///fresh.db",
            "PATH": f"{program_on_path}:{cli.environment['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cli.environment["DATABASE_URL"] = f"sqlite:///{cli.folder / 'fresh.db'}"
    assert cli.ok("members", "list")["total"] == 2
    assert_adas_conflict_was_decided(cli)


def assert_adas_conflict_was_decided(cli: Cli) -> None:
    """The one that is shown and kept is the one that the lines before it made, and the only one."""
    listed = cli.ok("federation", "conflicts", "list", "--all")
    [conflict] = listed["conflicts"]
    told = (conflict["conflict_id"], conflict["name"], conflict["field"], conflict["kept"])
    assert told == ("1", "Ada", "first_name", "ours")


@pytest.mark.parametrize("line", inline_commands())
def test_a_command_within_a_sentence_is_one_that_there_is(sqlite_cli: Cli, line: str) -> None:
    arguments = shlex.split(line)[1:]
    result = sqlite_cli(*(a for a in arguments if a not in {"ID", "FILE"}), "--help")
    assert result.code == 0, result.err
    assert "Usage: trcpoints" in result.out


@pytest.mark.parametrize("path", program_paths())
def test_a_command_that_there_is_is_shown_and_explains_itself(sqlite_cli: Cli, path: str) -> None:
    assert f"trcpoints {path}" in README
    usage = sqlite_cli(*path.split(), "--help", env={"COLUMNS": "200"})
    assert usage.code == 0
    assert f"Example: trcpoints {path}" in usage.out
    for option in ("--json", "--quiet", "--verbose", "--env-file"):
        assert option in usage.out


def test_what_root_types_is_shell_and_names_commands_that_there_are(sqlite_cli: Cli) -> None:
    """`test_server` runs these lines, where it may."""
    script = "\n".join(blocks("bash"))
    subprocess.run(["bash", "-n", "-c", script], check=True)
    lines = re.findall(r"\.venv/bin/trcpoints ([^)\n]+)", script)
    assert len(lines) > 3
    for line in lines:
        assert sqlite_cli(*shlex.split(line), "--help").code == 0


def test_the_settings_table_is_complete() -> None:
    source = (REPOSITORY / "trcpoints" / "config.py").read_text(encoding="utf-8")
    read = set(re.findall(r'reader\.get(?:_or)?\(\s*"([A-Z0-9_]+)"', source))
    assert read
    assert not [name for name in read if f"`{name}`" not in README]


def test_the_simulated_server_of_the_readme_starts() -> None:
    (line,) = blocks("text")
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "trcpoints.demo.server"]
    done = subprocess.run(
        [sys.executable, *words[1:], "--help"], capture_output=True, text=True, check=True
    )
    assert all(option in done.stdout for option in ("--port", "--members", "--write-members"))
