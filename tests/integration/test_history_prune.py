"""`trcpoints history prune`: old records go, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from tests.support import books, queue
from tests.support.cli import Cli
from tests.support.history import FIRST, STATS, many, write_runs
from tests.support.mee6 import show
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.db.models import FederationJob, Run, WebhookDelivery, WebhookRefusal
from trcpoints.demo.server import SimulatedMee6
from trcpoints.jobs.history.times import moment_or_age, time_ago

pytestmark = pytest.mark.slow_on_postgresql

NOW = FIRST + timedelta(days=400)


def prune(cli: Cli, keep: str, *options: str, now: datetime = NOW) -> int:
    with time_machine.travel(now, tick=False):
        document = cli.ok("history", "prune", "--keep", keep, *options)
    assert document["dry_run"] == ("--dry-run" in options)
    pruned: int = document["pruned"]
    return pruned


def ids(cli: Cli) -> list[str]:
    return [run.id for run in books.runs(cli)]


def test_what_is_older_goes_to_the_moment(cli: Cli) -> None:
    day = timedelta(days=1)
    moments = {"old": -day, "edge": timedelta(), "new": timedelta(microseconds=1)}
    write_runs(
        cli, [{"id": x, "started_at": FIRST + d, "status": "failed"} for x, d in moments.items()]
    )
    assert prune(cli, "401d") == 0
    assert prune(cli, "400d", "--dry-run") == 1
    assert len(ids(cli)) == 3
    with time_machine.travel(NOW, tick=False):
        result = cli("history", "prune", "--keep", "9600h", "--dry-run")
        assert result.out == "1 run from before 2024-01-01 00:00 UTC would be deleted\n"
        result = cli("history", "prune", "--keep", "400d")
        assert result.out == "1 run from before 2024-01-01 00:00 UTC deleted\n"
        assert cli("history", "prune", "--keep", "400d", "--quiet").out == ""
    assert ids(cli) == ["edge", "new"]


def test_what_a_job_still_needs_stays(cli: Cli) -> None:
    def at(minute: int) -> datetime:
        return FIRST + timedelta(minutes=minute)

    sync, club = {"job": "sync"}, {"job": "federation", "scope": "club"}
    write_runs(
        cli,
        [
            {**sync, "id": "sync 1", "started_at": at(1)},
            {**sync, "id": "sync 2", "started_at": at(2)},
            {**sync, "id": "sync 2 too", "started_at": at(2)},
            {**sync, "id": "sync failed", "started_at": at(3), "status": "failed"},
            {**sync, "id": "sync running", "started_at": at(0), "status": "running"},
            {**sync, "id": "sync abandoned", "started_at": at(0), "status": "abandoned"},
            {**sync, "id": "sync skipped", "started_at": at(0), "status": "skipped"},
            {"job": "streaks", "id": "streaks 1", "started_at": at(0)},
            {**club, "id": "club 1", "started_at": at(0)},
            {**club, "id": "club 2", "started_at": at(2)},
            {**club, "id": "club 2 too", "started_at": at(2)},
            {"job": "federation", "scope": "other", "id": "other 1", "started_at": at(0)},
            {"job": "federation", "id": "no scope", "started_at": at(0)},
        ],
    )
    kept = {"sync running", "streaks 1", "club 2 too", "other 1", "no scope"}
    # From the last completed syncs, outages are found.
    kept |= {"sync 1", "sync 2", "sync 2 too"}
    assert prune(cli, "1d", "--dry-run") == prune(cli, "1d") == 13 - len(kept)
    assert set(ids(cli)) == kept
    assert prune(cli, "1d") == 0


def test_a_newer_success_sets_the_older_free(cli: Cli) -> None:
    streaks = {"job": "streaks"}
    write_runs(cli, [{**streaks, "id": "old"}, {**streaks, "id": "young", "started_at": NOW}])
    write_runs(cli, [{"id": "old federation", "job": "federation"}])
    assert prune(cli, "1d") == 1
    assert set(ids(cli)) == {"old federation", "young"}


def test_the_syncs_stay_that_say_how_often_it_syncs(cli: Cli) -> None:
    """Fifty gaps lie between them, and an outage may last longer than records are kept."""
    write_runs(cli, many(80))
    switched_off = {"status": "skipped", "error_code": "disabled", "stats": None}
    for name, hours in (("off long ago", 1), ("off", 30)):
        at = FIRST + timedelta(hours=hours)
        write_runs(cli, [{"id": name, "started_at": at, **switched_off}])
    completed = [run.id for run in books.runs(cli) if run.status == "completed"]
    assert len(completed) == 72
    assert prune(cli, "1d", "--dry-run") == prune(cli, "1d") == 82 - 52
    assert ids(cli) == [*completed[-51:], "off"]


def test_the_books_stay_as_they_are(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, ["101"])
    for day, xp in enumerate((1000, 1700, 2400)):
        show(mee6, {"101": xp})
        with time_machine.travel(FIRST + timedelta(days=day), tick=False):
            cli.ok("sync", f"--sync-id=day-{day}")
            cli.ok("streaks")
    write_later_syncs(cli)
    before = books.everything(cli)
    status = cli.ok("status")
    assert prune(cli, "1d") == 5
    assert books.everything(cli) == before
    assert cli.ok("status")["sync"] == status["sync"]
    assert (len(ids(cli)), ids(cli).count("later 50")) == (52, 1)
    cli.ok("points", "verify")
    assert cli("history", "show", "day-1").code == 65


def test_the_id_of_a_pruned_sync_awards_nobody_twice(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, ["101", "102"])
    for day, xp in enumerate((1000, 1700, 2400)):
        show(mee6, {"101": xp, "102": 500})
        with time_machine.travel(FIRST + timedelta(days=day), tick=False):
            cli.ok("sync", f"--sync-id=day-{day}")
    assert cli.ok("sync", "--sync-id=day-1")["reason"] == "already_completed"
    write_later_syncs(cli)
    assert prune(cli, "1d") == 3
    before = books.everything(cli)
    show(mee6, {"101": 2500, "102": 500})
    refused = cli("sync", "--sync-id=day-1", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (65, "key_conflict")
    after = books.everything(cli)
    del before["Job"], after["Job"]
    assert after == before


def write_later_syncs(cli: Cli) -> None:
    """So many that none before them is needed any more."""
    later = [FIRST + timedelta(days=3, hours=number) for number in range(51)]
    stats = {**STATS, "leaderboard": {}}
    write_runs(
        cli,
        [{"id": f"later {n}", "started_at": at, "stats": stats} for n, at in enumerate(later)],
    )


def test_batches_are_short_transactions(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the books lock waits for one batch; a broken-off run keeps the others."""
    write_runs(cli, many(2_500))
    left: list[int] = []
    books_of = Engine.books

    @contextmanager
    def counted(engine: Engine) -> Iterator[None]:
        with books_of(engine):
            yield
        left.append(Run.select().count())

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "books", counted)
        assert prune(cli, "1d") == 2_449
    # The last look at the runs, then one at each other table.
    assert left == [1_500, 500, 51, 51, 51, 51, 51]


