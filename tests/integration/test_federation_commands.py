"""The commands of federations, as an operator types them and cron runs them (section 8)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support import books, queue
from tests.support.cli import Cli
from trcpoints.demo.federation import TOKEN, SimulatedFederation

pytestmark = pytest.mark.slow_on_postgresql

JUDES, FIANNA = "st-judes", "na-fianna"


@pytest.fixture
def club(cli: Cli) -> Cli:
    """Two organizations with a file each."""
    queue.configure(cli, [JUDES, FIANNA])
    queue.export(cli, JUDES)
    queue.export(cli, FIANNA, ["Zoe"])
    return cli


@pytest.mark.parametrize("command", ["sync", "retry"])
def test_without_a_federation_there_is_nothing_to_do(cli: Cli, command: str) -> None:
    cron = cli("federation", command, "--quiet")
    assert (cron.code, cron.out, cron.err) == (0, "", "")
    document = cli.ok("federation", command)
    assert (document["status"], document["reason"]) == ("skipped", "not_configured")
    assert "FEDERATION_CONFIG" in cli("federation", command).out
    assert cli.ok("status")["federation"]["connectors"] == []
    assert queue.runs(cli) == []


def test_check_says_how_to_begin(cli: Cli) -> None:
    result = cli("federation", "check", "--json")
    assert result.code == 78
    assert "FEDERATION_CONFIG" in result.json["error"]["message"]


def test_a_sync_from_beginning_to_end(club: Cli) -> None:
    preview = club.ok("federation", "sync", "--dry-run")
    assert [(run["run_id"], run["created"]) for run in preview["runs"]] == [(None, 5), (None, 1)]
    assert (preview["dry_run"], preview["enqueued"]) == (True, 0)
    assert (queue.members(club), queue.jobs(club), queue.runs(club)) == ({}, [], [])

    document = club.ok("federation", "sync")
    assert (document["status"], document["enqueued"], document["waiting"]) == ("completed", 2, [])
    assert [run["created"] for run in document["runs"]] == [5, 1]
    for run, known in zip(document["runs"], queue.runs(club), strict=True):
        assert (run["run_id"], run["status"]) == (known.id, known.status)
        assert known.scope == f"{run['connector']}/{run['organization']}"
        stats = json.loads(known.stats or "")
        assert stats["records"]["created"] == run["created"]
    job = books.job(club, "federation:club/st-judes")
    assert job is not None
    assert job.last_completed_run == document["runs"][0]["run_id"]

    again = club.ok("federation", "sync")
    assert [run["unchanged"] for run in again["runs"]] == [5, 1]
    assert club("federation", "sync", "--quiet").out == ""
    assert club.ok("history", "list", "--job", "federation")["total"] == 6


def test_a_run_names_what_it_rejected_and_missed(club: Cli) -> None:
    club.ok("federation", "sync")
    path = queue.export(club, JUDES, ["Ann", "Bob", "Cat", "Dan"])
    path.write_text(path.read_text() + "gus,gus,no e-mail\n")
    (run,) = club.ok("federation", "sync", "--organization", JUDES)["runs"]
    assert (run["rejected"], run["missing"], run["unchanged"]) == (1, 1, 4)
    stats = club.ok("history", "show", run["run_id"])["run"]["stats"]
    assert [one["external_id"] for one in stats["rejections"]] == ["gus"]
    assert "email" in stats["rejections"][0]["reason"]
    assert [one["external_id"] for one in stats["missing"]] == ["eve"]


def test_who_sees_that_records_were_rejected(club: Cli) -> None:
    def problems() -> list[dict[str, str]]:
        return [x for x in club.ok("status")["problems"] if x["code"] == "federation_rejected"]

    path = queue.export(club, JUDES, [])
    path.write_text(path.read_text() + "gus,gus,no e-mail\nhal,hal,neither\n")
    preview = club("federation", "sync", "--dry-run").out
    assert "club/st-judes: 2 records would be rejected." in preview
    assert "trcpoints federation check" in preview
    shown = club("federation", "sync").out
    run = queue.runs(club)[0].id
    assert "club/st-judes: 2 records rejected." in shown
    assert f"-> See which, and why: trcpoints history show {run}" in shown
    assert "club/na-fianna: " not in shown
    reasons = club("history", "show", run).out
    assert re.search(r"gus +email .*\n *hal +email ", reasons)
    (problem,) = problems()
    assert "club/st-judes: 2 of 2." in problem["message"]
    assert f"trcpoints history show {run}" in problem["hint"]
    assert "club/st-judes: 2 of 2." in club("status", "--check").out
    (connector,) = club.ok("status")["federation"]["connectors"]
    assert [one["rejected"] for one in connector["organizations"]] == [2, 0]

    queue.tell(club, JUDES, ["gus"], "updated", datetime.now(UTC))
    assert "club/st-judes gus: 2 records rejected." in club("federation", "retry").out
    assert len(problems()) == 1
    queue.configure(club, [JUDES, FIANNA], "enabled = false")
    assert problems() == []
    queue.configure(club, [JUDES, FIANNA])
    queue.export(club, JUDES)
    club.ok("federation", "sync")
    assert problems() == []


def test_only_what_was_asked_for_is_synced(club: Cli) -> None:
    document = club.ok("federation", "sync", "--connector", "club", "--organization", FIANNA)
    assert [run["organization"] for run in document["runs"]] == [FIANNA]
    unknown = club("federation", "sync", "--organization", "nobody", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (65, "not_found")
    for option in ("--connector", "--organization"):
        unset = club("federation", "sync", option, "", "--json")
        assert (unset.code, unset.json["error"]["code"]) == (65, "not_found")
    assert "club/st-judes" in unknown.json["error"]["message"]
    assert len(queue.jobs(club)) == 1


def test_a_person_sees_what_was_done_before_a_failure(club: Cli) -> None:
    (club.folder / f"{JUDES}.csv").unlink()
    result = club("federation", "sync")
    assert result.code == 69
    assert re.search(r"club/na-fianna +completed +1 ", result.out)
    assert "waits for its next try at" in result.out
    assert "--now 1" in result.out
    assert "st-judes.csv" in result.err
    quiet = club("federation", "retry", "--now", "1", "--quiet")
    assert (quiet.code, quiet.out) == (69, "")
    assert "st-judes.csv" in quiet.err


def test_a_source_of_which_nothing_can_be_taken_any_more_is_no_success(club: Cli) -> None:
    club.ok("federation", "sync")
    file = club.folder / f"{JUDES}.csv"
    file.write_text(file.read_text().replace("@", " at "))
    result = club("federation", "sync", "--organization", JUDES, "--json")
    assert result.code == 65
    (run,) = result.json["runs"]
    assert run["error"]["code"] == "mass_change"
    assert "5 rejected" in run["error"]["message"]
    assert "trcpoints federation check" in run["error"]["hint"]
    accepted = club.ok("federation", "sync", "--organization", JUDES, "--accept-changes")
    assert accepted["runs"][0]["rejected"] == 5
    assert len(queue.members(club)) == 6


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize(("percent", "code"), [(59, 65), (60, 0), (100, 0)])
def test_the_share_of_the_guard_is_the_connectors(club: Cli, percent: int, code: int) -> None:
    club.ok("federation", "sync")
    queue.configure(club, [JUDES, FIANNA], f"guard_percent = {percent}")
    file = club.folder / f"{JUDES}.csv"
    first, *lines = file.read_text().splitlines()
    assert len(lines) == 5
    file.write_text("\n".join([first, *lines[:2]]))
    assert club("federation", "sync", "--organization", JUDES).code == code


def test_a_locked_database_puts_the_job_back(club: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trcpoints.db.engine.LOCK_WAIT", 0.3)
    club.ok("federation", "sync")
    with books.locked(club):
        # What cannot even be enqueued is nobody's failure.
        result = club("federation", "sync", "--json", env={})
    assert (result.code, result.json["status"]) == (75, "skipped")
    assert {job.status for job in queue.jobs(club)} == {"completed"}


def test_all_faults_of_the_file_at_once(club: Cli) -> None:
    queue.configure(club, [JUDES, FIANNA], 'token_env = "CLUB_TOKEN"', 'strategy = "theirs"')
    for command in ("sync", "retry", "check"):
        result = club("federation", command, "--json")
        assert (result.code, result.json["error"]["code"]) == (78, "configuration")
        message = result.json["error"]["message"]
        assert "connectors.club.strategy" in message
        assert "CLUB_TOKEN" in message
    (problem,) = [
        one for one in club.ok("status")["problems"] if one["code"].startswith("federation")
    ]
    assert problem["code"] == "federation_configuration"


def test_check_shows_how_records_map_and_no_secret(cli: Cli) -> None:
    with SimulatedFederation({JUDES: 25}) as federation:
        place = (
            f'kind = "http-json"\nurl = "{federation.url}"\ntoken_env = "GAA_TOKEN"\n'
            'records = "data[*]"\nnext = "links.next"'
        )
        more = (
            "[connectors.club.values.subscription_status]\n"
            'paid = "ACTIVE"\n[connectors.club.fields]\nexternal_id = "memberId"\n'
            'email = "contact.email"\nphone = "nowhere"\nsubscription_status = "status"\n'
        )
        queue.configure(cli, [JUDES], place=place, more=more)
        cli.environment["GAA_TOKEN"] = TOKEN
        document = cli.ok("federation", "check")
        (source,) = document["sources"]
        lapsed = [record for record in source["records"] if record["rejected"]]
        assert (source["read"], source["rejected"]) == (10, len(lapsed))
        assert 0 < len(lapsed) < 10
        assert "lapsed" in lapsed[0]["rejected"][0]
        assert source["empty"] == ["phone"]
        assert source["secrets"] == [{"key": "token_env", "variable": "GAA_TOKEN"}]
        assert len(federation.requests) == 1
        shown = cli("federation", "check")
        assert "M0001" in shown.out
        assert TOKEN not in json.dumps(document) + shown.out
        assert cli.ok("members", "list")["total"] == 0

        cli.environment["GAA_TOKEN"] = "wrong-t0ken"
        result = cli("federation", "check", "--json")
        assert (result.code, result.json["error"]["code"]) == (69, "source_refused")
        assert result.json["sources"][0]["error"]["code"] == "source_refused"
        assert "wrong-t0ken" not in result.out
        refused = cli("federation", "sync", "--json")
        assert refused.json["runs"][0]["next_retry_at"] is None
        assert "wrong-t0ken" not in refused.out


def test_text_from_outside_is_harmless_on_a_screen(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    path = cli.folder / f"{JUDES}.csv"
    path.write_text("id,first,email\n1,\x1b[31mred\u202e,ann@example.org\n2,x,\x1b]0;no\x07\n")
    for command in ("check", "sync", "queue"):
        shown = cli("federation", command)
        assert not set("\x1b\x07\u202e") & set(shown.out + shown.err), command


def test_the_queue(club: Cli) -> None:
    (club.folder / f"{JUDES}.csv").unlink()
    club("federation", "sync")
    document = club.ok("federation", "queue")
    assert (document["pending"], document["completed"], document["total"]) == (1, 1, 2)
    assert [job["job_id"] for job in document["jobs"]] == ["2", "1"]
    (job,) = club.ok("federation", "queue", "--status", "pending")["jobs"]
    assert (job["organization"], job["error"]["code"]) == (JUDES, "source_unavailable")
    assert club.ok("federation", "queue", "--status", "failed")["jobs"] == []
    page = club.ok("federation", "queue", "--limit", "1", "--page", "2")
    assert [job["job_id"] for job in page["jobs"]] == ["1"]
    assert "st-judes.csv" in club("federation", "queue").out
    beyond = club("federation", "queue", "--limit", "1", "--page", "99").out
    assert beyond == "There is no page 99 of 2, 2 jobs.\n"


@pytest.fixture
def disputed(cli: Cli) -> Cli:
    """A conflict over a first name: the federation's has won."""
    queue.configure(cli, [JUDES])
    file = queue.export(cli, JUDES, ["Ann"])
    cli.ok("federation", "sync")
    cli.ok("members", "set", "1", "--first-name", "Annie", "--by", "eve")
    file.write_text(file.read_text().replace(",ann,", ",Anna,"))
    cli.ok("federation", "sync")
    return cli


