"""`trcpoints leaderboard`: who is where, the same every time, in a form that a page can use."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import books
from tests.support.cli import Cli
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Member

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN, EVE = "101", "102", "103", "104", "105"


def award(cli: Cli, discord_id: str, points: int, when: str, source: str = "intro") -> None:
    cli.ok(
        "points", "award", f"discord:{discord_id}", f"--points={points}", f"--source={source}",
        f"--key={discord_id}-{when}-{points}", f"--at={when}", "--note=test",
    )  # fmt: skip


def places(document: dict[str, Any]) -> list[tuple[int, str, int]]:
    return [(row["rank"], row["member_id"], row["points"]) for row in document["members"]]


def community(cli: Cli) -> None:
    books.link(cli, [ANN, BOB, CAT, DAN, EVE])
    award(cli, ANN, 5, "2025-12-31T23:59:59Z")
    award(cli, BOB, 9, "2025-12-30T10:00:00Z")
    award(cli, BOB, -1, "2026-01-02T10:00:00Z", "adjustment")
    award(cli, CAT, 8, "2026-01-01T00:00:00Z")
    award(cli, EVE, 99, "2026-01-03T00:00:00Z")
    books.change_member(cli, EVE, active=False)


def test_ties_share_a_rank_and_the_inactive_have_none(cli: Cli) -> None:
    community(cli)
    document = cli.ok("leaderboard")
    assert (document["schema"], document["since"], document["total"]) == (
        "trcpoints.leaderboard/1",
        None,
        4,
    )
    assert places(document) == [(1, "2", 8), (1, "3", 8), (3, "1", 5), (4, "4", 0)]
    assert document["members"][0] == {
        "rank": 1,
        "member_id": "2",
        "name": "member 102",
        "points": 8,
        "current_streak": 0,
        "longest_streak": 0,
        "last_active_at": "2025-12-30T10:00:00Z",
    }


def test_points_since_a_day(cli: Cli) -> None:
    community(cli)
    document = cli.ok("leaderboard", "--since", "2026-01-01")
    assert document["since"] == "2026-01-01T00:00:00Z"
    assert places(document) == [(1, "3", 8), (2, "1", 0), (2, "4", 0), (4, "2", -1)]
    document = cli.ok("leaderboard", "--since", "2025-12-31", "--limit", "2")
    assert places(document) == [(1, "3", 8), (2, "1", 5)]
    assert document["total"] == 4
    for wrong in ("yesterday", "2026-13-01", "01.01.2026"):
        assert cli("leaderboard", "--since", wrong).code == 2


def test_streaks_are_shown(cli: Cli) -> None:
    books.link(cli, [ANN])
    books.change_member(cli, ANN, current_streak=7, longest_streak=1234)
    (row,) = cli.ok("leaderboard")["members"]
    assert (row["current_streak"], row["longest_streak"]) == (7, 1234)
    shown = cli("leaderboard").out
    assert "1,234" in shown


def test_the_first_fifty_unless_said_otherwise(cli: Cli) -> None:
    books.link(cli, [str(1001 + number) for number in range(55)])
    document = cli.ok("leaderboard")
    assert (len(document["members"]), document["total"]) == (50, 55)
    assert "The first 50 of 55 members; more with --limit." in cli("leaderboard").out
    assert len(cli.ok("leaderboard", "--limit", "55")["members"]) == 55
    assert cli("leaderboard", "--limit", "0").code == 2


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(points=st.lists(st.integers(-3, 3), max_size=12), limit=st.integers(1, 12))
def test_a_rank_is_one_and_the_number_of_those_before(
    cli: Cli, points: list[int], limit: int
) -> None:
    now = datetime.now(UTC)
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE):
        Member.delete().execute()
        for value in points:
            Member.insert(points=value, created_at=now, updated_at=now).execute()
    rows = cli.ok("leaderboard", "--limit", str(limit))["members"]
    expected = sorted(points, reverse=True)[:limit]
    assert [row["points"] for row in rows] == expected
    for row in rows:
        assert row["rank"] == 1 + sum(other > row["points"] for other in points)
    order = [(-row["points"], int(row["member_id"])) for row in rows]
    assert order == sorted(order)


def test_csv_has_names_and_no_ids(cli: Cli) -> None:
    community(cli)
    books.change_member(cli, CAT, name="=HYPERLINK(1)")
    text = cli("leaderboard", "--csv").out
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(rows[0]) == [
        "rank", "name", "points", "current_streak", "longest_streak", "last_active_at"
    ]  # fmt: skip
    assert rows[1] == {
        "rank": "1",
        "name": "'=HYPERLINK(1)",
        "points": "8",
        "current_streak": "0",
        "longest_streak": "0",
        "last_active_at": "2026-01-01T00:00:00Z",
    }
    assert rows[3]["last_active_at"] == ""


def test_a_file_for_a_web_page(cli: Cli) -> None:
    community(cli)
    before = os.umask(0o027)
    try:
        result = cli("leaderboard", "--output", "board.json", "--quiet")
    finally:
        os.umask(before)
    assert (result.code, result.out, result.err) == (0, "", "")
    file = cli.folder / "board.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert json.loads(file.read_text()) == cli.ok("leaderboard")
    assert cli("leaderboard", "--output", "board.csv").out == "board.csv: 4 members written\n"
    assert (cli.folder / "board.csv").read_bytes().decode() == cli("leaderboard", "--csv").out
    document = cli.ok("leaderboard", "--output", "page")
    assert (document["schema"], document["format"]) == ("trcpoints.output/1", "json")
    assert cli("leaderboard", "--csv", "--output", "other").code == 0
    assert (cli.folder / "other").read_bytes() == (cli.folder / "board.csv").read_bytes()
    assert sorted(path.name for path in cli.folder.iterdir()) == [
        "board.csv", "board.json", "other", "page"
    ]  # fmt: skip


def test_a_failure_leaves_the_older_file(cli: Cli, sqlite_cli_url: str) -> None:
    file = cli.folder / "board.json"
    file.write_text("older")
    cli.environment["DATABASE_URL"] = sqlite_cli_url
    assert cli("leaderboard", "--output", "board.json").code == 78
    assert file.read_text() == "older"
    assert [path.name for path in cli.folder.iterdir()] == ["board.json"]


@pytest.fixture
def sqlite_cli_url(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path}/none.db"


@pytest.mark.parametrize("options", [("--csv", "--json"), ("--output", "board.txt")], ids=" ".join)
def test_options_that_do_not_go_together(sqlite_cli: Cli, options: tuple[str, ...]) -> None:
    assert sqlite_cli("leaderboard", *options).code == 2
    assert not list(sqlite_cli.folder.iterdir())


def test_hostile_names_reach_no_terminal(cli: Cli) -> None:
    books.link(cli, [ANN, BOB])
    books.change_member(cli, ANN, name="\x1b[31m\u202e[bold]")
    books.change_member(cli, BOB, name=None)
    shown = cli("leaderboard").out
    assert "\ufffd[31m\ufffd[bold]" in shown
    assert "member 2" in shown
    assert "\x1b" not in shown


def test_nobody_yet(cli: Cli) -> None:
    assert cli.ok("leaderboard")["members"] == []
    assert "members import" in cli("leaderboard").out
    assert cli("leaderboard", "--csv").out.count("\n") == 1
