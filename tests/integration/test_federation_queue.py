"""The queue of federations: retries, failures, what is stuck, and who is told (section 8)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine

from tests.support import queue
from tests.support.cli import Cli
from trcpoints.db.database import Access, open_database
from trcpoints.demo.federation import TOKEN, SimulatedFederation
from trcpoints.federation.queue.claiming import ClaimLost, claim
from trcpoints.federation.queue.enqueuing import Event

pytestmark = pytest.mark.slow_on_postgresql

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
JUDES = "st-judes"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands at noon until it is moved."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def broken(cli: Cli) -> Cli:
    """An organization whose export has not run."""
    queue.configure(cli, [JUDES])
    return cli


def test_a_failed_job_is_tried_again_after_2_4_and_8_minutes_and_then_no_more(
    broken: Cli, clock: time_machine.Traveller
) -> None:
    first = broken("federation", "sync", "--json")
    assert (first.code, first.json["status"]) == (69, "failed")
    at = NOON
    for count, minutes in enumerate((2, 4, 8), start=1):
        (job,) = queue.jobs(broken)
        due = at + timedelta(minutes=minutes)
        assert (job.status, job.retry_count, job.next_retry_at) == ("pending", count, due)
        clock.move_to(due - timedelta(microseconds=1))
        early = broken("federation", "retry", "--quiet")
        assert (early.code, early.out, early.err) == (0, "", "")
        assert len(queue.runs(broken)) == count
        clock.move_to(due)
        assert broken("federation", "retry", "--quiet").code == 69
        at = due
    (job,) = queue.jobs(broken)
    assert (job.status, job.next_retry_at, job.finished_at) == ("failed", None, at)
    assert job.error_code == "source_unavailable"
    clock.move_to(at + timedelta(days=1))
    assert broken.ok("federation", "retry")["runs"] == []
    assert [run.status for run in queue.runs(broken)] == ["failed"] * 4
    assert [run.trigger for run in queue.runs(broken)] == ["manual", *["retry"] * 3]
    assert queue.leases(broken) == []


def test_a_retry_that_succeeds_completes_the_job(
    broken: Cli, clock: time_machine.Traveller
) -> None:
    broken("federation", "sync")
    queue.export(broken, JUDES)
    clock.move_to(NOON + timedelta(minutes=2))
    (run,) = broken.ok("federation", "retry")["runs"]
    assert (run["status"], run["created"]) == ("completed", 5)
    (job,) = queue.jobs(broken)
    assert (job.status, job.error_code, job.run_id) == ("completed", None, run["run_id"])


def test_a_job_is_enqueued_once_while_it_is_open(
    broken: Cli, clock: time_machine.Traveller
) -> None:
    broken("federation", "sync")
    again = broken.ok("federation", "sync")
    assert (again["enqueued"], again["runs"]) == (0, [])
    assert [job["job_id"] for job in again["waiting"]] == ["1"]
    clock.move_to(NOON + timedelta(minutes=2))
    queue.export(broken, JUDES)
    assert len(broken.ok("federation", "sync")["runs"]) == 1
    assert broken.ok("federation", "sync")["enqueued"] == 1


def test_a_retry_keeps_the_strategy_and_the_scope_of_its_job(
    cli: Cli, clock: time_machine.Traveller
) -> None:
    queue.configure(cli, [JUDES, "na-fianna"], 'strategy = "local_wins"')
    queue.export(cli, "na-fianna")
    file = queue.export(cli, JUDES, ["Ann"])
    cli.ok("federation", "sync")
    cli.ok("members", "set", "ann@st-judes.example.org", "--first-name", "Annie", "--by", "eve")
    text = file.read_text().replace(",ann,", ",Anna,")
    file.unlink()
    assert cli("federation", "sync", "--organization", JUDES).code == 69
    queue.configure(cli, [JUDES, "na-fianna"], 'strategy = "federation_wins"')
    file.write_text(text)
    clock.move_to(NOON + timedelta(minutes=2))
    (run,) = cli.ok("federation", "retry")["runs"]
    assert (run["organization"], run["strategy"]) == (JUDES, "local_wins")
    assert (run["conflicts"], run["resolved"]) == (1, 1)
    assert queue.members(cli)["ann@st-judes.example.org"].first_name == "Annie"
    (conflict,) = queue.conflicts(cli)
    assert (conflict.strategy, conflict.run_id) == ("local_wins", run["run_id"])


def test_one_organization_that_fails_keeps_no_other_from_being_synced(cli: Cli) -> None:
    queue.configure(cli, ["first", JUDES, "last"])
    queue.export(cli, JUDES)
    result = cli("federation", "sync", "--json")
    assert result.code == 69
    assert [run["status"] for run in result.json["runs"]] == ["failed", "completed", "failed"]
    assert "club/first: " in result.json["error"]["message"]
    assert "club/last: " in result.json["error"]["message"]
    assert len(queue.members(cli)) == 5
    shown = cli("federation", "sync", "--connector", "club", "--organization", JUDES)
    assert (shown.code, shown.err) == (0, "")


def test_what_a_retry_cannot_mend_fails_for_good_at_once(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    queue.export(cli, JUDES, [])
    before = queue.members(cli)
    refused = cli("federation", "sync", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (65, "mass_change")
    assert "--accept-changes" in refused.json["error"]["hint"]
    (run,) = refused.json["runs"]
    assert (run["missing"], run["next_retry_at"]) == (0, None)
    assert [job.status for job in queue.jobs(cli)] == ["completed", "failed"]
    assert queue.members(cli) == before
    assert cli.ok("status")["federation"]["failed"] == 1
    (run,) = cli.ok("federation", "sync", "--accept-changes")["runs"]
    assert (run["missing"], run["deactivated"]) == (5, 0)
    assert cli.ok("status")["federation"]["failed"] == 0


def test_accepting_changes_reaches_a_job_that_waits(
    cli: Cli, clock: time_machine.Traveller
) -> None:
    queue.configure(cli, [JUDES])
    file = queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    file.unlink()
    assert cli("federation", "sync").code == 69
    queue.export(cli, JUDES, [])
    (run,) = cli.ok("federation", "sync", "--accept-changes")["runs"]
    assert (run["job_id"], run["missing"]) == ("2", 5)


def test_a_job_whose_organization_is_gone_from_the_file_fails_for_good(
    broken: Cli, clock: time_machine.Traveller
) -> None:
    broken("federation", "sync")
    queue.configure(broken, ["another"])
    clock.move_to(NOON + timedelta(minutes=2))
    result = broken("federation", "retry", "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "configuration")
    assert "connectors.club.organizations.st-judes" in result.json["error"]["message"]
    assert [job.status for job in queue.jobs(broken)] == ["failed"]


def test_jobs_of_a_connector_that_is_switched_off_wait(
    broken: Cli, clock: time_machine.Traveller
) -> None:
    broken("federation", "sync")
    queue.export(broken, JUDES)
    queue.configure(broken, [JUDES], "enabled = false")
    clock.move_to(NOON + timedelta(minutes=2))
    assert broken.ok("federation", "retry")["runs"] == []
    assert broken.ok("federation", "sync")["enqueued"] == 0
    queue.configure(broken, [JUDES])
    assert len(broken.ok("federation", "retry")["runs"]) == 1


def test_a_fault_in_one_member_fails_the_whole_job(cli: Cli) -> None:
    """Nothing of the organization is written, and the job does not count as done."""
    queue.configure(cli, [JUDES, "na-fianna"])
    queue.export(cli, JUDES, ["Ann", "Bob"])
    queue.export(cli, "na-fianna", ["Cat"])
    queue.execute(cli, "CREATE UNIQUE INDEX b ON member (first_name) WHERE first_name = 'bob'")
    cli.ok("members", "add", "--email", "other@example.org")
    cli.ok("members", "set", "1", "--first-name", "bob")
    result = cli("federation", "sync", "--json")
    assert (result.code, result.json["status"]) == (70, "failed")
    failed, done = result.json["runs"]
    assert (failed["status"], failed["created"], done["status"]) == ("failed", 0, "completed")
    assert set(queue.members(cli)) == {"other@example.org", "cat@na-fianna.example.org"}
    assert [job.status for job in queue.jobs(cli)] == ["pending", "completed"]
    (connector,) = cli.ok("status")["federation"]["connectors"]
    assert [one["last_synced_at"] is None for one in connector["organizations"]] == [True, False]


@pytest.mark.parametrize("how", ["no lease", "another's lease", "silent", "ahead", "process gone"])
def test_a_stuck_try_has_failed(cli: Cli, how: str) -> None:
    queue.configure(cli, [JUDES])
    queue.export(cli, JUDES)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        now = datetime.now(UTC)
        queue.begin(cli, JUDES)
        queue.execute(
            cli,
            {
                "no lease": "DELETE FROM lease",
                "another's lease": "UPDATE lease SET run_id = 'another'",
                "silent": "SELECT 1",
                "ahead": "UPDATE federation_job SET started_at = '2099-01-01T00:00:00.000000Z'",
                "process gone": "UPDATE lease SET process_started = '1'",
            }[how],
        )
        if how == "silent":
            queue.silence(cli, now - timedelta(minutes=31))
        if how == "ahead":
            queue.silence(cli, now + timedelta(days=400))
        document = cli.ok("federation", "retry")
        assert [job["job_id"] for job in document["stuck"]] == ["1"]
        (job,) = queue.jobs(cli)
        assert (job.status, job.retry_count, job.error_code) == ("pending", 1, "stuck")
        assert [run.status for run in queue.runs(cli)] == ["abandoned"]
        if how == "another's lease":
            assert queue.leases(cli) == ["federation:club/st-judes"]
            queue.execute(cli, "DELETE FROM lease")
        clock.move_to(now + timedelta(minutes=2))
        (run,) = cli.ok("federation", "retry")["runs"]
        assert run["created"] == 5


def test_a_try_that_lives_is_not_stuck(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    queue.begin(cli, JUDES)
    document = cli.ok("federation", "retry")
    assert (document["stuck"], document["runs"]) == ([], [])
    assert [job.status for job in queue.jobs(cli)] == ["running"]


def test_an_organization_is_at_work_once_even_where_its_lease_is_gone(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    queue.begin(cli, JUDES)
    queue.execute(cli, "DELETE FROM lease")
    queue.tell(cli, JUDES, ["ann"], "updated", NOON)
    url, message = cli.environment["DATABASE_URL"], "club/st-judes is being synced already"
    with (
        open_database(url, Access.WRITE) as engine,
        engine.books(),
        pytest.raises(ClaimLost, match=message),
    ):
        claim(2, "another", NOON)
    assert [job.status for job in queue.jobs(cli)] == ["running", "pending"]


def test_retry_now(broken: Cli, clock: time_machine.Traveller) -> None:
    assert (
        broken("federation", "retry", "--now", "1", "--json").json["error"]["code"] == "not_found"
    )
    broken("federation", "sync")
    assert broken("federation", "retry", "--now", "1").code == 69
    assert queue.jobs(broken)[0].retry_count == 2
    queue.configure(broken, ["another"])
    assert broken("federation", "retry", "--now", "1").code == 78
    assert queue.jobs(broken)[0].status == "pending"
    queue.configure(broken, [JUDES])
    queue.export(broken, JUDES)
    (run,) = broken.ok("federation", "retry", "--now", "1")["runs"]
    assert (run["job_id"], run["created"]) == ("1", 5)
    done = broken("federation", "retry", "--now", "1", "--json")
    assert (done.code, done.json["error"]["code"]) == (65, "data_refused")


def test_a_job_that_failed_is_not_opened_again_beside_another(
    cli: Cli, clock: time_machine.Traveller
) -> None:
    queue.configure(cli, [JUDES])
    file = queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    queue.export(cli, JUDES, [])
    assert cli("federation", "sync").code == 65
    file.unlink()
    assert cli("federation", "sync").code == 69
    refused = cli("federation", "retry", "--now", "2", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (65, "data_refused")
    assert "--now 3" in refused.json["error"]["hint"]


# Jobs for one member


def test_several_waiting_jobs_for_one_member_are_done_once(
    broken: Cli, clock: time_machine.Traveller
) -> None:
    queue.tell(broken, JUDES, ["ann", "ann", "bob", "ann"], "updated", NOON)
    first = broken("federation", "retry", "--json")
    assert [run["job_id"] for run in first.json["runs"]] == ["1", "3"]
    queue.export(broken, JUDES)
    queue.tell(broken, JUDES, ["ann"], "updated", NOON)
    assert broken.ok("federation", "retry")["runs"] == []  # they wait with the earliest
    clock.move_to(NOON + timedelta(minutes=2))
    runs = broken.ok("federation", "retry")["runs"]
    assert [run["job_id"] for run in runs] == ["1", "3"]
    assert {job.status for job in queue.jobs(broken)} == {"completed"}
    done = {job.id: job.run_id for job in queue.jobs(broken)}
    assert done[1] == done[2] == done[4] == done[5] != done[3]


def test_a_deleted_member_of_a_file_is_inactive_and_keeps_everything(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    queue.tell(cli, JUDES, ["ann"], "updated", NOON)
    queue.tell(cli, JUDES, ["ann"], "deleted", NOON)
    (run,) = cli.ok("federation", "retry")["runs"]
    assert (run["external_id"], run["deactivated"]) == ("ann", 1)
    members = queue.members(cli)
    assert len(members) == 5
    assert [mail for mail, one in members.items() if not one.active] == ["ann@st-judes.example.org"]


@pytest.mark.parametrize("event", ["created", "updated"])
def test_whoever_is_not_said_to_be_deleted_stays_active(cli: Cli, event: Event) -> None:
    """An address that is wrong for an hour, or a federation that is down, answers 404 for all."""
    with SimulatedFederation({JUDES: 5}) as federation:
        configure_one(cli, federation)
        cli.ok("federation", "sync")
        before = queue.members(cli)
        everybody = [f"M000{number}" for number in range(1, 6)]
        for name in everybody:
            federation.members.remove(JUDES, name)
        queue.tell(cli, JUDES, everybody, event, NOON)
        runs = cli.ok("federation", "retry")["runs"]
    assert [(run["missing"], run["deactivated"]) for run in runs] == [(1, 0)] * 5
    after = queue.members(cli)
    assert {name: one.active for name, one in after.items()} == dict.fromkeys(before, True)


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_deleted_member_is_inactive_once_the_source_confirms_it(
    cli: Cli, *, is_gone: bool
) -> None:
    with SimulatedFederation({JUDES: 5}) as federation:
        configure_one(cli, federation)
        cli.ok("federation", "sync")
        if is_gone:
            federation.members.remove(JUDES, "M0002")
        else:
            federation.members.change(JUDES, "M0002", contact={"email": "new@example.org"})
        queue.tell(cli, JUDES, ["M0002"], "deleted", NOON)
        (run,) = cli.ok("federation", "retry")["runs"]
    assert (run["deactivated"], run["updated"]) == ((1, 0) if is_gone else (0, 1))
    members = queue.members(cli)
    assert [one.active for one in members.values()].count(False) == is_gone
    assert ("new@example.org" in members) is not is_gone


def configure_one(cli: Cli, federation: SimulatedFederation) -> None:
    """An organization of a federation that can be asked for one member."""
    federation.page_size = 100
    place = (
        f'kind = "http-json"\nurl = "{federation.url}"\nmember_url = "{federation.member_url}"'
        '\ntoken_env = "GAA_TOKEN"\nrecords = "data[*]"'
    )
    fields = '[connectors.club.fields]\nexternal_id = "memberId"\nemail = "contact.email"\n'
    queue.configure(cli, [JUDES], more=fields, place=place)
    cli.environment["GAA_TOKEN"] = TOKEN


# Who is told


@pytest.fixture
def admins() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address of Apprise, and what was sent to it."""
    told: list[dict[str, Any]] = []

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Inbox) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"json://ann:pa55word@127.0.0.1:{server.server_address[1]}/", told
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("notify_on", "times"), [("last", 1), ("first", 2)])
def test_the_admins_of_an_organization_are_told(
    sqlite_cli: Cli, admins: tuple[str, list[dict[str, Any]]], notify_on: str, times: int
) -> None:
    cli, (address, told) = sqlite_cli, admins
    more = f'notify_env = "JUDES_ADMINS"\nnotify_on = "{notify_on}"\n'
    queue.configure(cli, ["na-fianna", JUDES], more=more)
    cli.environment["JUDES_ADMINS"] = address
    result = cli("federation", "sync")
    assert (result.code, len(told)) == (69, times - 1)
    for _ in range(3):
        assert cli("federation", "retry", "--now", "2").code == 69
    assert [notice["title"] for notice in told] == [
        "trcpoints: club/st-judes could not be synced"
    ] * times
    assert "not tried again after 4 tries" in told[-1]["message"]
    if times == 2:
        assert "tried again by itself at" in told[0]["message"]
    assert "pa55word" not in json.dumps(told) + result.err + result.out


def test_that_nobody_could_be_told_changes_nothing(sqlite_cli: Cli) -> None:
    queue.configure(sqlite_cli, [JUDES], more='notify_env = "ADMINS"\nnotify_on = "first"\n')
    sqlite_cli.environment["ADMINS"] = "json://ann:pa55word@127.0.0.1:1/"
    result = sqlite_cli("federation", "sync")
    assert result.code == 69
    assert "the admins of club/st-judes were not told" in result.err
    assert "pa55word" not in result.err