def test_a_conflict_is_listed_shown_and_decided(disputed: Cli) -> None:
    cli = disputed
    (conflict,) = cli.ok("federation", "conflicts", "list")["conflicts"]
    told = {key: conflict[key] for key in ("field", "base", "federation", "ours", "resolved")}
    assert told == {
        "field": "first_name",
        "base": "ann",
        "federation": "Anna",
        "ours": "Annie",
        "resolved": "Anna",
    }
    assert (conflict["member_id"], conflict["name"]) == ("1", "Anna")
    assert cli.ok("status")["federation"]["conflicts"] == 1
    shown = cli.ok("federation", "conflicts", "show", "1")
    assert (shown["now"], shown["conflict"]["run_id"]) == ("Anna", queue.runs(cli)[-1].id)
    kept = cli.ok("federation", "conflicts", "keep", "1", "ours", "--by", "zoe")
    assert (kept["now"], kept["conflict"]["kept"]) == ("Annie", "ours")
    assert kept["conflict"]["kept_by"] == "zoe"
    assert cli.ok("federation", "conflicts", "list")["conflicts"] == []
    assert cli.ok("federation", "conflicts", "list", "--all")["total"] == 1
    assert cli.ok("status")["federation"]["conflicts"] == 0
    beyond = cli("federation", "conflicts", "list", "--all", "--page", "2").out
    assert beyond == "There is no page 2 of 1, 1 conflict.\n"
    assert cli("federation", "conflicts", "list").out == "No conflict waits for a decision.\n"
    for command in (["list", "--all"], ["show", "1"], ["keep", "1", "theirs"]):
        assert "Annie" in cli("federation", "conflicts", *command).out


