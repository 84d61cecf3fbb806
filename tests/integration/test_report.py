"""`trcpoints report`: what the page says, to whom, and what it never says."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli
from tests.support.history import write_runs
from tests.support.pages import ReadPage
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Milestone

pytestmark = pytest.mark.slow_on_postgresql

NOW = datetime(2026, 3, 18, 12, 7, tzinfo=UTC)  # a Wednesday, of week 12
ANN, BOB, CAT, DAN, EVE = (str(159962941502783480 + number) for number in range(5))
HOSTILE = "<img src=x onerror=alert(1)>{{ 7 * 7 }}\x1b[31m\u202e\"'&"

FEDERATIONS = """
[connectors.club]
kind = "csv"
path = "{organization}.csv"
[connectors.club.organizations.main]
[connectors.club.organizations.late]
[connectors.club.fields]
external_id = "id"
discord_id = "discord"
phone = "phone"
"""


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def award(cli: Cli, discord_id: str, points: int, when: str) -> None:
    cli.ok(
        "points", "award", f"discord:{discord_id}", f"--points={points}", "--source=adjustment",
        f"--key={discord_id}-{when}-{points}", f"--at={when}", "--note=test",
    )  # fmt: skip


def community(cli: Cli) -> None:
    """Five members, of whom one is inactive; points in three weeks, and some of long ago."""
    with time_machine.travel(NOW - timedelta(days=300), tick=False):
        books.link(cli, [ANN, BOB, CAT, DAN, EVE])
    for discord_id, name in ((ANN, "Ann"), (BOB, "Bob"), (CAT, "Cat"), (EVE, "Eve")):
        books.change_member(cli, discord_id, name=name, email=f"{name.lower()}@example.org")
    books.change_member(cli, DAN, name=None)
    award(cli, ANN, 1000, "2025-06-01T10:00:00Z")
    award(cli, ANN, 5, "2026-03-09T00:00:00Z")
    award(cli, BOB, 9, "2026-03-15T23:59:59Z")
    award(cli, BOB, -3, "2026-03-16T00:00:00Z")
    award(cli, CAT, 1006, "2026-03-18T11:00:00Z")
    award(cli, EVE, 50, "2026-03-17T11:00:00Z")
    books.change_member(cli, EVE, active=False, current_streak=99)
    books.change_member(cli, ANN, current_streak=12, longest_streak=40)
    books.change_member(
        cli, BOB, current_streak=3, longest_streak=3, subscription_status="CANCELLED"
    )
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        for member, days, reached_on in ((1, 5, "2026-03-10"), (1, 10, "2026-03-17"), (5, 50, "")):
            Milestone.insert(
                member=member, streak_since="2026-03-02", days=days, reached_on=reached_on
            ).execute()


def page(cli: Cli, *options: str) -> ReadPage:
    """The page that the command writes."""
    cli.ok("report", "--output", "page.html", *options)
    return ReadPage((cli.folder / "page.html").read_text(encoding="utf-8"))


def test_the_page_for_everybody(cli: Cli) -> None:
    community(cli)
    public = page(cli, "--public")
    assert public.tables["The first places"][1:] == [
        ["1", "Cat", "", "1,006", "0", "0"],
        ["2", "Ann", "", "1,005", "12", "40"],
        ["3", "Bob", "", "6", "3", "3"],
        ["4", "unnamed member", "", "0", "0", "0"],
    ]
    weeks = public.tables["Points by ISO week, the latest first"][1:]
    assert weeks[:3] == [
        ["2026-W12", "2026-03-16", "1,056", "3", "1,053"],
        ["2026-W11", "2026-03-09", "14", "0", "14"],
        ["2026-W10", "2026-03-02", "0", "0", "0"],
    ]
    assert (len(weeks), weeks[-1][0]) == (26, "2025-W39")
    assert "1,070 points awarded in the last 26 weeks; the most, 1,056, in 2026-W12." in public.text
    assert "members on a streak 2 " in public.text
    longest, milestones = (public.tables[name][1:] for name in ("table 2", "table 3"))
    assert longest == [["Ann", "12", "40"], ["Bob", "3", "3"]]
    assert milestones == [["Ann", "10", "2026-03-17"], ["Ann", "5", "2026-03-10"]]
    for heading in ("Health", "Failures", "Federations", "Activity", "paused", "Awards and"):
        assert heading not in public.text


def test_everybody_learns_names_and_nothing_else_of_anybody(cli: Cli) -> None:
    community(cli)
    books.change_member(cli, ANN, name="ann@example.org", phone="+353 1 234 5678")
    books.change_member(cli, BOB, name=f"member {BOB}")
    html = page(cli, "--public").html
    for discord_id in (ANN, BOB, CAT, DAN, EVE):
        assert discord_id not in html
    assert "@example.org" not in html
    assert "234 5678" not in html
    assert "member 4" not in html
    assert "Eve" not in html
    assert "Cat" in html
    assert html.count("unnamed member") == 3 + 2 + 2


def test_what_operators_see_besides(cli: Cli) -> None:
    community(cli)
    at = NOW.replace(hour=0, minute=0, second=4)
    stats = {"xp": {"gained": 600, "lost": 0}, "leaderboard": {"invalid_players": 0}}
    error = {"error_code": "source_refused", "error_message": "No.", "error_hint": "Ask again."}

    def run(name: str, ago: timedelta, **values: Any) -> dict[str, Any]:
        return {"id": name, "started_at": at - ago, "stats": stats, **values}

    write_runs(
        cli,
        [
            run("a", timedelta(days=9)),  # Monday 00:00: what was written on Sunday at 23
            run("b", timedelta(days=1)),  # Tuesday 00:00: what was written on Monday at 23
            run("c", timedelta(days=1, minutes=-15)),
            run("d", timedelta(days=1, minutes=-20), status="failed", stats=None, **error),
            run("e", timedelta(days=1, minutes=-40), status="failed", stats=None, **error),
            run("f", timedelta(hours=-1), status="skipped", stats=None),
            run("g", timedelta(hours=-2), job="streaks", status="abandoned", stats=None),
        ],
    )
    operators = page(cli)
    table = operators.tables["Quarters of an hour of each day, by how their worst sync ended"]
    assert table[1:4] == [
        ["Wed 2026-03-18", "0", "0", "1", "47"],
        ["Tue 2026-03-17", "1", "2", "0", "93"],
        ["Mon 2026-03-16", "0", "0", "0", "96"],
    ]
    assert len(table) == 8
    assert operators.tables["Runs of every job in the last 7 days"][1:] == [
        ["streaks", "0", "1", "0", "2026-03-18 02:00"],
        ["sync", "2", "2", "1", "2026-03-18 01:00"],
    ]
    assert "3 runs failed or were abandoned" in operators.text
    assert (
        "sync source_refused 2 times, 2026-03-17 00:20 to 2026-03-17 00:40 No. "
        "The way on: Ask again." in operators.text
    )
    assert "streaks abandoned 2026-03-18 02:00" in operators.text
    heat = {row[0]: row[1:] for row in operators.tables["XP gained by weekday and hour"][1:]}
    assert (heat["Mon"][23], heat["Tue"][0], heat["Sun"][23]) == ("600", "600", "600")
    assert sum(int(xp.replace(",", "")) for row in heat.values() for xp in row) == 1800
    days = operators.tables["Points by day, the latest first"][1:]
    assert (len(days), days[0], days[2]) == (
        90,
        ["2026-03-18", "1,006", "0", "1,006"],
        ["2026-03-16", "0", "3", "-3"],
    )
    lengths = operators.tables["Active members by the length of their streak"][1:]
    assert lengths == [["0", "2"], ["1-4", "1"], ["10-19", "1"]]
    assert "member 4" in operators.text
    assert "Bob paused" in operators.text
    assert "sync had no success for more than 35 minutes" in operators.text
    assert operators.tables["The first places"][1:3] == [
        ["1", "Cat", "", "1,006", "0", "0"],
        ["2", "Ann", "", "1,005", "12", "40"],
    ]


def test_federations_and_conflicts_without_their_values(cli: Cli) -> None:
    community(cli)
    cli.ok("members", "set", f"discord:{DAN}", "--phone", "+353 1 234 5678")
    (cli.folder / "federations.toml").write_text(FEDERATIONS)
    (cli.folder / "main.csv").write_text(f"id,discord,phone\nM1,{DAN},+353 1 876 5432\n")
    cli.environment["FEDERATION_CONFIG"] = "federations.toml"
    cli("federation", "sync", "--quiet")
    operators = page(cli)
    assert operators.tables["When each organization was last synced"][1:] == [
        ["club", "main", "2026-03-18 12:07", "fresh"],
        ["club", "late", "never", "waiting"],
    ]
    assert "1 conflict to decide on: trcpoints federation conflicts show ID" in operators.text
    assert "member 4 Conflict 1: phone, with club/main since 2026-03-18 12:07" in operators.text
    assert "876" not in operators.text
    assert "234 5678" not in operators.text


@pytest.mark.parametrize("options", [(), ("--public",)], ids=["operators", "public"])
def test_hostile_texts_are_texts(cli: Cli, options: tuple[str, ...]) -> None:
    community(cli)
    for discord_id in (ANN, BOB, CAT):
        books.change_member(cli, discord_id, name=HOSTILE)
    failed = {"status": "failed", "error_code": HOSTILE, "error_message": HOSTILE}
    write_runs(cli, [{"id": "a", "started_at": NOW, "scope": HOSTILE, "error_hint": "", **failed}])
    read = page(cli, *options)
    assert read.text.count("<img src=x onerror=alert(1)>{{ 7 * 7 }}\ufffd[31m\ufffd\"'&") >= 5
    assert not {"img", "script", "iframe", "object", "form"} & set(read.tags)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", read.html)


@pytest.mark.parametrize("options", [(), ("--public",)], ids=["operators", "public"])
def test_nothing_is_fetched_and_nothing_runs(cli: Cli, options: tuple[str, ...]) -> None:
    community(cli)
    read = page(cli, *options)
    assert "script" not in read.tags
    names = {name for name, _ in read.attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "srcset"}
    links = [value or "" for name, value in read.attributes if name in {"href", "xlink:href"}]
    assert all(link.startswith(("#", "data:image/svg+xml,")) for link in links)
    assert not re.search(r"url\(|@import", read.html)
    (policy,) = [value or "" for _, value in read.attributes if "default-src" in (value or "")]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_the_first_hundred(cli: Cli) -> None:
    books.link(cli, [str(1001 + number) for number in range(130)])
    public = page(cli, "--public")
    rows = public.tables["The first places"][1:] + public.tables["The places after them"][1:]
    assert [row[1] for row in rows] == [f"member {1001 + number}" for number in range(100)]
    assert "The first 100 of 130 members by points" in public.text


def test_who_may_read_it(cli: Cli) -> None:
    community(cli)
    for name in ("public.html", "operators.html"):
        (cli.folder / name).write_text("older")
        (cli.folder / name).chmod(0o644)
    before = os.umask(0o027)
    try:
        for line in ("report --public --output public.html", "report --output operators.html"):
            result = cli(*line.split(), "--quiet")
            assert (result.code, result.out, result.err) == (0, "", "")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in cli.folder.iterdir()}
    assert modes == {"public.html": 0o640, "operators.html": 0o600}


def test_what_it_says_on_stdout(cli: Cli) -> None:
    community(cli)
    document = cli.ok("report", "--public", "--output", "page.html")
    assert document == {
        "schema": "trcpoints.report/1",
        "status": "completed",
        "output": "page.html",
        "public": True,
        "generated_at": "2026-03-18T12:07:00Z",
        "members": 4,
        "size_bytes": (cli.folder / "page.html").stat().st_size,
    }
    shown = cli("report", "--output", "-").out
    assert shown == "-: a page of 4 members written\n"
    assert (cli.folder / "-").read_text().startswith("<!doctype html>")


def test_nobody_yet(cli: Cli) -> None:
    operators, public = page(cli), page(cli, "--public")
    assert "There are no active members yet" in operators.text
    assert "Import them: trcpoints members import FILE" in operators.text
    assert "No sync has begun yet: trcpoints sync" in operators.text
    assert "There are no active members yet" in public.text
    assert "svg" not in public.tags


def test_a_failure_leaves_the_older_file(cli: Cli, tmp_path: Path) -> None:
    file = cli.folder / "page.html"
    file.write_text("older")
    file.chmod(0o640)
    cli.environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/none.db"
    for options in ((), ("--public",)):
        result = cli("report", "--output", "page.html", *options)
        assert (result.code, result.out) == (78, "")
        assert "trcpoints db upgrade" in result.err
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("older", 0o640)
    assert [path.name for path in cli.folder.iterdir()] == ["page.html"]


def test_a_folder_that_is_not_there(cli: Cli) -> None:
    result = cli("report", "--output", "none/page.html", "--json")
    assert (result.code, result.json["error"]["code"]) == (74, "output_failed")
    assert not list(cli.folder.iterdir())
    assert cli("report").code == 2


@pytest.mark.parametrize("library", ["jinja2", "pygal"])
def test_without_the_extra(sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for name in [name for name in sys.modules if name.startswith("trcpoints.report")]:
        monkeypatch.delitem(sys.modules, name)
    result = sqlite_cli("report", "--output", "page.html")
    assert result.code == 78
    assert "pip install 'trcpoints[report]'" in result.err
    assert not list(sqlite_cli.folder.iterdir())


def test_it_asks_no_more_of_a_larger_community(cli: Cli, caplog: pytest.LogCaptureFixture) -> None:
    def queries() -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="peewee"):
            cli.ok("report", "--output", "page.html")
        return len([record for record in caplog.records if record.name == "peewee"])

    books.link(cli, [ANN])
    books.change_member(cli, ANN, current_streak=1)
    few = queries()
    books.link(cli, [str(1001 + number) for number in range(50)])
    for number in range(12):
        books.change_member(cli, str(1001 + number), current_streak=5 + number)
    assert queries() == few > 10
