"""`trcpoints history export`: all runs, however many, in little memory."""

from __future__ import annotations

import csv
import io
import json
import stat
import subprocess
import sys

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.history import many, write_runs
from tests.support.mee6 import show
from tests.support.peak import peak_of
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

FEW, MORE = 40_000, 60_000  # a driver is given 20,000 at once, and has two such lots for a moment
MEGABYTE = 2**20
EXTRA = 6 * MEGABYTE


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_it_is_what_the_list_says(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, ["101"])
    for xp in (1000, 1700):
        show(mee6, {"101": xp})
        cli.ok("sync")
    cli.ok("streaks")
    write_runs(cli, [{"id": "busy", "status": "running", "finished_at": None, "stats": None}])
    runs = cli.ok("history", "list")["runs"][::-1]
    document = cli.ok("history", "export")
    assert (document["total"], document["runs"]) == (4, runs)
    assert cli("history", "export", "--format", "json").json == document
    exported = rows(cli("history", "export").out)
    assert [json.loads(row.pop("stats") or "null") for row in exported] == [
        run.pop("stats") for run in runs
    ]
    assert [list(row.values())[:9] for row in exported] == [
        ["" if run[key] is None else str(run[key]) for key in list(run)[:9]] for run in runs
    ]


def test_an_error_and_a_formula_in_csv(cli: Cli) -> None:
    write_runs(
        cli,
        [
            {
                "id": "x",
                "status": "failed",
                "machine": "=cmd()\u202e",
                "stats": None,
                "error_code": "source_refused",
                "error_message": "+SUM(1)\x1b[31m, he said",
                "error_hint": None,
            }
        ],
    )
    (row,) = rows(cli("history", "export").out)
    assert (row["machine"], row["error_code"]) == ("'=cmd()\u202e", "source_refused")
    assert row["error_message"] == "'+SUM(1)\x1b[31m, he said"
    exported = cli("history", "export", "--json")
    assert "\u202e" not in exported.out
    (run,) = exported.json["runs"]
    assert run["machine"] == "=cmd()\u202e"
    assert run["error"] == {
        "code": "source_refused", "message": "+SUM(1)\x1b[31m, he said", "hint": ""
    }  # fmt: skip


def test_nothing_to_export(cli: Cli) -> None:
    document = cli.ok("history", "export")
    assert (document["total"], document["runs"]) == (0, [])
    assert rows(cli("history", "export").out) == []


@pytest.mark.parametrize("number", [499, 500, 501, 1001])
def test_the_oldest_first_between_two_times(cli: Cli, number: int) -> None:
    write_runs(cli, reversed(list(many(number))))
    document = cli.ok("history", "export")
    ids = [run["id"] for run in many(number)]
    assert (document["total"], [run["run_id"] for run in document["runs"]]) == (number, ids)
    span = ("--since", "2024-01-01T00:15", "--until", "2024-01-01T01:00")
    document = cli.ok("history", "export", *span)
    assert (document["since"], document["total"]) == ("2024-01-01T00:15:00Z", 3)
    assert [run["run_id"] for run in document["runs"]] == ids[1:4]
    assert [row["run_id"] for row in rows(cli("history", "export", *span).out)] == ids[1:4]


@pytest.mark.parametrize(
    ("options", "form"),
    [
        (("--output", "runs.csv"), "csv"),
        (("--output", "runs.JSON"), "json"),
        (("--output", "runs.csv", "--format", "json"), "json"),
        (("--output", "runs.csv", "--json"), "csv"),
        (("--output", "runs", "--json"), "json"),
        (("--output", "runs"), "csv"),
    ],
)
def test_a_file_is_for_its_owner_only(sqlite_cli: Cli, options: tuple[str, ...], form: str) -> None:
    write_runs(sqlite_cli, many(3))
    result = sqlite_cli("history", "export", *options)
    assert (result.code, result.err) == (0, "")
    (file,) = sqlite_cli.folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    found = json.loads(text)["runs"] if form == "json" else rows(text)
    assert len(found) == 3
    if "--json" in options:
        assert result.json == {
            "schema": "trcpoints.output/1", "status": "completed", "output": file.name,
            "format": form, "records": 3,
        }  # fmt: skip
    else:
        assert result.out == f"{file.name}: 3 runs written\n"
    assert sqlite_cli("history", "export", *options, "--quiet").err == ""


def test_what_does_not_go_together(sqlite_cli: Cli) -> None:
    assert sqlite_cli("history", "export", "--format", "csv", "--json").code == 2
    assert sqlite_cli("history", "export", "--format", "xml").code == 2
    (sqlite_cli.folder / "folder").mkdir()
    assert sqlite_cli("history", "export", "--output", "folder").code == 74


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_reader_who_has_seen_enough(cli: Cli, form: str) -> None:
    write_runs(cli, many(5_000))
    line = f"{sys.executable} -m trcpoints history export --format {form} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"{line}; echo ${{PIPESTATUS[0]}}"],
        cwd=cli.folder,
        env=cli.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    first, code = done.stdout.splitlines()
    assert first.startswith("{" if form == "json" else "run_id,job,scope")
    assert (code, done.stderr) == ("141", "")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_runs(cli: Cli) -> None:
    assert_flat(cli, FEW, MORE)


@pytest.mark.slow
def test_memory_does_not_grow_with_a_million_runs(cli: Cli) -> None:
    assert_flat(cli, FEW, 1_000_000)


def assert_flat(cli: Cli, few: int, more: int) -> None:
    everything = many(more)
    write_runs(cli, (next(everything) for _ in range(few)))
    small = {form: peak_of_an_export(cli, form, few) for form in ("json", "csv")}
    write_runs(cli, everything)
    for form, peak in small.items():
        extra = peak_of_an_export(cli, form, more) - peak
        assert extra < EXTRA, (form, extra)


def peak_of_an_export(cli: Cli, form: str, runs: int) -> int:
    """The bytes of memory that an export of so many runs held at most."""
    file = cli.folder / f"runs.{form}"
    peak = peak_of(cli, "history", "export", "-q", "--output", str(file))
    with file.open() as lines:
        # A run is a line; what is around them, too.
        assert sum(1 for _ in lines) == runs + (8 if form == "json" else 1)
    return peak