def test_a_conflict_that_there_is_not(disputed: Cli) -> None:
    for number in ("2", str(2**70)):
        for command in (["show", number], ["keep", number, "ours"]):
            result = disputed("federation", "conflicts", *command, "--json")
            assert (result.code, result.json["error"]["code"]) == (65, "not_found")


def test_the_status_of_federations(club: Cli) -> None:
    def codes() -> list[str]:
        problems = club.ok("status")["problems"]
        return [one["code"] for one in problems if one["code"].startswith("federation")]

    assert codes() == ["federation_never_ran"]
    club.ok("federation", "sync")
    assert codes() == []
    (connector,) = club.ok("status")["federation"]["connectors"]
    last = [one["last_synced_at"] for one in connector["organizations"]]
    assert connector["last_synced_at"] == min(last)
    assert "1 connector, last synced" in club("status").out
    (club.folder / f"{JUDES}.csv").unlink()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=27)):
        assert codes() == ["federation_overdue"]
        assert club("federation", "sync").code == 69
        assert codes() == ["federation_overdue"]
        assert "\ntrcpoints_federation_overdue 1.0\n" in club("status", "--prometheus").out
        (connector,) = club.ok("status")["federation"]["connectors"]
        assert [one["overdue"] for one in connector["organizations"]] == [True, False]
        assert club.ok("status")["federation"]["pending"] == 1
        queue.configure(club, [JUDES, FIANNA], "enabled = false")
        assert codes() == []
        queue.configure(club, [JUDES, FIANNA])
        queue.export(club, JUDES, [])
        assert club("federation", "retry", "--now", "3").code == 65
        assert codes() == ["federation_failed", "federation_overdue"]
        club.ok("federation", "sync", "--accept-changes")
        assert codes() == []
