"""The client against the simulated MEE6, over real connections, on good days and bad ones."""

from __future__ import annotations

import gzip
import http.client
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from trcpoints.config import Mee6Settings
from trcpoints.demo.crowd import invent
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.errors import (
    LeaderboardInvalid,
    RateLimited,
    SourceRefused,
    SourceUnavailable,
    TrcpointsError,
)
from trcpoints.http.transport import Limits
from trcpoints.mee6.client import fetch_leaderboard
from trcpoints.mee6.leaderboard import Completeness, Leaderboard

CAPTURE = Path(__file__).parents[2].parent / "shared" / "data" / "page-999-players.json"
LIMIT = 10
PLAYERS = {f"{10**17 + place}": 10_000 - 7 * place for place in range(35)}
FIRST, LAST = min(PLAYERS), max(PLAYERS)
ABSENT = 42
KNOWN = dict.fromkeys([*map(int, list(PLAYERS)[::5]), int(LAST), ABSENT])
QUICK = Limits(read_timeout=0.25, request_time=0.5, retries=1)


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedMee6]:
    with SimulatedMee6() as server:
        yield server


@pytest.fixture
def mee6(running: SimulatedMee6) -> SimulatedMee6:
    """A server that behaves, with 35 players."""
    running.behave()
    running.private_token = None
    running.world.replace([(player, f"user {player}", xp) for player, xp in PLAYERS.items()])
    running.requests.clear()
    return running


def settings(mee6: SimulatedMee6) -> Mee6Settings:
    return Mee6Settings(
        guild_id=mee6.guild_id,
        api_base=mee6.api_base,
        page_size=LIMIT,
        retry_base=0,
        request_interval=0,
    )


def fetch(mee6: SimulatedMee6, limits: Limits | None = None) -> Leaderboard:
    return fetch_leaderboard(
        settings(mee6), KNOWN, now=lambda: datetime.now(UTC), limits=limits or QUICK
    )


def found() -> dict[int, int]:
    return {player: PLAYERS[str(player)] for player in KNOWN if player != ABSENT}


