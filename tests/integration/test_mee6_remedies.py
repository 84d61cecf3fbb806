"""What is said when MEE6 says no: whose fault it is, and what helps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import environment, show
from trcpoints.demo.cloudflare import BLOCK_PAGE, CHALLENGE_PAGE
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

GUILD = "993536706509885777"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def server(sqlite_cli: Cli) -> Iterator[SimulatedMee6]:
    with SimulatedMee6() as mee6:
        sqlite_cli.environment.update(environment(mee6))
        books.link(sqlite_cli, ["101"])
        show(mee6, {"101": 500})
        yield mee6


def refused(cli: Cli, command: str = "sync") -> dict[str, str]:
    result = cli(command, "--json")
    assert result.code == 69
    error: dict[str, str] = result.json["error"]
    return error


def test_a_wrong_address_is_not_taken_for_a_wrong_guild(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    server.misbehave(Fault.WRONG_ADDRESS)
    error = refused(sqlite_cli)
    assert error["code"] == "source_refused"
    assert "The address is wrong, not the guild" in error["message"]
    assert "MEE6_API_BASE" in error["hint"]
    assert "MEE6_GUILD_ID" not in error["hint"]
    assert "https://mee6.xyz/api/plugins/levels/leaderboard" in error["hint"]
    server.behave()
    server.misbehave(Fault.NOT_FOUND)
    error = refused(sqlite_cli)
    assert f"knows no guild {GUILD}" in error["message"]
    assert "MEE6_GUILD_ID" in error["hint"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault.CHALLENGE, "asks this program to prove that it is a browser"),
        (Fault.BLOCKED, "blocks requests of this program"),
    ],
)
@pytest.mark.parametrize("command", ["sync", "backfill-dry-run", "doctor"])
def test_cloudflare_is_named(
    sqlite_cli: Cli, server: SimulatedMee6, fault: Fault, says: str, command: str
) -> None:
    server.misbehave(fault)
    error = refused(sqlite_cli, command)
    assert error["code"] == "source_refused"
    assert "Cloudflare, which is in front of MEE6" in error["message"]
    assert says in error["message"]
    assert "another network" in error["hint"]
    assert "--from FILE" in error["hint"]


@pytest.mark.parametrize(
    ("seconds", "pause"), [(None, timedelta(minutes=30)), (600, timedelta(minutes=10))]
)
def test_a_ban_in_a_403_is_waited_for(
    sqlite_cli: Cli, server: SimulatedMee6, seconds: int | None, pause: timedelta
) -> None:
    if seconds is None:
        server.misbehave(Fault.BANNED)
    else:
        server.misbehave(Fault.BANNED, seconds=seconds)
    with time_machine.travel(NOON, tick=False):
        error = refused(sqlite_cli)
    assert error["code"] == "rate_limited"
    assert "Cloudflare" in error["message"]
    assert "error 1015" in error["message"]
    assert "ends by itself" in error["hint"]
    assert len(server.requests) == 1
    server.behave()
    with time_machine.travel(NOON + pause - timedelta(seconds=2), tick=False):
        assert sqlite_cli("sync").code == 75
    with time_machine.travel(NOON + pause + timedelta(seconds=2), tick=False):
        assert sqlite_cli("sync").code == 0


def test_a_short_ban_is_waited_out(sqlite_cli: Cli, server: SimulatedMee6) -> None:
    server.misbehave(Fault.BANNED, times=2, seconds=0)
    assert sqlite_cli.ok("sync")["leaderboard"]["retries"] == 2
    server.misbehave(Fault.BANNED, seconds=0)
    assert "error 1015" in refused(sqlite_cli)["message"]


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.RESET, Fault.RATE_LIMITED_HTML])
def test_an_outage_loses_nothing(sqlite_cli: Cli, server: SimulatedMee6, fault: Fault) -> None:
    server.misbehave(fault)
    hint = refused(sqlite_cli)["hint"]
    assert "Nothing is lost: the next sync that works catches up." in hint


SAVED = {
    401: ("Unauthorized", "not public", "Make my server's leaderboard public"),
    403: ("Forbidden", "refuses", "curl -A trcpoints"),
    404: ("Not Found", "does not know the guild", "Copy Server ID"),
    429: ("Too Many Requests", "a pause", "half an hour"),
}


@pytest.mark.parametrize("status", SAVED)
def test_a_refusal_that_was_saved(sqlite_cli: Cli, status: int) -> None:
    words, meaning, remedy = SAVED[status]
    text = json.dumps({"error": {"message": words}, "status_code": status})
    for guild in ([], ["--guild", GUILD]):
        result = sqlite_cli("sync", "--from", "-", *guild, "--json", stdin=text)
        assert (result.code, result.json["error"]["code"]) == (65, "leaderboard_invalid")
        assert f"an error: {words} ({status}, " in result.json["error"]["message"]
        assert meaning in result.json["error"]["message"]
        assert remedy in result.json["error"]["hint"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (CHALLENGE_PAGE, "an answer of Cloudflare, which is in front of MEE6 (a challenge)"),
        (BLOCK_PAGE, "an answer of Cloudflare, which is in front of MEE6 (error 1020)"),
        (b"error code: 1015\n", "an answer of Cloudflare, which is in front of MEE6 (error 1015)"),
        (b"<!DOCTYPE html>\n<html><body>MEE6 Leaderboard</body></html>", "is a web page"),
        ("<html>\n</html>".encode("utf-16"), "is a web page"),
    ],
)
def test_a_web_page_that_was_saved(sqlite_cli: Cli, body: bytes, says: str) -> None:
    result = sqlite_cli("sync", "--from", "-", "--json", stdin=body)
    assert result.code == 65
    assert says in result.json["error"]["message"]
    assert result.json["error"]["hint"]


def test_what_a_server_says_is_no_secret_of_ours(sqlite_cli: Cli, server: SimulatedMee6) -> None:
    sqlite_cli.environment["MEE6_AUTH_TOKEN"] = "S3CRET-token"
    server.private_token = "S3CRET-token"
    server.misbehave(Fault.LIMIT_REFUSED)
    assert "S3CRET" not in str(refused(sqlite_cli))
