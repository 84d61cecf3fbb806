"""What `trcpoints history` says on a narrow terminal, and to who asks for what there is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.cli import Cli
from tests.support.history import FIRST, many, write_runs
from tests.support.screen import on_a_screen

pytestmark = pytest.mark.slow_on_postgresql

RUN = "20240101T000000Z-00000000"
STATS = {
    "members": {"gained": 30, "lost": 12, "baselined": 3, "left": 2},
    "points": {"awarded": 145, "deducted": 20},
}


@pytest.mark.parametrize("width", [80, 100, 119, 120, 200])
def test_words_are_whole_on_any_terminal(sqlite_cli: Cli, width: int) -> None:
    write_runs(
        sqlite_cli,
        [
            {"id": RUN, "stats": STATS},
            {
                "id": f"{RUN[:-1]}1",
                "job": "streaks",
                "started_at": FIRST + timedelta(hours=1),
                "status": "interrupted",
                "stats": None,
                "error_code": "source_unavailable",
            },
        ],
    )
    lines = on_a_screen(sqlite_cli, width, "history", "list")
    assert all(len(line) <= width for line in lines)
    words = {word.strip(",:") for line in lines for word in line.split()}
    assert {RUN, "2024-01-01", "00:00", "completed", "gained", "points", "baselined"} <= words
    assert {"streaks", "interrupted", "source_unavailable"} <= words
    # Nothing else: a word that was broken leaves parts.
    assert words <= {
        *("started", "(UTC)", "job", "run", "took", "status", "what", "it", "did", "came", "of"),
        *("error", RUN, f"{RUN[:-1]}1", "2024-01-01", "00:00", "01:00", "sync", "streaks", "2.5"),
        *("s", "completed", "interrupted", "source_unavailable", "30", "gained", "12", "lost", "3"),
        *("baselined", "2", "left", "+145", "-20", "points"),
    }


def test_a_page_that_there_is_not(cli: Cli) -> None:
    write_runs(cli, many(3))
    result = cli("history", "list", "--limit", "2", "--page", "99")
    assert (result.code, result.out) == (0, "There is no page 99 of 2, 3 runs.\n")


def test_a_job_that_there_is_not(cli: Cli) -> None:
    write_runs(cli, [{"id": "one", "job": "census"}])
    result = cli("history", "list", "--job", "snyc", "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")
    assert "'snyc'" in result.json["error"]["message"]
    assert "census, federation, streaks, sync" in result.json["error"]["message"]
    assert result.json["error"]["hint"] == "trcpoints history list --help"
    for job in ("sync", "streaks", "federation"):
        assert cli("history", "list", "--job", job).out == "No runs.\n"
    assert cli("history", "list", "--job", "census", "--status", "failed").code == 0


def test_the_list_ends_where_it_is_told(cli: Cli) -> None:
    write_runs(cli, many(4))
    end = "2024-01-01T00:30"
    runs = cli.ok("history", "list", "--since", "2024-01-01T00:15", "--until", end)["runs"]
    assert [run["started_at"] for run in runs] == ["2024-01-01T00:15:00Z"]


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_id_is_no_beginning(cli: Cli, empty: str) -> None:
    write_runs(cli, [{"id": "the-only-one"}])
    result = cli("history", "show", empty, "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "data_refused")
    assert "empty" in result.json["error"]["message"]


def test_every_cell_is_harmless(cli: Cli) -> None:
    evil = "e\x1b[31m"
    strange = {"status": evil, "trigger": evil, "stats": None, "error_code": evil}
    write_runs(cli, [{"id": "one", **strange}])
    for command in (["list"], ["show", "one"]):
        assert "\x1b" not in cli("history", *command).out


def test_no_run_ends_before_it_began(cli: Cli) -> None:
    """The clock was set back meanwhile."""
    write_runs(cli, [{"id": "one", "finished_at": FIRST - timedelta(hours=1)}])
    assert cli.ok("history", "show", "one")["run"]["duration_seconds"] == 0
    assert cli.ok("history", "list")["runs"][0]["duration_seconds"] == 0
    assert ",0.0," in cli("history", "export").out
