"""Databases of older versions, with what they hold (design, section 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from playhouse.migrations import Runner

from tests.support import books
from tests.support.cli import Cli
from tests.support.postgres import PostgresServer
from tests.support.streaks import assert_sound, award, run, shown, streak
from trcpoints.config import sqlite_url
from trcpoints.db import schema
from trcpoints.db.database import Access, connected
from trcpoints.db.engine import Engine
from trcpoints.db.models import DailyPoints, Run

MON, TUE, WED, THU, FRI = (f"2026-01-{day}" for day in range(19, 24))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, sqlite_cli: Cli, tmp_path: Path) -> Cli:
    """The program on a database without tables."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "old.db")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
        request.addfinalizer(lambda: server.drop_database(url))  # noqa: PT021
    sqlite_cli.environment["DATABASE_URL"] = url
    return sqlite_cli


@pytest.fixture
def first_version(empty: Cli) -> Cli:
    """The program on a database that was left behind by the first version, with its rows."""
    leave_behind(empty, "0001_members_and_ledger", fill)
    return empty


def leave_behind(cli: Cli, newest: str, filling: Callable[[Engine], None]) -> None:
    """Make the database of an older version, whose newest migration is this one."""
    with connected(cli.environment["DATABASE_URL"], Access.CREATE) as engine, engine.books():
        Runner(engine, str(schema.MIGRATIONS), schema.TABLE).up(target=newest)
        filling(engine)


def fill(engine: Engine) -> None:
    """Two members: one who was active from Monday to Wednesday, and one who is paused."""
    columns = (
        *("name", "subscription_status", "active", "points", "carry", "quiet", "absences"),
        *("deferrals", "rebaseline", "last_active_at", "created_at", "updated_at"),
    )
    created = f"{MON}T00:00:00.000000Z"
    last = f"{WED}T23:59:59.999999Z"
    rows = [("Ann", "ACTIVE", 7), ("Bob", "CANCELLED", 8)]
    engine.insert_rows(
        "member",
        columns,
        [
            (name, status, True, points, 0, False, 0, 0, False, last, created, created)
            for name, status, points in rows
        ],
    )
    entries = [
        (member, source, points, f"{member} {day} {points}", f"{day}T23:59:59.999999Z", created)
        for member, source, points, day in (
            (1, "intro", 3, MON),
            (1, "intro", 2, TUE),
            (1, "intro", 2, WED),
            (1, "adjustment", -4, WED),
            (1, "adjustment", 4, WED),
            (2, "intro", 8, WED),
        )
    ]
    ledger = ("member_id", "source", "points", "idempotency_key", "occurred_at", "created_at")
    engine.insert_rows("ledger", ledger, entries)


def fill_runs(engine: Engine, last: str | None, runs: Sequence[tuple[str, str, str]]) -> None:
    """Runs as `(day, status, guild)`, whose ids are their days; `last` is the last completed."""
    columns = ("id", "job", "status", "trigger", "started_at", "stats")
    at = "T00:00:00.000000Z"
    engine.insert_rows(
        "run",
        columns,
        [
            (day, "sync", status, "manual", f"{day}{at}", f'{{"guild_id": "{guild}"}}')
            for day, status, guild in runs
        ]
        + [("streaks", "streaks", "completed", "manual", f"{FRI}{at}", "{}")],
    )
    if last is not None:
        job = ("name", "consecutive_failures", "last_completed_run")
        engine.insert_rows("job", job, [("sync", 0, last)])


@pytest.mark.parametrize(
    ("last", "runs", "guild"),
    [
        (WED, [(MON, "completed", "1"), (WED, "completed", "3"), (THU, "failed", "4")], "3"),
        # A wrong clock has dated the first run ahead.
        (MON, [(WED, "completed", "3"), (MON, "completed", "1")], "1"),
        # The record of the last one was taken away.
        (THU, [(MON, "completed", "1"), (WED, "completed", "3")], "3"),
        (None, [(THU, "failed", "4")], None),
        (None, [], None),
    ],
)
def test_the_books_belong_to_the_guild_of_the_last_completed_sync(
    empty: Cli, last: str | None, runs: Sequence[tuple[str, str, str]], guild: str | None
) -> None:
    leave_behind(empty, "0006_webhooks", lambda engine: fill_runs(engine, last, runs))
    empty.ok("db", "upgrade")
    assert books.guild(empty) == guild


