"""A sync that is switched off: it says since when, and no day is excused for that (section A7)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.outages import sync
from tests.support.streaks import add, assert_sound, at, run
from trcpoints.config import sqlite_url

pytestmark = pytest.mark.slow_on_postgresql

MON, TUE, WED, THU, FRI, SAT = (f"2026-01-{day}" for day in range(19, 25))
OFF = {"MEE6_SYNC_ENABLED": "false"}


@pytest.fixture
def ann(cli: Cli) -> Cli:
    """A member, and the syncs of Monday until 12:00."""
    return prepared(cli)


def prepared(cli: Cli) -> Cli:
    add(cli, f"{MON}T00:00")
    for moment in ("11:30", "11:45", "12:00"):
        sync(cli, f"{MON}T{moment}")
    return cli


def skip(cli: Cli, moment: str, *options: str) -> None:
    """A sync that is switched off."""
    with at(moment):
        result = cli("sync", "-q", *options, env=OFF)
    assert (result.code, result.out, result.err) == (0, "", "")


def days(cli: Cli, moment: str) -> list[str]:
    """The days that a run of the streaks then excuses."""
    return [day["day"] for day in run(cli, moment)["days_excused"]]


def skipped(cli: Cli) -> list[str]:
    """When the records say that the sync was switched off."""
    return [f"{one.started_at:%dT%H:%M}" for one in books.runs(cli) if one.status == "skipped"]


def test_while_it_is_switched_off_no_day_is_excused(ann: Cli) -> None:
    skip(ann, f"{MON}T12:15")
    skip(ann, f"{MON}T12:30")
    ann.environment |= OFF
    assert days(ann, f"{TUE}T00:05") == []
    skip(ann, f"{TUE}T12:30")
    ann.environment.pop("MEE6_SYNC_ENABLED")
    # Nothing says yet that it was tried again.
    assert days(ann, f"{WED}T00:05") == []
    assert skipped(ann) == ["19T12:15"]
    sync(ann, f"{WED}T09:00")
    assert days(ann, f"{THU}T00:05") == [WED]
    # Switched off once more, it says so once more.
    skip(ann, f"{THU}T09:00")
    skip(ann, f"{THU}T09:15")
    assert days(ann, f"{FRI}T00:05") == []
    assert skipped(ann) == ["19T12:15", "22T09:00"]
    assert_sound(ann)


def test_days_that_are_judged_late_know_when_it_was_switched_off(ann: Cli) -> None:
    skip(ann, f"{MON}T12:15")
    skip(ann, f"{TUE}T12:15")
    # From Wednesday on it failed.
    (ann.folder / "other.json").write_text("{}")
    with at(f"{WED}T12:00"):
        assert ann("sync", "--from", "other.json").code == 65
    sync(ann, f"{FRI}T00:10")
    assert days(ann, f"{SAT}T00:05") == [WED, THU, FRI]


def test_the_settings_of_the_streaks_say_so_too(ann: Cli) -> None:
    ann.environment |= OFF
    assert days(ann, f"{WED}T00:05") == []
    assert skipped(ann) == []


def test_the_record_is_shown(sqlite_cli: Cli) -> None:
    skip(prepared(sqlite_cli), f"{MON}T12:15", "--sync-id", "the-end")
    shown = sqlite_cli.ok("history", "show", "the-end")["run"]
    assert (shown["status"], shown["error"]["code"]) == ("skipped", "disabled")
    assert "MEE6_SYNC_ENABLED is false" in shown["error"]["message"]


def test_a_sync_that_has_only_been_switched_off_has_not_run_yet(sqlite_cli: Cli) -> None:
    skip(sqlite_cli, f"{MON}T12:15")
    problems = [one["code"] for one in sqlite_cli.ok("status")["problems"]]
    assert "guild_not_set" in problems
    assert "sync_overdue" not in problems


def test_a_dry_run_and_a_known_id_leave_no_record(sqlite_cli: Cli) -> None:
    prepared(sqlite_cli)
    (known,) = (one for one in books.runs(sqlite_cli) if f"{one.started_at:%H:%M}" == "12:00")
    skip(sqlite_cli, f"{MON}T12:15", "--dry-run")
    skip(sqlite_cli, f"{MON}T12:15", "--sync-id", known.id)
    assert skipped(sqlite_cli) == []
    assert [one.id for one in books.runs(sqlite_cli)].count(known.id) == 1


def test_a_sync_of_a_clock_that_was_ahead_makes_no_second_record(sqlite_cli: Cli) -> None:
    prepared(sqlite_cli)
    sync(sqlite_cli, f"{FRI}T12:00")
    skip(sqlite_cli, f"{MON}T12:15")
    skip(sqlite_cli, f"{MON}T12:30")
    assert skipped(sqlite_cli) == ["19T12:15"]


def test_history_prune_keeps_since_when(sqlite_cli: Cli) -> None:
    skip(prepared(sqlite_cli), f"{MON}T12:15")
    with at(SAT):
        sqlite_cli.ok("history", "prune", "--keep", "1d")
    assert skipped(sqlite_cli) == ["19T12:15"]
    assert days(sqlite_cli, SAT) == []


@pytest.mark.parametrize("kind", ["missing", "no file", "no database", "old", "newer", "faulty"])
def test_it_succeeds_where_it_can_record_nothing(
    sqlite_cli: Cli, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "books.db"
    if kind == "missing":
        path = tmp_path / "nowhere" / "books.db"
    elif kind == "no file":
        path = tmp_path
    elif kind == "no database":
        path.write_text("no database")
    elif kind in {"old", "newer"}:
        change = {
            "old": "DELETE FROM schema_migration WHERE name > '0006'",
            "newer": "INSERT INTO schema_migration (name, applied) VALUES ('0999', '2030')",
        }
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(change[kind])
    sqlite_cli.environment["DATABASE_URL"] = sqlite_url(path)
    if kind == "faulty":
        sqlite_cli.environment["MEE6_PAGE_SIZE"] = "x"
    skip(sqlite_cli, f"{MON}T12:15")
    assert path.exists() is (kind != "missing")
    if kind in {"old", "newer", "faulty"}:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT COUNT(*) FROM run").fetchone() == (0,)


def test_it_succeeds_while_another_program_writes(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trcpoints.jobs.sync.switched_off.RECORD_WAIT", 0.1)
    prepared(cli)
    with books.locked(cli):
        skip(cli, f"{MON}T12:15")
    assert skipped(cli) == []
    skip(cli, f"{MON}T12:30")
    assert skipped(cli) == ["19T12:30"]
