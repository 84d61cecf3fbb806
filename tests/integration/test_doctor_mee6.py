"""`trcpoints doctor` and MEE6: one request at most, and what each answer makes of the set-up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import time_machine

from tests.integration.test_mee6_misbehaves import DEFERS, FAILS
from tests.support import books
from tests.support.cli import Cli
from tests.support.doctor import ANN, BOB, checks, forget_the_walk, set_up
from tests.support.mee6 import show
from trcpoints.config import sqlite_path
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.mee6 import client

pytestmark = pytest.mark.slow_on_postgresql

GUILD = "993536706509885777"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = replace(client.ONE_REQUEST, read_timeout=0.2, request_time=0.5)
    monkeypatch.setattr(client, "ONE_REQUEST", limits)


def test_the_board_is_ours(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    asked = len(mee6.requests)
    found = checks(cli)
    assert found["mee6"]["message"] == f"Guild {GUILD}: 3 players on the leaderboard."
    assert found["members"]["message"] == "2 of 2 linked members are on the leaderboard."
    assert [request.page for request in mee6.requests[asked:]] == [0]


@pytest.mark.parametrize("fault", FAILS, ids=lambda fault: fault.name)
def test_an_answer_that_cannot_be_used(sqlite_cli: Cli, fault: Fault) -> None:
    with SimulatedMee6() as mee6:
        sqlite_cli.environment |= {"MEE6_API_BASE": mee6.api_base, "MEE6_GUILD_ID": GUILD}
        show(mee6, {str(898643261622437500 + number): number for number in range(10)})
        mee6.misbehave(fault)
        result = sqlite_cli("doctor", "--json")
        code, word = FAILS[fault]
        assert (result.code, result.json["error"]["code"]) == (code, word), result.json["error"]
        assert len(mee6.requests) == 1
        assert [x["status"] for x in result.json["checks"] if x["name"] == "members"] == ["skipped"]


@pytest.mark.parametrize("fault", DEFERS, ids=lambda fault: fault.name)
def test_a_malformed_player(sqlite_cli: Cli, fault: Fault) -> None:
    with SimulatedMee6() as mee6:
        set_up(sqlite_cli, pointed(sqlite_cli, mee6))
        mee6.misbehave(fault, player=ANN)
        found = checks(sqlite_cli)
    assert found["mee6"]["status"] == "warning"
    assert "1 malformed" in found["mee6"]["message"]
    assert found["members"]["message"].startswith("1 of 2 ")


def pointed(cli: Cli, mee6: SimulatedMee6) -> SimulatedMee6:
    cli.environment |= {"MEE6_API_BASE": mee6.api_base, "MEE6_GUILD_ID": mee6.guild_id}
    return mee6


def test_an_empty_board(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    mee6.misbehave(Fault.EMPTY_BOARD)
    found = checks(cli)
    assert (found["mee6"]["status"], found["members"]["status"]) == ("warning", "warning")
    assert "0 players" in found["mee6"]["message"]


def test_nobody_of_ours(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    show(mee6, {"900": 5})
    check = checks(cli)["members"]
    assert (check["status"], check["message"][:8]) == ("warning", "0 of 2 l")


def test_a_board_of_several_pages(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    cli.environment["MEE6_PAGE_SIZE"] = "1"
    asked = len(mee6.requests)
    told = checks(cli)["members"]["message"]
    assert told == "1 of 2 linked members are on the first page of the leaderboard."
    assert len(mee6.requests) == asked + 1


def test_who_is_inactive_is_not_looked_for(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    books.change_member(cli, BOB, active=False)
    assert checks(cli)["members"]["message"].startswith("1 of 1 ")


def test_a_token_goes_along(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    mee6.private_token = "S3CRET-token"
    assert "not public" in checks(cli, code=69)["mee6"]["message"]
    cli.environment["MEE6_AUTH_TOKEN"] = "S3CRET-wrong"
    found = checks(cli, code=69)
    assert "does not accept MEE6_AUTH_TOKEN" in found["mee6"]["message"]
    assert "S3CRET" not in str(found)
    cli.environment["MEE6_AUTH_TOKEN"] = mee6.private_token
    assert checks(cli)["mee6"]["status"] == "ok"


def test_a_fresh_walk_is_used(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    cli.ok("sync")
    asked = len(mee6.requests)
    mee6.misbehave(Fault.NOT_FOUND)
    found = checks(cli)
    assert "as it was read in the last 15 minutes" in found["mee6"]["message"]
    assert found["members"]["message"].startswith("2 of 2 ")
    assert len(mee6.requests) == asked
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16), tick=False):
        result = cli("doctor", "--json")
    assert {x["name"]: x["status"] for x in result.json["checks"]}["mee6"] == "fault"
    assert len(mee6.requests) == asked + 1


def test_a_pause_is_kept(cli: Cli, mee6: SimulatedMee6) -> None:
    set_up(cli, mee6)
    mee6.misbehave(Fault.RATE_LIMITED)
    assert cli("sync").code == 69
    mee6.behave()
    asked = len(mee6.requests)
    check = checks(cli)["mee6"]
    assert check["status"] == "skipped"
    assert check["message"].startswith("Not asked: it wants to be left alone until 20")
    assert len(mee6.requests) == asked
    cli.ok("sync", "--ignore-cooldown")
    forget_the_walk(cli)
    assert checks(cli)["mee6"]["status"] == "ok"


@contextmanager
def dated(date: str | None) -> Iterator[str]:
    """A MEE6 that tells the time; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"guild": {"id": GUILD}, "players": [], "page": 0}).encode()
            self.send_response_only(200)
            if date is not None:
                self.send_header("Date", date)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def clock_by(cli: Cli, date: str | None, code: int = 0) -> dict[str, str]:
    with dated(date) as address:
        cli.environment |= {"MEE6_API_BASE": address, "MEE6_GUILD_ID": GUILD}
        return checks(cli, code=code)["clock"]


