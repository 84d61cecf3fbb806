"""Pacing, patience and politeness of the HTTP transport, and what MEE6's statuses mean."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest
import requests
import responses
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from trcpoints.config import Mee6Settings
from trcpoints.errors import (
    ConfigurationInvalid,
    RateLimited,
    SourceRefused,
    SourceUnavailable,
)
from trcpoints.http.mishaps import parse_retry_after
from trcpoints.http.transport import Answer, Limits, Transport
from trcpoints.mee6.client import fetch_first_page, fetch_leaderboard
from trcpoints.mee6.leaderboard import Leaderboard

GUILD = "159962941502783488"
BASE = "https://mee6.example/levels"
URL = f"{BASE}/{GUILD}"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TOKEN = "s3cr3t-token"


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now: float = 1000.0
    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def waits(self) -> list[float]:
        return [seconds for seconds in self.sleeps if seconds > 0]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


@pytest.fixture
def mee6(clock: Clock) -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def page(*ids: str, number: int = 0) -> dict[str, object]:
    players = [{"id": player, "xp": 100, "username": player} for player in ids]
    return {"guild": {"id": GUILD}, "page": number, "players": players}


def settings(**changes: object) -> Mee6Settings:
    values: dict[str, object] = {"guild_id": GUILD, "api_base": BASE, "request_interval": 0.0}
    return Mee6Settings(**{**values, **changes})  # type: ignore[arg-type]


def fetch(**changes: object) -> Leaderboard:
    return fetch_leaderboard(settings(**changes), {1: None}, now=lambda: NOW)


def answers(mock: responses.RequestsMock, *statuses: int, **headers: str) -> None:
    """One answer for each status, in this order; 200 is a page with player 1."""
    for status in statuses:
        body: object = page("1") if status == 200 else {"error": {"message": "no"}}
        mock.get(URL, json=body, status=status, headers=headers)


def test_the_request(mee6: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    answers(mee6, 200)
    assert fetch(page_size=500, user_agent="club/1").all_xp() == {1: 100}
    request = mee6.calls[0].request
    assert request.url == f"{URL}?page=0&limit=500"
    assert request.headers["User-Agent"] == "club/1"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Accept-Encoding"] == "gzip"
    assert "Authorization" not in request.headers
    how = request.req_kwargs  # type: ignore[attr-defined]
    assert how["verify"] is True
    assert how["timeout"] == (10, 30)


def test_the_token_is_sent_raw_and_never_shown(
    mee6: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers(mee6, 500, 401)
    with pytest.raises(SourceRefused) as caught:
        fetch(auth_token=TOKEN, retry_base=0.0)
    assert mee6.calls[1].request.headers["Authorization"] == TOKEN
    assert "MEE6_AUTH_TOKEN" in caught.value.message
    shown = caplog.text + str(caught.value) + caught.value.hint + repr(settings(auth_token=TOKEN))
    assert "trying again" in shown
    assert TOKEN not in shown


def test_netrc_is_not_read(
    mee6: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine mee6.example login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(URL) == ("a", "b")
    answers(mee6, 200)
    fetch()
    assert "Authorization" not in mee6.calls[0].request.headers


def test_requests_start_at_least_the_interval_apart_retries_included(
    mee6: responses.RequestsMock, clock: Clock
) -> None:
    starts: list[float] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        starts.append(clock.now)
        clock.now += 0.5
        return 500, {}, ""

    for _ in range(4):
        mee6.add_callback(responses.GET, URL, answer)
    with pytest.raises(SourceUnavailable):
        fetch(retry_base=0.0, request_interval=2.0)
    assert [b - a for a, b in pairwise(starts)] == [2.0, 2.0, 2.0]


def test_waits_grow_with_jitter(mee6: responses.RequestsMock, clock: Clock) -> None:
    answers(mee6, 500, 502, 503, 200)
    board = fetch(retry_base=5.0)
    assert (board.requests, board.retries) == (4, 3)
    waits = clock.waits()
    for wait, highest in zip(waits, (5, 10, 20), strict=True):
        assert highest / 2 <= wait <= highest
    assert len({wait / highest for wait, highest in zip(waits, (5, 10, 20), strict=True)}) == 3


def test_no_wait_is_longer_than_a_minute(mee6: responses.RequestsMock, clock: Clock) -> None:
    answers(mee6, 500, 500, 500, 200)
    fetch(retry_base=3600.0)
    assert all(30 <= wait <= 60 for wait in clock.waits())


def test_three_retries_and_no_more(mee6: responses.RequestsMock) -> None:
    answers(mee6, 500, 500, 500, 500)
    with pytest.raises(SourceUnavailable, match=f"guild {GUILD}.* answered 500") as caught:
        fetch(retry_base=0.0)
    assert len(mee6.calls) == 4
    assert type(caught.value) is SourceUnavailable
    assert "trcpoints sync --from FILE" in caught.value.hint
    assert "(4 requests, 3 of them repeated)" in caught.value.message


def test_one_request_is_one(mee6: responses.RequestsMock) -> None:
    answers(mee6, 500)
    with pytest.raises(SourceUnavailable, match=r"\(1 request\)\.$"):
        fetch_first_page(settings(), now=lambda: NOW)


def test_each_page_has_retries_of_its_own(mee6: responses.RequestsMock) -> None:
    answers(mee6, 500, 500, 500)
    mee6.get(URL, json=page("2"))
    answers(mee6, 500, 500, 500, 200)
    assert fetch(retry_base=0.0).retries == 6


@pytest.mark.parametrize(
    "fault",
    [
        requests.exceptions.ConnectTimeout(),
        requests.exceptions.ReadTimeout(),
        requests.exceptions.ConnectionError(ConnectionResetError(104, "Connection reset by peer")),
        requests.exceptions.ChunkedEncodingError(),
        requests.exceptions.SSLError(),
        requests.exceptions.ProxyError(),
    ],
)
def test_trouble_on_the_way_is_repeated(
    mee6: responses.RequestsMock, fault: requests.RequestException
) -> None:
    mee6.get(URL, body=fault)
    answers(mee6, 200)
    assert fetch(retry_base=0.0).retries == 1


@pytest.mark.parametrize("body", ["", "<html>", '{"guild": ', '{"x": NaN}', b"\xff"])
def test_a_body_that_is_no_json_is_repeated(
    mee6: responses.RequestsMock, body: str | bytes
) -> None:
    mee6.get(URL, body=body)
    answers(mee6, 200)
    assert fetch(retry_base=0.0).all_xp() == {1: 100}


@pytest.mark.parametrize(
    ("status", "token", "says", "hint"),
    [
        (401, None, "not public", "Make my server's leaderboard public"),
        (401, TOKEN, "does not accept MEE6_AUTH_TOKEN", "MEE6_AUTH_TOKEN"),
        (403, None, r"refuses .*\(403\): no", "MEE6_USER_AGENT"),
        (404, None, f"no guild {GUILD}", "MEE6_GUILD_ID"),
        (400, None, "answered 400 .*: no", "MEE6_API_BASE"),
        (410, None, "answered 410", "MEE6_API_BASE"),
        (451, None, "answered 451", "MEE6_API_BASE"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(
    mee6: responses.RequestsMock, status: int, token: str | None, says: str, hint: str
) -> None:
    answers(mee6, status)
    with pytest.raises(SourceRefused, match=says) as caught:
        fetch(auth_token=token)
    assert len(mee6.calls) == 1
    assert hint in caught.value.hint
    assert GUILD in caught.value.message


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:pw@evil.example:444/path?token=1", "https://evil.example"),
        ("/login?next=secret", "https://mee6.example"),
        ("http://[", "an address that is not valid"),
        ("", "to nowhere"),
    ],
)
def test_redirects_are_not_followed(
    mee6: responses.RequestsMock, location: str, shown: str
) -> None:
    mee6.get(URL, status=302, headers={"Location": location} if location else {})
    with pytest.raises(SourceRefused, match="redirects are not followed") as caught:
        fetch()
    assert shown in caught.value.message
    assert not {"pw", "token", "path", "secret"} & set(caught.value.message.split("/"))


def test_what_mee6_says_is_made_harmless(mee6: responses.RequestsMock) -> None:
    mee6.get(URL, status=400, json={"error": {"message": "\x1b[31m" + "x" * 5000}})
    with pytest.raises(SourceRefused) as caught:
        fetch()
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("asked", ["60", "1", "0", "1.5"])
def test_a_short_pause_is_kept_and_counts_as_a_retry(
    mee6: responses.RequestsMock, clock: Clock, asked: str
) -> None:
    answers(mee6, 429, **{"Retry-After": asked})
    answers(mee6, 200)
    assert fetch(retry_base=0.0).retries == 1
    assert sum(clock.sleeps) == float(asked)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("61", 61.0),
        ("1800", 1800.0),
        ("9" * 5000, 1e9),
        (None, None),
        ("soon", None),
        ("-5", None),
        (format_datetime(NOW + timedelta(seconds=1800), usegmt=True), 1800.0),
    ],
)
def test_a_long_pause_or_none_named_is_not_waited_out(
    mee6: responses.RequestsMock, clock: Clock, header: str | None, seconds: float | None
) -> None:
    mee6.get(URL, status=429, headers={} if header is None else {"Retry-After": header})
    with pytest.raises(RateLimited) as caught:
        fetch()
    assert caught.value.retry_after == seconds
    assert len(mee6.calls) == 1
    assert clock.waits() == []


def test_a_429_that_outlasts_the_retries(mee6: responses.RequestsMock, clock: Clock) -> None:
    answers(mee6, 429, 429, 429, 429, **{"Retry-After": "7"})
    with pytest.raises(RateLimited) as caught:
        fetch()
    assert caught.value.retry_after == 7
    assert clock.waits() == [7, 7, 7]


@time_machine.travel(NOW, tick=False)
def test_an_http_date_is_measured_by_the_wall_clock(
    mee6: responses.RequestsMock, clock: Clock
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    answers(mee6, 429, **{"Retry-After": date})
    answers(mee6, 200)
    fetch_leaderboard(settings(), {1: None}, now=lambda: datetime.now(UTC))
    assert clock.waits() == [40.0]


def test_the_walk_has_a_time_budget(mee6: responses.RequestsMock, clock: Clock) -> None:
    for number in range(500):
        mee6.get(URL, json=page(str(number + 5)))
    mee6.assert_all_requests_are_fired = False
    with pytest.raises(SourceUnavailable, match="within 14 minutes"):
        fetch(request_interval=100.0)
    assert len(mee6.calls) == 9
    assert clock.now - 1000.0 == 800.0


def test_a_wait_that_would_pass_the_budget_fails_at_once(
    mee6: responses.RequestsMock, clock: Clock
) -> None:
    answers(mee6, 429, **{"Retry-After": "50"})
    with pytest.raises(RateLimited):
        fetch_leaderboard(settings(), {1: None}, now=lambda: NOW, limits=Limits(budget=49))
    answers(mee6, 500)
    with pytest.raises(SourceUnavailable, match="could not be read within"):
        fetch_leaderboard(
            settings(retry_base=60.0), {1: None}, now=lambda: NOW, limits=Limits(budget=29)
        )
    assert clock.waits() == []


def test_no_guild() -> None:
    with pytest.raises(ConfigurationInvalid, match="MEE6_GUILD_ID"):
        fetch(guild_id=None)


@pytest.mark.parametrize("base", ["gopher://mee6.example", "https://", "http://[::1"])
def test_an_address_that_can_never_work_is_not_repeated(clock: Clock, base: str) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be asked"):
        fetch(api_base=base)
    assert clock.waits() == []


def test_a_reader_may_ask_for_another_try_or_end_it(mee6: responses.RequestsMock) -> None:
    answers(mee6, 200)

    def read(answer: Answer) -> str:
        return f"{answer.status} {answer.headers['Content-Type']}"

    with Transport(
        "A source",
        Limits(),
        user_agent="test",
        authorization=None,
        now=lambda: NOW,
        log=logging.getLogger("test"),
        hint="",
    ) as transport:
        assert transport.get(URL, read) == "200 application/json"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("2.", 2.0),
        ("9" * 400, 1e9),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 12:01:00 -0000", 60.0),
        ("Monday, 02-Mar-26 12:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 13:01:00 +0100", 60.0),
        ("Mon, 02 Mar 2020 12:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1e9),
        ("Mon, 99 Mar 2026 12:00:00 GMT", None),
        ("Mon, 02 Mar 2026 12:00:00 +99999999999", None),
        ("", None),
        (None, None),
        ("-1", None),
        ("1e3", None),
        ("inf", None),
        ("nan", None),
        ("१२०", None),
        ("soon", None),
        ("Monday", None),
        ("0x10", None),
        ("2026-03-02T12:01:00Z", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=60) | st.from_regex(r"(Mon|sun),? [0-9A-Za-z :+,-]{0,60}", fullmatch=True))
def test_no_retry_after_breaks_the_parser(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 1e9