def test_an_upgrade_keeps_all_and_sums_the_ledger_up(first_version: Cli) -> None:
    cli = first_version
    assert cli("points", "verify").code == 78
    assert "0002_streaks" in cli.ok("db", "upgrade")["applied"]
    with connected(cli.environment["DATABASE_URL"], Access.READ):
        days = [*DailyPoints.select().order_by(DailyPoints.day).tuples()]
    assert days == [(MON, 3, 0), (TUE, 2, 0), (WED, 14, 4)]
    assert_sound(cli)
    member = shown(cli)
    assert (member["name"], member["points"], member["judged_through"]) == ("Ann", 7, None)
    assert streak(cli) == (0, 0)


def test_a_run_of_the_third_version_is_told_what_it_made(first_version: Cli) -> None:
    url = first_version.environment["DATABASE_URL"]
    begun = f"{THU}T00:00:00.000000Z"
    with connected(url, Access.CREATE) as engine, engine.books():
        Runner(engine, str(schema.MIGRATIONS), schema.TABLE).up(target="0003_status")
        runs = ("id", "job", "trigger", "status", "started_at", "finished_at")
        engine.insert_rows(
            "run",
            runs,
            [
                (name, "sync", "manual", "completed", begun, begun)
                for name in ("one", "two", "idle")
            ],
        )
        entries = ("member_id", "source", "points", "idempotency_key", "occurred_at", "created_at")
        engine.insert_rows(
            "ledger",
            (*entries, "sync_id"),
            [(1, "discord", 1, str(n), begun, begun, "one" if n < 3 else "two") for n in range(5)],
        )
    first_version.ok("db", "upgrade")
    with connected(url, Access.READ):
        made = {
            run.id: (run.entries_after, run.entries_through, run.records_after)
            for run in Run.select()
        }
    before = max(through for _, through, _ in made.values() if through) - 5
    assert made == {
        "one": (before, before + 3, None),
        "two": (before + 3, before + 5, None),
        "idle": (None, None, None),
    }


def test_its_streaks_are_judged_from_the_first_day_on(first_version: Cli) -> None:
    cli = first_version
    cli.ok("db", "upgrade")
    document = run(cli, THU)
    assert (document["days_judged"], document["members"]["not_judged"]) == ([MON, TUE, WED], 1)
    assert (streak(cli, "1"), streak(cli, "2")) == ((3, 3), (0, 0))
    assert shown(cli, "2")["judged_through"] == "2026-01-18"
    award(cli, THU, member="2")
    assert_sound(cli)
    cli.ok("members", "set", "2", "--status", "ACTIVE")
    run(cli, FRI)
    assert streak(cli, "2") == (2, 2)
    assert_sound(cli)


def test_days_that_were_excused_before_outages_were_known_were_excused_by_hand(
    first_version: Cli,
) -> None:
    cli = first_version
    url = cli.environment["DATABASE_URL"]
    with connected(url, Access.CREATE) as engine, engine.books():
        Runner(engine, str(schema.MIGRATIONS), schema.TABLE).up(target="0006_webhooks")
        row = (THU, "a holiday", f"{MON}T00:00:00.000000Z")
        engine.insert_rows("grace_day", ("day", "reason", "created_at"), [row])
    cli.ok("db", "upgrade")
    (day,) = cli.ok("streaks", "excuse", "--list")["days"]
    assert (day["day"], day["reason"], day["automatic"]) == (THU, "a holiday", False)
    run(cli, FRI)
    assert streak(cli) == (3, 3)
    assert cli.ok("streaks", "excuse", THU, "--remove")["repaired"] == 1
    assert_sound(cli)
