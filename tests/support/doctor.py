"""What `trcpoints doctor` goes by: a crontab, scheduled runs, and what it then says."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.server import SimulatedMee6

ANN, BOB = "101", "102"
CRONTAB = """
CRON_TZ=UTC
*/15 * * * * cd /srv && trcpoints sync --quiet
5 0 * * * cd /srv && /opt/bin/trcpoints streaks --quiet
"""

Checks = dict[str, dict[str, str]]


def crontab(cli: Cli, text: str | None, *, says: str = "", version: str = "") -> None:
    """Put a crontab command first in PATH: it lists this text, or else fails and says why."""
    folder = cli.folder / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "listed").write_text(text or "")
    end = "exit 0" if text is not None else f"echo {shlex.quote(says)} >&2; exit 1"
    program = folder / "crontab"
    program.write_text(
        f"#!/bin/sh\nif [ $1 = -V ]; then echo {shlex.quote(version)}; exit 0; fi\n"
        f"cat {shlex.quote(str(folder / 'listed'))}\n{end}\n"
    )
    program.chmod(0o755)
    if not cli.environment["PATH"].startswith(f"{folder}:"):
        cli.environment["PATH"] = f"{folder}:{cli.environment['PATH']}"


def set_up(cli: Cli, mee6: SimulatedMee6) -> None:
    """All is well: two members on the board, lines in a crontab, runs that it started."""
    crontab(cli, CRONTAB)
    books.link(cli, [ANN, BOB])
    show(mee6, {ANN: 1000, BOB: 500, "900": 7})
    cli.environment["TRCPOINTS_TRIGGER"] = "scheduled"
    cli.ok("sync")
    cli.ok("streaks")
    forget_the_walk(cli)


def forget_the_walk(cli: Cli) -> None:
    """Let MEE6 be asked again."""
    for file in Path(cli.environment["HOME"], ".cache", "trcpoints").glob("*.json"):
        file.unlink()


def checks(cli: Cli, *options: str, code: int = 0) -> Checks:
    """What the doctor says, by the names of the checks; the document agrees with itself."""
    result = cli("doctor", "--json", *options)
    assert (result.code, result.err) == (code, ""), result.out
    document = result.json
    faults = [check for check in document["checks"] if check["status"] == "fault"]
    assert document["healthy"] == (not faults) == (code == 0)
    assert document["status"] == ("failed" if faults else "completed")
    if faults:
        assert all(check["hint"] for check in faults)
        error = document["error"]
        assert (error["message"], error["hint"]) == (faults[0]["message"], faults[0]["hint"])
    else:
        assert document["error"] is None
    named = {check["name"]: check for check in document["checks"]}
    assert len(named) == len(document["checks"])
    return named


def statuses(found: Checks) -> dict[str, list[str]]:
    """The names of the checks by what came of them."""
    grouped: dict[str, list[str]] = {}
    for name, check in found.items():
        grouped.setdefault(check["status"], []).append(name)
    return grouped
