"""Who is told that an organization keeps failing (design, section 9)."""

from __future__ import annotations

import json

from tests.support import queue
from tests.support.cli import Cli
from tests.support.http_sink import HttpSink
from tests.support.sentry_server import SentryServer

JUDES, FIANNA, ODD = "st-judes", "na-fianna", "club:7/é"
FAILING = f"federation:club/{JUDES}"


def test_the_third_night_in_a_row_is_told_for_each_organization(sqlite_cli: Cli) -> None:
    """What a retry cannot mend fails once a night."""
    cli = sqlite_cli
    queue.configure(cli, [JUDES, FIANNA])
    queue.export(cli, FIANNA)
    (cli.folder / f"{JUDES}.csv").write_text("id,first,email\n1,Ann,a@example.org\n")
    cli.ok("federation", "sync")
    for name in (JUDES, FIANNA):
        queue.export(cli, name, ["Ann", "Bob", "Cat", "Dan"])
    cli.ok("federation", "sync")
    good = queue.export(cli, JUDES, ["Ann", "Bob", "Cat", "Dan"]).read_text()
    queue.export(cli, JUDES, [])
    with SentryServer() as sentry, HttpSink() as people:
        cli.environment |= {
            "SENTRY_DSN": sentry.dsn,
            "TRCPOINTS_NOTIFY_URLS": f"json://127.0.0.1:{people.port}/people",
        }
        nights = [cli("federation", "sync", "--json") for _ in range(3)]
        assert [night.code for night in nights] == [65] * 3
        assert [f"{FAILING} has failed" in night.err for night in nights] == [False, False, True]
        told = [json.loads(request.body)["title"] for request in people.received]
        assert told == [f"trcpoints: {FAILING} failed 3 times in a row"]
        (event,) = sentry.events
        run_id = nights[-1].json["runs"][0]["run_id"]
        assert event["tags"] == {"job": FAILING, "run_id": run_id, "code": "mass_change"}
        # Nobody expects a sync of one organization at a certain time.
        assert sentry.check_ins == []
        (cli.folder / f"{JUDES}.csv").write_text(good)
        cli.ok("federation", "sync")
        titles = [json.loads(request.body)["title"] for request in people.received]
        assert titles[1:] == [f"trcpoints: {FAILING} works again"]


def test_several_organizations_that_fail_are_told_apart(sqlite_cli: Cli) -> None:
    """Whatever they are called, and in one process."""
    cli = sqlite_cli
    queue.configure(cli, [JUDES, f'"{ODD}"'])  # of which there are no files
    with SentryServer() as sentry, HttpSink() as people:
        for night in range(3):
            if night == 2:
                cli.environment |= {
                    "SENTRY_DSN": sentry.dsn,
                    "TRCPOINTS_NOTIFY_URLS": f"json://127.0.0.1:{people.port}/people",
                    "TRCPOINTS_LOG_FORMAT": "json",
                }
            result = cli("federation", "sync", "--json", "--accept-changes")
            assert result.code == 69
    expected = [FAILING, f"federation:club/{ODD}"]
    assert [event["tags"]["job"] for event in sentry.events] == expected
    assert len({tuple(event["fingerprint"]) for event in sentry.events}) == 2
    titles = [json.loads(request.body)["title"] for request in people.received]
    assert titles == [f"trcpoints: {name} failed 3 times in a row" for name in expected]
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert [line["job"] for line in lines if "has failed 3 times" in line["message"]] == expected