def ask(mee6: SimulatedMee6, query: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """A request by hand; the guild's leaderboard unless the query begins with a slash."""
    parts = urlsplit(mee6.api_base)
    path = query if query.startswith("/") else f"{parts.path}/{mee6.guild_id}?{query}"
    with closing(http.client.HTTPConnection(parts.netloc, timeout=5)) as connection:
        connection.request("GET", path, headers={"User-Agent": "test", **headers})
        response = connection.getresponse()
        return response, response.read()


def test_a_walk(mee6: SimulatedMee6) -> None:
    board = fetch(mee6)
    assert board.all_xp() == found()
    assert board.completeness is Completeness.COMPLETE
    assert (board.players, board.pages, board.requests, board.retries) == (35, 5, 6, 0)
    # The end is confirmed at its place: behind 35 players there is nobody.
    asked = [(request.page, request.limit) for request in mee6.requests]
    assert asked == [*((page, LIMIT) for page in range(5)), (35, 1)]
    assert {request.headers["accept-encoding"] for request in mee6.requests} == {"gzip"}


def test_one_connection_serves_the_whole_walk(mee6: SimulatedMee6) -> None:
    before = mee6.connections
    fetch(mee6)
    assert mee6.connections == before + 1


# What becomes of every request going wrong: an error; or the members whose XP is not read (they
# are unreadable), and what absence means.
OUTCOMES: dict[Fault, tuple[type[TrcpointsError], str] | tuple[set[int], Completeness]] = {
    Fault.UNAUTHORIZED: (SourceRefused, "not public"),
    Fault.FORBIDDEN: (SourceRefused, "refuses"),
    Fault.CHALLENGE: (SourceRefused, "Cloudflare.* prove that it is a browser"),
    Fault.BLOCKED: (SourceRefused, "Cloudflare.* blocks .*error 1020"),
    Fault.BANNED: (RateLimited, "Cloudflare.* banned .*error 1015"),
    Fault.NOT_FOUND: (SourceRefused, "no guild"),
    Fault.WRONG_ADDRESS: (SourceRefused, "not the guild"),
    Fault.BAD_REQUEST: (SourceRefused, r"400 .*: Bad \[31m Request"),
    Fault.REDIRECT: (SourceRefused, r"to https://elsewhere\.example\)"),
    Fault.LIMIT_REFUSED: (set(), Completeness.COMPLETE),
    Fault.LIMIT_OF_ONE_REFUSED: (set(), Completeness.COMPLETE),
    Fault.CAPPED: (set(), Completeness.COMPLETE),
    Fault.CAPPED_WITH_GAPS: (set(), Completeness.COMPLETE),
    Fault.RATE_LIMITED: (RateLimited, "1800 seconds"),
    Fault.RATE_LIMITED_SHORT: (RateLimited, "0 seconds"),
    Fault.RATE_LIMITED_DATE: (RateLimited, "(1799|180[01]) seconds"),
    Fault.RATE_LIMITED_PAST_DATE: (RateLimited, "0 seconds"),
    Fault.RATE_LIMITED_MISSING: (RateLimited, "without saying"),
    Fault.RATE_LIMITED_HUGE: (RateLimited, "1000000000 seconds"),
    Fault.RATE_LIMITED_GARBAGE: (RateLimited, "without saying"),
    Fault.RATE_LIMITED_NEGATIVE: (RateLimited, "without saying"),
    Fault.RATE_LIMITED_HTML: (RateLimited, "without saying"),
    Fault.SERVER_ERROR: (SourceUnavailable, "answered 500"),
    Fault.UNAVAILABLE: (SourceUnavailable, "answered 503"),
    Fault.TIMEOUT: (SourceUnavailable, "no whole answer in time"),
    Fault.RESET: (SourceUnavailable, "reset by peer"),
    Fault.CLOSED: (SourceUnavailable, "the connection failed"),
    Fault.SLOW_HEADERS: (SourceUnavailable, "no whole answer in time"),
    Fault.SLOW_BODY: (SourceUnavailable, "no whole answer in time"),
    Fault.SLOW_GZIP: (SourceUnavailable, "no whole answer in time"),
    Fault.TRUNCATED_JSON: (SourceUnavailable, "no JSON"),
    Fault.WRONG_LENGTH: (SourceUnavailable, "the connection failed"),
    Fault.EMPTY_BODY: (SourceUnavailable, "no JSON"),
    Fault.HTML: (SourceUnavailable, "no JSON"),
    Fault.INVALID_UTF8: (SourceUnavailable, "no JSON"),
    Fault.NAN: (SourceUnavailable, "NaN is not JSON"),
    Fault.HUGE_BODY: (SourceUnavailable, "larger than 8388608 bytes"),
    Fault.GZIP_BOMB: (SourceUnavailable, "larger than 8388608 bytes"),
    Fault.BAD_GZIP: (SourceUnavailable, "compressed wrongly"),
    Fault.WRONG_GUILD: (LeaderboardInvalid, "of guild 111111111111111111"),
    Fault.NUMERIC_GUILD: (LeaderboardInvalid, "lose their last digits"),
    Fault.NO_GUILD: (LeaderboardInvalid, "which guild"),
    Fault.NO_PLAYERS: (LeaderboardInvalid, "no list of players"),
    Fault.NOT_AN_OBJECT: (LeaderboardInvalid, "no list of players"),
    Fault.ERROR_WITH_200: (LeaderboardInvalid, "Try again"),
    Fault.MANY_MALFORMED: (LeaderboardInvalid, "5 malformed players among 10"),
    Fault.NUMERIC_ID: (LeaderboardInvalid, "lose their last digits"),
    Fault.IGNORES_PAGE: (LeaderboardInvalid, "does not heed the page"),
    Fault.NEGATIVE_XP: ({int(FIRST)}, Completeness.COMPLETE),
    Fault.HUGE_XP: ({int(FIRST)}, Completeness.COMPLETE),
    Fault.STRING_XP: ({int(FIRST)}, Completeness.COMPLETE),
    Fault.FLOAT_XP: ({int(FIRST)}, Completeness.COMPLETE),
    Fault.NULL_XP: ({int(FIRST)}, Completeness.COMPLETE),
    Fault.BOOLEAN_XP: ({int(FIRST)}, Completeness.COMPLETE),
    Fault.NAMELESS: (set(), Completeness.RANKS_MOVED),
    Fault.NOT_A_PLAYER: (set(), Completeness.RANKS_MOVED),
    # It comes again at the end of every page, which is one page too often to be well.
    Fault.SHORT_NUMERIC_ID: (set(), Completeness.RANKS_MOVED),
    Fault.STRANGE_NAMES: (set(), Completeness.COMPLETE),
    Fault.UNKNOWN_KEYS: (set(), Completeness.COMPLETE),
    Fault.DUPLICATE: (set(), Completeness.RANKS_MOVED),
    Fault.LATE: (set(), Completeness.COMPLETE),
    Fault.TWICE_ON_PAGE: (set(), Completeness.RANKS_MOVED),
    # Somebody after every page is more than three extra requests can follow.
    Fault.RANKS_MOVE: (set(), Completeness.RANKS_MOVED),
    Fault.XP_DROPS: (set(), Completeness.COMPLETE),
    # One more whenever it is looked whether there is one more.
    Fault.NEWCOMER: (set(), Completeness.RANKS_MOVED),
    Fault.EMPTY_BOARD: (set(), Completeness.COMPLETE),
}
FINAL = (SourceRefused, LeaderboardInvalid)


def test_every_fault_has_an_outcome() -> None:
    assert OUTCOMES.keys() == set(Fault)


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_every_fault_for_good(mee6: SimulatedMee6, fault: Fault) -> None:
    mee6.misbehave(fault, player=FIRST) if fault.name.endswith("_XP") else mee6.misbehave(fault)
    expected, detail = OUTCOMES[fault]
    if isinstance(expected, type):
        assert isinstance(detail, str)
        with pytest.raises(expected, match=detail) as caught:
            fetch(mee6)
        assert type(caught.value) is expected
        assert caught.value.hint
        if expected in FINAL and fault is not Fault.IGNORES_PAGE:
            assert len(mee6.requests) == 1
    else:
        board = fetch(mee6)
        assert board.completeness is detail
        assert board.unreadable == expected
        assert all(
            xp == PLAYERS[str(player)] or xp > 10_000 for player, xp in board.all_xp().items()
        )


@pytest.mark.parametrize(
    "fault", [fault for fault in Fault if OUTCOMES[fault][0] is SourceUnavailable]
)
def test_a_passing_fault_is_repeated(mee6: SimulatedMee6, fault: Fault) -> None:
    mee6.misbehave(fault, times=1, page=1)
    board = fetch(mee6)
    assert board.all_xp() == found()
    assert board.completeness is Completeness.COMPLETE
    assert [request.page for request in mee6.requests] == [0, 1, 1, 2, 3, 4, 35]
    assert (board.requests, board.retries) == (7, 1)


def test_a_short_pause_is_waited_out(mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.RATE_LIMITED_SHORT, times=1)
    assert fetch(mee6).retries == 1


@pytest.mark.parametrize(
    "fault", [Fault.SLOW_HEADERS, Fault.SLOW_BODY, Fault.SLOW_GZIP], ids=lambda fault: fault.name
)
def test_bytes_that_keep_coming_do_not_hold_a_request_for_ever(
    mee6: SimulatedMee6, fault: Fault
) -> None:
    # Each byte comes well within the read time-out; all of them would take 40 minutes.
    limits = Limits(read_timeout=30, request_time=0.4, retries=0)
    mee6.misbehave(fault)
    with pytest.raises(SourceUnavailable, match="no whole answer in time"):
        fetch(mee6, limits)


def test_a_server_that_says_nothing_is_left_by_the_read_timeout(mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.TIMEOUT)
    with pytest.raises(SourceUnavailable, match="no whole answer in time"):
        fetch(mee6, Limits(read_timeout=0.2, request_time=600, retries=0))


def test_the_body_of_a_redirect_is_not_read(mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.REDIRECT, location="http://[")
    with pytest.raises(SourceRefused, match="not valid"):
        fetch(mee6)


def test_who_overtakes_is_found_on_the_page_before(mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.RANKS_MOVE, times=1, page=1, player=LAST)
    board = fetch(mee6)
    assert board.all_xp() == {**found(), int(LAST): 10_001}
    assert [request.page for request in mee6.requests] == [0, 1, 2, 1, 0, 3, 4, 35]
    assert board.completeness is Completeness.COMPLETE


def test_who_falls_keeps_the_higher_xp(mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.XP_DROPS, times=1, page=0, player=FIRST)
    board = fetch(mee6)
    assert board.all_xp() == found()
    # The last pages are the only ones that still tell of it.
    assert len(mee6.requests) <= 9


def test_a_private_leaderboard(mee6: SimulatedMee6) -> None:
    mee6.private_token = "raw token"
    with pytest.raises(SourceRefused, match="not public"):
        fetch(mee6)
    with_token = replace(settings(mee6), auth_token="raw token")
    assert fetch_leaderboard(with_token, KNOWN, now=lambda: datetime.now(UTC)).all_xp() == found()
    with pytest.raises(SourceRefused, match="MEE6_AUTH_TOKEN"):
        fetch_leaderboard(
            replace(with_token, auth_token="old"), KNOWN, now=lambda: datetime.now(UTC)
        )


def test_a_proxy_of_the_environment_is_used(
    mee6: SimulatedMee6, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(mee6.api_base)
    monkeypatch.setenv("http_proxy", f"http://{parts.netloc}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    elsewhere = replace(settings(mee6), api_base=f"http://mee6.invalid{parts.path}")
    assert fetch_leaderboard(elsewhere, KNOWN, now=lambda: datetime.now(UTC)).all_xp() == found()
    assert mee6.requests[0].path.startswith("http://mee6.invalid/")


def test_nobody_listens(mee6: SimulatedMee6) -> None:
    nowhere = replace(settings(mee6), api_base="http://127.0.0.1:1")
    with pytest.raises(SourceUnavailable, match="Connection refused"):
        fetch_leaderboard(nowhere, KNOWN, now=lambda: datetime.now(UTC), limits=QUICK)


def test_the_server_shows_what_mee6_shows(mee6: SimulatedMee6) -> None:
    response, data = ask(mee6, "page=1&limit=10")
    page = json.loads(data)
    assert response.status == 200
    assert (page["page"], page["guild"]["id"]) == (1, mee6.guild_id)
    assert [player["id"] for player in page["players"]] == list(PLAYERS)[10:20]
    assert page["players"][0].keys() >= {
        "avatar", "detailed_xp", "discriminator", "guild_id", "id", "level", "message_count",
        "username", "xp",
    }  # fmt: skip


@pytest.mark.skipif(not CAPTURE.exists(), reason=f"the capture {CAPTURE} is not here")
def test_the_server_shows_a_capture_as_it_was(mee6: SimulatedMee6) -> None:
    captured = json.loads(CAPTURE.read_bytes())
    mee6.world.replace(captured["players"])
    _, data = ask(mee6, "limit=999")
    page = json.loads(data)
    assert captured.keys() <= page.keys()
    for ours, real in zip(page["players"], captured["players"], strict=True):
        assert {key: ours[key] for key in real} == real


def test_limits_and_pages_of_the_server(mee6: SimulatedMee6) -> None:
    mee6.world.replace([(str(place), "x", place) for place in range(1, 1500)])
    assert len(json.loads(ask(mee6, "")[1])["players"]) == 100
    assert len(json.loads(ask(mee6, "limit=5000")[1])["players"]) == 1000
    assert json.loads(ask(mee6, "page=99&limit=999")[1])["players"] == []


@pytest.mark.parametrize("query", ["page=x", "page=-1", "limit=0"])
def test_questions_that_make_no_sense_to_the_server(mee6: SimulatedMee6, query: str) -> None:
    assert ask(mee6, query)[0].status == 400


def test_unknown_guild(mee6: SimulatedMee6) -> None:
    response, data = ask(mee6, f"{urlsplit(mee6.api_base).path}/1?page=0")
    assert response.status == 404
    assert json.loads(data) == {"error": {"message": "Not Found"}, "status_code": 404}


@pytest.mark.parametrize("agent", ["python-requests/2.32", "Python-urllib/3.11", ""])
def test_default_user_agents_are_turned_away(mee6: SimulatedMee6, agent: str) -> None:
    assert ask(mee6, "", **{"User-Agent": agent})[0].status == 403


def test_gzip_where_it_is_accepted(mee6: SimulatedMee6) -> None:
    plain, data = ask(mee6, "limit=10")
    packed, packed_data = ask(mee6, "limit=10", **{"Accept-Encoding": "gzip"})
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed_data) == data


def test_the_world_may_change_while_it_is_read(mee6: SimulatedMee6) -> None:
    mee6.world.set_xp(LAST, 99_999)
    mee6.world.add("7", "newcomer", 88_888)
    mee6.world.remove(FIRST)
    top = json.loads(ask(mee6, "limit=2")[1])["players"]
    assert [(player["id"], player["xp"]) for player in top] == [(LAST, 99_999), ("7", 88_888)]
    assert int(FIRST) not in fetch(mee6).all_xp()


def test_stopping_ends_whatever_is_under_way() -> None:
    with SimulatedMee6() as server:
        server.misbehave(Fault.TIMEOUT)
        errors: list[BaseException] = []

        def wait() -> None:
            try:
                fetch(server, Limits(retries=0))
            except SourceUnavailable as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        while not server.requests:
            assert thread.is_alive()
    thread.join(timeout=10)
    assert len(errors) == 1


def test_the_server_alone(tmp_path: Path) -> None:
    members = tmp_path / "members.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "trcpoints.demo.server", "--port", "0", "--members", "20",
         "--seed", "5", "--guild-id", "77", "--write-members", str(members)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    with process:
        try:
            assert process.stdout is not None
            exports = [process.stdout.readline().removeprefix("export ").strip() for _ in range(3)]
            variables = dict(line.split("=", 1) for line in exports)
            assert variables["DATABASE_URL"].endswith("/simulated.db")
            board = fetch_leaderboard(
                Mee6Settings(
                    guild_id=variables["MEE6_GUILD_ID"], api_base=variables["MEE6_API_BASE"]
                ),
                {int(person.discord_id): None for person in invent(20, 5)},
                now=lambda: datetime.now(UTC),
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
    assert (board.guild_id, board.found) == ("77", 20)
    lines = members.read_text().splitlines()
    assert lines[0] == "discord_id,name,email,subscription_status"
    assert {int(line.split(",")[0]) for line in lines[1:]} == board.all_xp().keys()


def test_the_xp_of_the_invented_only_grows() -> None:
    people = invent(50, 1)
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    later = noon.replace(hour=18)
    assert people == invent(50, 1)
    assert all(person.xp_at(later) >= person.xp_at(noon) for person in people)
    assert sum(person.xp_at(later) - person.xp_at(noon) for person in people) > 0
