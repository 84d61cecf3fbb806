"""The demo: the whole loop, as a newcomer sees it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.cli import Cli
from trcpoints.config import sqlite_url


def test_a_fortnight_has_its_story_and_its_books_add_up(sqlite_cli: Cli) -> None:
    document = sqlite_cli.ok("demo", "--database", "demo.db")
    assert len(document["days"]) == 14
    told = " ".join(event for day in document["days"] for event in day["events"])
    for part in (
        "their history is not paid",
        "writes for the first time",
        "leaves the server",
        "marked as left, nothing deducted",
        "comes back",
        "paid from where they were",
        "an admin removes 1,500 XP",
        "points deducted",
        "MEE6 answered 429",
    ):
        assert part in told
    assert document["points"]["awarded"] == sum(day["awarded"] for day in document["days"])
    assert document["points"]["deducted"] > 0
    assert sum(day["failed"] for day in document["days"]) == 1
    assert sum(day["skipped"] for day in document["days"]) == 1
    points = [row["points"] for row in document["leaderboard"]]
    assert points == sorted(points, reverse=True)
    assert points[0] > 0
    here = {"DATABASE_URL": document["database_url"]}
    assert sqlite_cli("points", "verify", env=here).code == 0
    assert sqlite_cli("members", "list", "--json", env=here).json["total"] == 12


@pytest.mark.slow
def test_a_seed_tells_one_story(sqlite_cli: Cli) -> None:
    stories = []
    for name, seed in (("a.db", "5"), ("b.db", "5"), ("c.db", "6")):
        options = ["--days", "3", "--members", "5", "--seed", seed, "--database", name]
        document = sqlite_cli.ok("demo", *options)
        stories.append((document["days"], document["leaderboard"]))
    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


def test_a_single_member_for_a_single_day(sqlite_cli: Cli) -> None:
    document = sqlite_cli.ok("demo", "--members", "1", "--days", "1")
    assert len(document["leaderboard"]) == 1


def test_it_shows_the_way_on(sqlite_cli: Cli) -> None:
    result = sqlite_cli("demo", "--days", "2")
    assert result.code == 0
    assert "notice: a new database was made: " in result.err
    (line,) = [line for line in result.out.splitlines() if "export DATABASE_URL=" in line]
    path = Path(line.partition("=")[2].removeprefix("sqlite:///"))
    assert path.exists()
    assert str(path.parent.parent) != str(sqlite_cli.folder)
    # In words that this shell knows: there is no `trcpoints` on its PATH.
    for command in ("members list", "points verify"):
        assert f"{sys.executable} -m trcpoints {command}" in result.out


def test_an_existing_database_is_left_alone(sqlite_cli: Cli) -> None:
    mine = sqlite_cli.folder / "mine.db"
    mine.write_bytes(b"mine")
    result = sqlite_cli("demo", "--database", "mine.db")
    assert result.code == 2
    assert mine.read_bytes() == b"mine"


def test_my_own_database_and_settings_are_left_alone(sqlite_cli: Cli) -> None:
    nowhere = sqlite_cli.folder / "untouched.db"
    broken = {"DATABASE_URL": sqlite_url(nowhere), "MEE6_SYNC_ENABLED": "false"}
    result = sqlite_cli("demo", "--days", "1", "--json", env=broken)
    assert result.code == 0
    assert result.json["syncs"] > 0
    assert not nowhere.exists()