@pytest.mark.parametrize(
    ("minutes", "told"), [(-6, "ahead of"), (6, "behind"), (60 * 24, "behind"), (-4, ""), (4, "")]
)
def test_the_clock_by_mee6(cli: Cli, minutes: int, told: str) -> None:
    date = datetime.now(UTC) + timedelta(minutes=minutes)
    check = clock_by(cli, format_datetime(date, usegmt=True), 78 if told else 0)
    if told:
        assert f"{told} MEE6's" in check["message"]
        assert check["hint"] == "Set it: timedatectl set-ntp true"
    else:
        assert check["status"] == "ok"


def test_the_clock_by_what_a_fresh_walk_has_seen(cli: Cli) -> None:
    """Where cron works there is always one, and MEE6 is not asked."""
    date = datetime.now(UTC) + timedelta(minutes=60)
    with dated(format_datetime(date, usegmt=True)) as address:
        cli.environment |= {
            "MEE6_API_BASE": address, "MEE6_GUILD_ID": GUILD, "MEE6_SYNC_ENABLED": "yes"
        }  # fmt: skip
        cli.ok("sync")
    # Nobody answers there now.
    found = checks(cli, code=78)
    assert "as it was read in the last 15 minutes" in found["mee6"]["message"]
    assert "minutes behind MEE6's" in found["clock"]["message"]


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 99:99:99 GMT"])
def test_a_date_that_says_nothing(sqlite_cli: Cli, date: str | None) -> None:
    assert clock_by(sqlite_cli, date)["status"] == "skipped"


def test_the_clock_by_the_database(cli: Cli) -> None:
    cli.environment["MEE6_SYNC_ENABLED"] = "no"
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=30)):
        result = cli("doctor", "--json")
    check = {x["name"]: x for x in result.json["checks"]}["clock"]
    if sqlite_path(cli.environment["DATABASE_URL"]):
        assert check["status"] == "skipped"
    else:
        assert (result.code, result.json["error"]["code"]) == (78, "clock_wrong")
        assert "behind the database's" in check["message"]
