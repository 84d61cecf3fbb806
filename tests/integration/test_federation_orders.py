"""What an operator orders of the queue, and what stands in the way of it (design, section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support import queue
from tests.support.cli import Cli
from trcpoints.db.models import FederationJob
from trcpoints.federation.queue.rules import LONGEST_PAUSE, MOST_RUNNING

pytestmark = pytest.mark.slow_on_postgresql

JUDES, FIANNA = "st-judes", "na-fianna"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands at noon until it is moved."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def emptied(cli: Cli, clock: time_machine.Traveller) -> Cli:
    """An organization whose export lost everybody: only with --accept-changes it is taken."""
    queue.configure(cli, [JUDES])
    queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    queue.export(cli, JUDES, [])
    return cli


def killed(cli: Cli) -> None:
    """A job whose process is gone."""
    queue.begin(cli, JUDES)
    queue.execute(cli, "UPDATE lease SET process_started = '1'")


def job(cli: Cli, number: int) -> FederationJob:
    return next(one for one in queue.jobs(cli) if one.id == number)


def test_accepting_changes_reaches_a_job_whose_process_is_gone(emptied: Cli) -> None:
    killed(emptied)
    document = emptied.ok("federation", "sync", "--accept-changes")
    assert [one["job_id"] for one in document["stuck"]] == ["2"]
    (run,) = document["runs"]
    assert (run["job_id"], run["status"], run["missing"]) == ("2", "completed", 5)


def test_retry_now_reaches_a_job_whose_process_is_gone(emptied: Cli) -> None:
    queue.export(emptied, JUDES)
    killed(emptied)
    document = emptied.ok("federation", "retry", "--now", "2")
    assert [one["job_id"] for one in document["stuck"]] == ["2"]
    assert [run["job_id"] for run in document["runs"]] == ["2"]


def test_accepting_changes_says_that_it_comes_too_late(emptied: Cli) -> None:
    queue.begin(emptied, JUDES)
    result = emptied("federation", "sync", "--accept-changes", "--json")
    assert (result.code, result.json["status"]) == (75, "skipped")
    error = result.json["error"]
    assert error["code"] == "lease_held"
    assert "club/st-judes is being synced by job 2, since 2026-03-02 12:00 UTC" in error["message"]
    assert "--organization st-judes --accept-changes" in error["hint"]
    assert [one["status"] for one in result.json["waiting"]] == ["running"]
    # Who does not ask for it has nothing to be told.
    assert emptied.ok("federation", "sync")["waiting"][0]["job_id"] == "2"


def test_retry_now_says_who_is_at_work(emptied: Cli) -> None:
    queue.tell(emptied, JUDES, ["ann"], "updated", NOON - timedelta(hours=1))
    queue.execute(emptied, "UPDATE federation_job SET status = 'failed' WHERE id = 2")
    queue.begin(emptied, JUDES)
    for number in ("2", "3"):
        result = emptied("federation", "retry", "--now", number, "--json")
        assert (result.code, result.json["error"]["code"]) == (75, "lease_held")
        assert "by job 3, since 2026-03-02 12:00 UTC" in result.json["error"]["message"]
        assert f"retry --now {number}" in result.json["error"]["hint"]
    assert job(emptied, 2).status == "failed"


def test_retry_now_where_as_many_as_may_be_are_at_work(
    cli: Cli, clock: time_machine.Traveller
) -> None:
    names = [f"club-{number}" for number in range(MOST_RUNNING)]
    queue.configure(cli, [*names, JUDES])
    for name in names:
        queue.begin(cli, name)
    queue.tell(cli, JUDES, ["ann"], "updated", NOON)
    result = cli("federation", "retry", "--now", "6", "--json")
    assert (result.code, result.json["error"]["code"]) == (75, "lease_held")
    assert "Job 6 is due now, and could not be begun" in result.json["error"]["message"]
    assert result.json["error"]["hint"].endswith("federation queue --status running")


def test_retry_now_of_a_job_that_waits_with_another(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    queue.tell(cli, JUDES, ["ann", "ann"], "updated", NOON)
    assert cli("federation", "retry").code == 69
    result = cli("federation", "retry", "--now", "2", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "data_refused")
    assert result.json["error"]["hint"].endswith("retry --now 1")


def test_a_job_that_failed_for_good_forgets_that_changes_were_accepted(
    emptied: Cli, clock: time_machine.Traveller
) -> None:
    file = emptied.folder / f"{JUDES}.csv"
    text = file.read_text()
    file.write_text("nonsense")
    assert emptied("federation", "sync", "--accept-changes").code == 65
    for minutes in (2, 4, 8):
        clock.shift(timedelta(minutes=minutes))
        assert emptied("federation", "retry").code == 65
    assert (job(emptied, 2).status, job(emptied, 2).accept_changes) == ("failed", True)
    file.write_text(text)
    again = emptied("federation", "retry", "--now", "2", "--json")
    assert (again.code, again.json["error"]["code"]) == (65, "mass_change")
    anew = emptied("federation", "sync", "--json")
    assert (anew.code, anew.json["error"]["code"]) == (65, "mass_change")


def test_a_retry_keeps_that_changes_are_accepted(
    emptied: Cli, clock: time_machine.Traveller
) -> None:
    file = emptied.folder / f"{JUDES}.csv"
    text = file.read_text()
    file.unlink()
    assert emptied("federation", "sync", "--accept-changes").code == 69
    file.write_text(text)
    clock.shift(timedelta(minutes=2))
    (run,) = emptied.ok("federation", "retry")["runs"]
    assert (run["status"], run["missing"]) == ("completed", 5)


@pytest.mark.parametrize(
    ("lines", "organizations", "named", "remedy"),
    [
        (["enabled = false"], [JUDES], "connectors.club.enabled: is false", "enabled = true"),
        ([], [FIANNA], "connectors.club.organizations.st-judes: is not there", "Put it back"),
        (None, [], "connectors.club: is not there any more", "Put it back"),
    ],
)
@pytest.mark.parametrize("is_failed", [True, False])
def test_retry_now_of_what_is_switched_off_or_gone_is_refused(
    cli: Cli,
    clock: time_machine.Traveller,
    lines: list[str] | None,
    organizations: list[str],
    named: str,
    remedy: str,
    *,
    is_failed: bool,
) -> None:
    queue.configure(cli, [JUDES])
    assert cli("federation", "sync").code == 69
    if is_failed:
        queue.execute(cli, "UPDATE federation_job SET status = 'failed', next_retry_at = NULL")
    before = vars(job(cli, 1))["__data__"]
    queue.configure(cli, organizations or [JUDES], *(lines or []))
    if lines is None:
        file = cli.folder / "federations.toml"
        file.write_text(file.read_text().replace("connectors.club", "connectors.another"))
    result = cli("federation", "retry", "--now", "1", "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "configuration")
    assert named in result.json["error"]["message"]
    assert remedy in result.json["error"]["hint"]
    del cli.environment["FEDERATION_CONFIG"]
    result = cli("federation", "retry", "--now", "1", "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "configuration")
    assert "FEDERATION_CONFIG" in result.json["error"]["message"]
    assert vars(job(cli, 1))["__data__"] == before


@pytest.mark.parametrize("command", ["sync", "retry"])
def test_a_wait_that_no_rule_gives_is_over(
    cli: Cli, clock: time_machine.Traveller, command: str
) -> None:
    queue.configure(cli, [JUDES])
    ahead = LONGEST_PAUSE + timedelta(minutes=2, microseconds=1)
    with time_machine.travel(NOON + ahead - timedelta(minutes=2), tick=False):
        assert cli("federation", "sync").code == 69
    assert job(cli, 1).next_retry_at == NOON + ahead
    queue.export(cli, JUDES)
    # The longest pause that a federation may ask for is waited out.
    with time_machine.travel(NOON + timedelta(minutes=2, microseconds=1), tick=False):
        assert cli.ok("federation", command)["runs"] == []
    (run,) = cli.ok("federation", command)["runs"]
    assert (run["job_id"], run["created"]) == ("1", 5)


def test_jobs_of_a_connector_that_is_gone_fail_for_good(
    cli: Cli, clock: time_machine.Traveller
) -> None:
    queue.configure(cli, [JUDES, FIANNA])
    queue.export(cli, FIANNA)
    assert cli("federation", "sync").code == 69
    queue.configure(cli, [FIANNA])
    (waiting,) = cli.ok("federation", "queue", "--status", "pending")["jobs"]
    assert waiting["held"] == "removed"
    assert "not in the file of FEDERATION_CONFIG" in cli("federation", "queue").out
    federation = cli.ok("status")["federation"]
    assert (federation["pending"], federation["removed"]) == (1, 1)
    assert "1 of them for organizations that are not in the file" in cli("status").out

    # It has another try to wait for, which cannot come to anything.
    result = cli("federation", "sync", "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "configuration")
    assert [run["status"] for run in result.json["runs"]] == ["failed", "completed"]
    assert "organizations.st-judes: is not there any more" in result.json["error"]["message"]
    assert (job(cli, 1).status, job(cli, 1).next_retry_at) == ("failed", None)
    assert "is not there any more" in cli("federation", "queue", "--status", "failed").out
    # There is nothing left to mend.
    status = cli.ok("status")
    assert (status["federation"]["removed"], status["federation"]["failed"]) == (0, 0)
    assert [one for one in status["problems"] if one["code"].startswith("federation")] == []
    assert cli.ok("federation", "sync")["status"] == "completed"


def test_the_queue_says_that_a_connector_is_switched_off(
    cli: Cli, clock: time_machine.Traveller
) -> None:
    queue.configure(cli, [JUDES])
    assert cli("federation", "sync").code == 69
    assert cli.ok("federation", "queue")["jobs"][0]["held"] is None
    queue.configure(cli, [JUDES], "enabled = false")
    assert cli.ok("federation", "queue")["jobs"][0]["held"] == "switched_off"
    assert "switched off (enabled = false)" in cli("federation", "queue").out
    # Where the file says nothing, nothing is said of it.
    (cli.folder / "federations.toml").write_text("nonsense")
    assert cli.ok("federation", "queue")["jobs"][0]["held"] is None
    assert cli.ok("status")["federation"]["removed"] == 0


def test_a_failure_says_of_which_organization(cli: Cli) -> None:
    queue.configure(cli, [JUDES, FIANNA])
    queue.export(cli, FIANNA)
    result = cli("federation", "sync", "--quiet")
    assert (result.code, result.out) == (69, "")
    assert result.err.startswith("trcpoints: error: club/st-judes: ")


@pytest.mark.parametrize("is_old", [True, False])
def test_a_dry_run_without_a_database_says_only_that(sqlite_cli: Cli, *, is_old: bool) -> None:
    queue.configure(sqlite_cli, [JUDES])
    queue.export(sqlite_cli, JUDES)
    if is_old:
        (sqlite_cli.folder / "new.db").touch()
    sqlite_cli.environment["DATABASE_URL"] = "sqlite:///new.db"
    result = sqlite_cli("federation", "sync", "--dry-run")
    assert (result.code, result.out) == (78, "")
    first, *rest = result.err.splitlines()
    assert first.startswith("trcpoints: error: There is no database at ")
    assert len(rest) == 3
    assert result.err.endswith("trcpoints db upgrade\n")
    assert (sqlite_cli.folder / "new.db").exists() is is_old
