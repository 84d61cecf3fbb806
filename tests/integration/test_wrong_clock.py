"""What status and doctor make of what was noted while a clock was wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli
from tests.support.history import write_runs
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

NOW = datetime(2026, 1, 7, 12, tzinfo=UTC)  # a Wednesday
AHEAD = NOW + timedelta(days=30)


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def codes(document: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in document["problems"]]


def judged(cli: Cli, day: date | str) -> None:
    cli.environment["MEE6_SYNC_ENABLED"] = "no"
    books.change_job(cli, "streaks", last_completed_at=NOW, judged_through=str(day))


@pytest.mark.parametrize(("hours", "in_force"), [(-1, False), (1, True), (6, True), (7, False)])
def test_a_pause_is_in_force_or_not_told(cli: Cli, hours: int, in_force: bool) -> None:
    cli.environment |= {"MEE6_SYNC_ENABLED": "yes", "MEE6_GUILD_ID": "1234567"}
    until = NOW + timedelta(hours=hours)
    books.change_job(
        cli, "sync", consecutive_failures=1, last_completed_at=NOW, cooldown_until=until
    )
    document = cli.ok("status")
    failing = next(x for x in document["problems"] if x["code"] == "sync_failing")
    assert ("asked for a pause" in failing["hint"]) == in_force
    assert (document["sync"]["cooldown_until"] is not None) == in_force


def test_the_last_run_is_not_one_that_is_to_come(cli: Cli) -> None:
    cli.environment |= {"MEE6_SYNC_ENABLED": "yes", "MEE6_GUILD_ID": "1234567"}
    malformed = {"leaderboard": {"invalid_players": 1}}
    fine = {"leaderboard": {"invalid_players": 0}}
    failed = {"status": "failed", "stats": None, "error_code": "source_refused"}
    runs: list[dict[str, Any]] = [
        {"id": "near", "started_at": NOW + timedelta(minutes=4), **failed, "error_message": "NEAR"},
        {"id": "ahead", "started_at": AHEAD, **failed, "error_message": "AHEAD"},
        *(
            {"id": f"bad-{n}", "started_at": NOW - timedelta(hours=n), "stats": malformed}
            for n in (1, 2, 3)
        ),
        {"id": "good", "started_at": AHEAD, "stats": fine},
    ]
    write_runs(cli, runs)
    books.change_job(cli, "sync", last_completed_at=NOW, consecutive_failures=2)
    document = cli.ok("status")
    assert document["sync"]["last_run"]["run_id"] == "near"
    assert "NEAR" in document["problems"][0]["message"]
    assert "malformed_players" in codes(document)


@pytest.mark.parametrize(
    ("at", "day", "ahead"),
    [
        (NOW, "2026-01-06", False),
        (NOW, "2026-01-07", True),
        (NOW, "2026-02-06", True),
        # Another machine may be a little ahead, and right.
        (datetime(2026, 1, 7, 23, 56, tzinfo=UTC), "2026-01-07", False),
    ],
)
def test_streaks_that_are_judged_ahead(cli: Cli, at: datetime, day: str, ahead: bool) -> None:
    judged(cli, day)
    with time_machine.travel(at, tick=False):
        document = cli.ok("status")
    assert codes(document) == ["streaks_ahead"] * ahead
    if ahead:
        assert day in document["problems"][0]["message"]
        assert "trcpoints streaks" in document["problems"][0]["hint"]


def test_the_remedy_for_streaks_far_ahead_mends_them(cli: Cli) -> None:
    judged(cli, AHEAD.date())
    assert codes(cli.ok("status")) == ["streaks_ahead"]
    cli.ok("streaks")
    assert cli.ok("status")["healthy"]


def test_a_sync_takes_no_time_rather_than_less(cli: Cli, mee6: SimulatedMee6) -> None:
    """The clock is set back while MEE6 is asked."""
    books.link(cli, ["101"])
    show(mee6, {"101": 1000})
    answer = threading.Event()
    mee6.misbehave(Fault.LATE, times=1, until=answer)
    with time_machine.travel(NOW) as traveller:

        def set_back() -> None:
            while not mee6.requests:
                threading.Event().wait(0.005)
            traveller.shift(timedelta(hours=-1))
            answer.set()

        other = threading.Thread(target=set_back)
        other.start()
        document = cli.ok("sync")
        other.join()
    assert document["finished_at"] < document["started_at"]
    assert document["duration_seconds"] == 0
