"""The Tab key: what bash, zsh and fish are told of commands and options."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.cli import Cli

# What was typed, and what must be among the completions; `!` before what must not.
TYPED = [
    ("trcpoints ", ["sync", "members", "db", "!import"]),
    ("trcpoints mem", ["members", "!sync"]),
    ("trcpoints db ", ["upgrade", "check", "copy", "backup", "!members"]),
    ("trcpoints members im", ["import", "!add"]),
    ("trcpoints db copy --", ["--to", "--json", "--quiet", "!--dry-run"]),
    ("trcpoints sync --json --d", ["--dry-run", "!--json"]),
    ("trcpoints points award ann@example.org --so", ["--source", "!--points"]),
]


def ask(cli: Cli, shell: str, typed: str) -> list[str]:
    """The completions, as the shell's own script asks for them."""
    environment = {
        "bash": {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": typed},
        "fish": {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    result = cli.process(env={**environment, "_TRCPOINTS_COMPLETE": f"complete_{shell}"})
    assert (result.code, result.err) == (0, "")
    if shell == "zsh":  # _arguments '*: :(("sync":"Read …"\n"members":"…"))'
        return [part.split('"')[1] for part in result.out.partition("((")[2].splitlines() if part]
    return [line.split("\t")[0] for line in result.out.splitlines()]


@pytest.mark.parametrize(("typed", "expected"), TYPED)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_each_shell_is_told(
    sqlite_cli: Cli, shell: str, typed: str, expected: list[str]
) -> None:
    # Completing reads no settings: it works where they are wrong.
    sqlite_cli.environment["DATABASE_URL"] = "nonsense"
    found = ask(sqlite_cli, shell, typed)
    for word in expected:
        assert (word.lstrip("!") in found) is not word.startswith("!"), found


def run_shell(cli: Cli, program: Path, *line: str) -> str:
    """What a real shell prints that has the program on its PATH."""
    path = f"{program}:{cli.environment['PATH']}"
    done = subprocess.run(
        line,
        cwd=cli.folder,
        env={**cli.environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_bash_completes_once_it_is_installed(sqlite_cli: Cli, program_on_path: Path) -> None:
    home = Path(sqlite_cli.environment["HOME"])
    home.mkdir()
    run_shell(sqlite_cli, program_on_path, "bash", "-c", "trcpoints --install-completion; true")
    press_tab = (
        '. "$HOME/.bashrc"; COMP_WORDS=(trcpoints db c); COMP_CWORD=2; '
        '_trcpoints_completion trcpoints; echo "${COMPREPLY[@]}"'
    )
    assert run_shell(sqlite_cli, program_on_path, "bash", "-c", press_tab) == "check copy\n"


@pytest.mark.system
def test_zsh_completes_once_it_is_installed(sqlite_cli: Cli, program_on_path: Path) -> None:
    Path(sqlite_cli.environment["HOME"]).mkdir()
    run_shell(sqlite_cli, program_on_path, "zsh", "-c", "trcpoints --install-completion; true")
    press_tab = (
        '_arguments() { print -r -- "$@" }; compdef() { : }; '
        ". ~/.zfunc/_trcpoints; words=(trcpoints db c) CURRENT=3; _trcpoints_completion"
    )
    out = run_shell(sqlite_cli, program_on_path, "zsh", "-fc", press_tab)
    assert '"check":' in out
    assert '"copy":' in out
    assert '"backup":' not in out


@pytest.mark.system
def test_fish_completes_once_it_is_installed(sqlite_cli: Cli, program_on_path: Path) -> None:
    Path(sqlite_cli.environment["HOME"]).mkdir()
    run_shell(sqlite_cli, program_on_path, "fish", "-c", "trcpoints --install-completion; true")
    press_tab = '. ~/.config/fish/completions/trcpoints.fish; complete -C "trcpoints db c"'
    out = run_shell(sqlite_cli, program_on_path, "fish", "-c", press_tab)
    assert {line.split("\t")[0] for line in out.splitlines()} == {"check", "copy"}