def test_what_is_over_of_the_queue_and_of_webhooks_goes_too(cli: Cli) -> None:
    edge, older = FIRST, FIRST - timedelta(microseconds=1)
    week, hour = timedelta(days=7), timedelta(hours=1)
    write_queue(cli, {"completed": [older, edge], "failed": [older], "pending": [older]})
    write_webhooks(cli, [older, older, edge, NOW - week - hour, NOW - week, NOW - 2 * hour])
    counts = {"jobs": 2, "deliveries": 2, "refusals": 2}
    with time_machine.travel(NOW, tick=False):
        preview = cli.ok("history", "prune", "--keep", "400d", "--dry-run")
        told = cli("history", "prune", "--keep", "400d", "--dry-run").out
        done = cli.ok("history", "prune", "--keep", "400d")
        assert {name: preview[name] for name in counts} == counts
        assert {name: done[name] for name in counts} == counts
        assert told.startswith("0 runs, 2 jobs, 2 webhooks, 2 counts of refused webhooks from ")
        assert [job.status for job in queue.jobs(cli)] == ["completed", "pending"]
        # By those of the last seven days repeats are told.
        rest = cli.ok("history", "prune", "--keep", "1h")
        assert (rest["deliveries"], rest["refusals"]) == (2, 2)
        kept = cli.ok("federation", "deliveries")
        assert (kept["total"], kept["refused"]) == (2, 6)


def test_nothing_of_webhooks_grows_for_ever(cli: Cli) -> None:
    days = [FIRST + timedelta(days=day) for day in range(60)]
    write_webhooks(cli, days)
    for now in days:
        prune(cli, "1d", now=now)
    with time_machine.travel(days[-1], tick=False):
        kept = cli.ok("federation", "deliveries")
    assert (kept["total"], kept["refused"]) == (8, 24)


def write_queue(cli: Cli, jobs: dict[str, list[datetime]]) -> None:
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        for status, times in jobs.items():
            for at in times:
                FederationJob.create(
                    connector="club",
                    organization="st-judes",
                    status=status,
                    trigger="scheduled",
                    strategy="merge",
                    created_at=at,
                )


def write_webhooks(cli: Cli, times: list[datetime]) -> None:
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        for number, at in enumerate(times):
            WebhookDelivery.create(
                connector="club",
                form="headers",
                delivery_id=str(number),
                received_at=at,
                outcome="queued",
            )
            WebhookRefusal.create(connector=f"c{number}", reason="malformed", minute=at, count=3)


@pytest.mark.parametrize(
    "options",
    [(), ("--keep", "400"), ("--keep", "0d"), ("--keep", "-1d"), ("--keep", "2024-01-01")],
)
def test_without_an_age_nothing_is_deleted(sqlite_cli: Cli, options: tuple[str, ...]) -> None:
    write_runs(sqlite_cli, many(3))
    result = sqlite_cli("history", "prune", *options, "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")
    assert len(ids(sqlite_cli)) == 3


@given(st.integers(1, 9_999_999), st.sampled_from("mhdw"))
def test_an_age_is_so_long_ago_or_refused(number: int, unit: str) -> None:
    minutes = number * {"m": 1, "h": 60, "d": 1440, "w": 10080}[unit]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    if minutes > 60 * 24 * 365 * 2000:
        return
    found = moment_or_age(f" {number}{unit} ", now)
    assert found == time_ago(f"{number}{unit}", now)
    assert (now - found).total_seconds() == 60 * minutes
