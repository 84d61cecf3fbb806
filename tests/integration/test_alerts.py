"""Alerts of whole runs, through the real command: who is told, and what it may cost."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import mee6 as mee6_support
from tests.support.cli import Cli, Result
from tests.support.http_sink import HttpSink, closed_port, silent_port
from tests.support.sentry_server import KEY, SentryServer, sentry_dsn
from trcpoints.config import AlertSettings
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.errors import SourceUnavailable
from trcpoints.monitoring.alerts import Alerts, RunEnd

TOKEN = "tok-5ecr3t-of-mee6"
CHECK = "/5f0e9a3c-1111-4222-8333-1234567890ab"
DELAY = 5.0
"""Seconds that a dead Sentry may cost a run (design, section 9)."""

ENDED = 2.0
"""Seconds from a signal to the end (design, section 9)."""


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as server:
        yield server


@pytest.fixture
def board(sqlite_cli: Cli) -> Iterator[SimulatedMee6]:
    with SimulatedMee6() as server:
        sqlite_cli.environment.update(mee6_support.environment(server))
        mee6_support.show(server, {"101": 500})
        yield server


def settings(dsn: str, sink: HttpSink) -> dict[str, str]:
    return {
        "SENTRY_DSN": dsn,
        "TRCPOINTS_NOTIFY_URLS": f"json://joe:passw0rd@127.0.0.1:{sink.port}/people",
        "TRCPOINTS_PING_URL_SYNC": f"{sink.url}{CHECK}",
    }


def sync(cli: Cli) -> Result:
    """A sync as cron does it, but with its document."""
    return cli.process("sync", "--json")


def document_of(result: Result) -> dict[str, object]:
    """What does not differ from run to run."""
    document = result.json
    for name in ("sync_id", "started_at", "finished_at", "duration_seconds"):
        del document[name]
    return document


def test_a_source_that_fails_six_times_and_comes_back(
    sqlite_cli: Cli, board: SimulatedMee6, sentry: SentryServer, sink: HttpSink
) -> None:
    cli = sqlite_cli
    cli.ok(
        "members", "add", "--discord-id", "101", "--name", "Ann Member", "--email", "ann@trc.org"
    )
    cli.environment.update({**settings(sentry.dsn, sink), "MEE6_AUTH_TOKEN": TOKEN})
    board.faults.add(Fault.BAD_REQUEST, None, None, {})
    failures = [sync(cli) for _ in range(6)]
    board.faults.clear()
    done = sync(cli)
    again = sync(cli)

    assert [result.code for result in [*failures, done, again]] == [69] * 6 + [0, 0]
    assert [result.json["consecutive_failures"] for result in failures] == [1, 2, 3, 4, 5, 6]

    notices = [json.loads(r.body)["title"] for r in sink.received if r.path == "/people"]
    assert notices == [
        "trcpoints: sync failed 3 times in a row",
        "trcpoints: sync failed 6 times in a row",
        "trcpoints: sync works again",
    ]
    pings = [path.partition("?")[0] for path in sink.paths if path != "/people"]
    assert pings == [f"{CHECK}/start", f"{CHECK}/69"] * 6 + [f"{CHECK}/start", f"{CHECK}/0"] * 2

    statuses = [(c["monitor_slug"], c["status"]) for c in sentry.check_ins]
    begun, bad, good = [("trcpoints-sync", s) for s in ("in_progress", "error", "ok")]
    assert statuses == [begun, bad] * 6 + [begun, good] * 2
    runs = [result.json["sync_id"] for result in failures]
    assert [event["tags"]["run_id"] for event in sentry.events] == runs[2:]
    assert {event["tags"]["code"] for event in sentry.events} == {"source_refused"}

    told = sentry.everything + sink.everything
    for word in ("Ann Member", "ann@trc.org", TOKEN, "passw0rd"):
        assert word.encode() not in told
    bodies = b"".join(request.body for request in [*sentry.received, *sink.received])
    assert CHECK[1:].encode() not in bodies
    assert KEY.encode() not in bodies


def test_a_bug_is_told_at_once_with_the_place_it_is_at(
    sqlite_cli: Cli, board: SimulatedMee6, sentry: SentryServer
) -> None:
    """A table with a column that nobody can write stands for a fault that nobody expected."""
    cli = sqlite_cli
    cli.ok("members", "add", "--discord-id", "101", "--name", "Ann Member")
    path = cli.environment["DATABASE_URL"].removeprefix("sqlite:///")
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON discord_activity "
            "BEGIN SELECT RAISE(ABORT, 'Ann Member cannot be written'); END"
        )
    database.close()
    cli.environment["SENTRY_DSN"] = sentry.dsn
    assert sync(cli).code == 70
    (event,) = sentry.events
    assert event["tags"]["code"] == "internal_error"
    values = event["exception"]["values"]
    assert values[-1]["value"].startswith("trcpoints met a fault of its own: ")
    frames = [frame for value in values for frame in value["stacktrace"]["frames"]]
    assert any(str(frame.get("module", "")).startswith("trcpoints.jobs") for frame in frames)
    assert b"Ann Member" not in sentry.everything


def test_a_database_that_is_gone_is_told_every_time(
    sqlite_cli: Cli, board: SimulatedMee6, sentry: SentryServer, sink: HttpSink
) -> None:
    cli = sqlite_cli
    (cli.folder / "folder.db").mkdir()
    cli.environment.update(settings(sentry.dsn, sink))
    cli.environment["DATABASE_URL"] = "sqlite:///folder.db"
    assert [sync(cli).code for _ in range(2)] == [74, 74]
    assert [event["tags"]["code"] for event in sentry.events] == ["database_unavailable"] * 2
    assert [check_in["status"] for check_in in sentry.check_ins] == ["error"] * 2
    assert [path.partition("?")[0] for path in sink.paths] == [f"{CHECK}/74"] * 2


@pytest.mark.parametrize(
    "arguments",
    [("--dry-run",), ("--from", "board.json"), ("--sync-id", "done")],
    ids=["dry run", "saved", "done already"],
)
def test_a_run_that_does_not_count_tells_nobody(
    sqlite_cli: Cli,
    board: SimulatedMee6,
    sentry: SentryServer,
    sink: HttpSink,
    arguments: tuple[str, ...],
) -> None:
    cli = sqlite_cli
    page = {"guild": {"id": board.guild_id}, "players": [{"id": "101", "xp": 500}], "page": 0}
    (cli.folder / "board.json").write_text(json.dumps(page))
    cli.ok("sync", "--sync-id", "done")
    cli.environment.update(settings(sentry.dsn, sink))
    assert cli.process("sync", *arguments).code == 0
    assert sentry.received == []
    assert sink.received == []


def test_an_id_of_another_jobs_run_tells_nobody(
    sqlite_cli: Cli, board: SimulatedMee6, sentry: SentryServer, sink: HttpSink
) -> None:
    cli = sqlite_cli
    judged = cli.ok("streaks")["run_id"]
    board.faults.add(Fault.UNAUTHORIZED, None, None, {})
    assert [sync(cli).code for _ in range(3)] == [69] * 3
    cli.environment.update(settings(sentry.dsn, sink))
    refused = cli.process("sync", "--sync-id", judged)
    assert refused.code == 65
    assert "in a row" not in refused.err
    assert sentry.received == []
    assert sink.received == []


def test_what_a_server_said_is_told_to_nobody_else(
    sqlite_cli: Cli, board: SimulatedMee6, sentry: SentryServer, sink: HttpSink
) -> None:
    cli = sqlite_cli
    cli.environment.update(settings(sentry.dsn, sink))
    row = "row of Ada Lovelace <ada@example.org> tel 555 0199"
    with HttpSink() as mee6:
        mee6.status, mee6.body = 400, json.dumps({"error": {"message": row}}).encode()
        cli.environment["MEE6_API_BASE"] = mee6.url
        results = [cli.process("sync") for _ in range(3)]
    assert [result.code for result in results] == [69] * 3
    assert all("Ada Lovelace" in result.err for result in results)
    assert len(sentry.events) == 1
    assert "MEE6 answered 400 for the MEE6 leaderboard" in str(sentry.events)
    assert "MEE6 answered 400 for the MEE6 leaderboard" in str(sink.received)
    for told in (sentry.everything, sink.everything):
        assert not [word for word in (b"Ada", b"Lovelace", b"0199") if word in told]


def test_a_database_address_is_told_as_it_is(
    sqlite_cli: Cli, board: SimulatedMee6, sentry: SentryServer
) -> None:
    url = f"postgresql://bob@127.0.0.1:{closed_port()}/books"
    sqlite_cli.environment.update(SENTRY_DSN=sentry.dsn, DATABASE_URL=url)
    assert sync(sqlite_cli).code == 74
    (event,) = sentry.events
    value = event["exception"]["values"][-1]["value"]
    assert value == f"The database {url} cannot be used"


def test_a_sync_that_is_disabled_tells_nobody(
    sqlite_cli: Cli, board: SimulatedMee6, sentry: SentryServer, sink: HttpSink
) -> None:
    sqlite_cli.environment.update(settings(sentry.dsn, sink))
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "false"
    assert sync(sqlite_cli).code == 0
    assert sentry.received == []
    assert sink.received == []


@contextmanager
def dead(kind: str) -> Iterator[int]:
    """A port where nobody answers: nobody is there, or somebody who says nothing."""
    if kind == "closed":
        yield closed_port()
        return
    with silent_port() as port:
        yield port


@pytest.mark.parametrize("kind", ["closed", "silent"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(None, id="completed", marks=pytest.mark.slow),
        pytest.param(Fault.UNAUTHORIZED, id="failed"),
    ],
)
def test_a_dead_sentry_costs_some_seconds_and_nothing_else(
    sqlite_cli: Cli, board: SimulatedMee6, kind: str, fault: Fault | None
) -> None:
    cli = sqlite_cli
    cli.ok("members", "add", "--discord-id", "101")
    cli.ok("sync")
    if fault is not None:
        board.faults.add(fault, None, None, {})
    began = time.monotonic()
    without = sync(cli)
    took = time.monotonic() - began
    with dead(kind) as port:
        cli.environment["SENTRY_DSN"] = sentry_dsn(port)
        began = time.monotonic()
        with_dead = sync(cli)
        delay = time.monotonic() - began - took
    assert delay <= DELAY
    assert with_dead.code == without.code == (69 if fault else 0)
    expected = document_of(without)
    expected["consecutive_failures"] = 2 if fault else 0
    assert document_of(with_dead) == expected
    (warning,) = [line for line in with_dead.err.splitlines() if "warning" in line]
    assert "Sentry was not told of this run" in warning
    assert KEY not in with_dead.err


def test_when_all_are_silent_a_signal_still_ends_it_in_time(
    sqlite_cli: Cli, board: SimulatedMee6
) -> None:
    cli = sqlite_cli
    cli.ok("members", "add", "--discord-id", "101")
    board.faults.add(Fault.TIMEOUT, None, None, {})
    with silent_port() as port:
        environment = {
            "SENTRY_DSN": sentry_dsn(port),
            "TRCPOINTS_NOTIFY_URLS": f"json://127.0.0.1:{port}/people",
            "TRCPOINTS_PING_URL_SYNC": f"http://127.0.0.1:{port}{CHECK}",
        }
        with cli.start("sync", "--json", env=environment) as process:
            while not board.requests:
                assert process.poll() is None
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=30)
            took = time.monotonic() - began
    assert took <= ENDED
    assert process.returncode == 143
    assert json.loads(out)["status"] == "interrupted"


@pytest.mark.parametrize("flags", [["--json"], []])
@pytest.mark.parametrize("fault", [None, Fault.UNAUTHORIZED], ids=["completed", "failed"])
def test_a_signal_while_others_are_told_says_what_became_of_the_run(
    sqlite_cli: Cli, board: SimulatedMee6, fault: Fault | None, flags: list[str]
) -> None:
    cli = sqlite_cli
    if fault is not None:
        board.faults.add(fault, None, None, {})
    with HttpSink() as checks, silent_port() as port:
        environment = {
            "SENTRY_DSN": sentry_dsn(port),
            "TRCPOINTS_PING_URL_SYNC": f"{checks.url}{CHECK}",
        }
        with cli.start("sync", *flags, env=environment) as process:
            while len(checks.paths) < 2:
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
    assert process.returncode == 143
    status = "failed" if fault else "completed"
    if flags:
        assert json.loads(out)["status"] == status
    else:
        assert "Stopped by SIGTERM" in err.decode()
        assert f"The sync run had {status}" in err.decode()


def test_all_together_take_no_longer_than_they_may() -> None:
    end = RunEnd("failed", 69, 0.1, SourceUnavailable("down"), 2, 3)
    with silent_port() as port:
        everybody = AlertSettings(
            sentry_dsn=sentry_dsn(port),
            notify_urls=(f"json://127.0.0.1:{port}/a", f"json://127.0.0.1:{port}/b"),
            ping_urls={"sync": f"http://127.0.0.1:{port}{CHECK}"},
        )
        alerts = Alerts(everybody, job="sync", run_id="r-1")
        alerts.started()
        began = time.monotonic()
        alerts.ended(end, 1.0)
        took = time.monotonic() - began
    assert took <= 1.5  # three waits one after another would be 3


def test_a_missing_extra_is_a_warning_that_names_it(
    sqlite_cli: Cli, board: SimulatedMee6, sink: HttpSink, tmp_path: Path
) -> None:
    cli = sqlite_cli
    board.faults.add(Fault.UNAUTHORIZED, None, None, {})
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "apprise.py").write_text("raise ImportError('not installed')\n")
    cli.environment.update(settings(sentry_dsn(closed_port()), sink))
    del cli.environment["SENTRY_DSN"]
    cli.environment["PYTHONPATH"] = f"{tmp_path / 'without'}:{cli.environment['PYTHONPATH']}"
    results = [sync(cli) for _ in range(3)]
    assert [result.code for result in results] == [69, 69, 69]
    assert results[1].err == ""
    assert "pip install 'trcpoints[notify]'" in results[2].err
    assert "passw0rd" not in results[2].err


ALERT = """
import json, os, sys
from trcpoints.config import load_settings
from trcpoints.monitoring.alerts import Alerts, RunEnd
alerts = Alerts(load_settings(os.environ).alerts, job="sync", run_id="r")
alerts.started()
alerts.ended(RunEnd("completed", 0, 0.1, None, 0, 0), 5.0)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("name", "loaded"),
    [
        (None, set()),
        ("SENTRY_DSN", {"sentry_sdk"}),
        ("TRCPOINTS_PING_URL_SYNC", {"requests"}),
        ("TRCPOINTS_NOTIFY_URLS", set()),
    ],
)
def test_only_what_is_set_is_loaded(
    sqlite_cli: Cli, sentry: SentryServer, sink: HttpSink, name: str | None, loaded: set[str]
) -> None:
    cli = sqlite_cli
    environment = dict(cli.environment)
    if name is not None:
        environment[name] = settings(sentry.dsn, sink)[name]
    done = subprocess.run(
        [sys.executable, "-c", ALERT],
        cwd=cli.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    modules = set(json.loads(done.stderr.splitlines()[-1]))
    assert modules & {"sentry_sdk", "apprise", "requests"} == loaded
