"""MEE6 misbehaving is harmless: every fault through the real command (design, section 12)."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.http.transport import Limits
from trcpoints.mee6 import client

pytestmark = pytest.mark.slow_on_postgresql

IDS = [str(898643261622437500 + number) for number in range(20)]
BOARD = {player: 10_000 - 10 * rank for rank, player in enumerate(IDS)}

REFUSED = (69, "source_refused")
RATE_LIMITED = (69, "rate_limited")
UNAVAILABLE = (69, "source_unavailable")
INVALID = (65, "leaderboard_invalid")

# What the second page's misbehaviour makes of a sync: exit code and the error's word.
FAILS = {
    Fault.UNAUTHORIZED: REFUSED,
    Fault.FORBIDDEN: REFUSED,
    Fault.CHALLENGE: REFUSED,
    Fault.BLOCKED: REFUSED,
    Fault.BANNED: RATE_LIMITED,
    Fault.NOT_FOUND: REFUSED,
    Fault.WRONG_ADDRESS: REFUSED,
    Fault.BAD_REQUEST: REFUSED,
    Fault.REDIRECT: REFUSED,
    Fault.RATE_LIMITED: RATE_LIMITED,
    Fault.RATE_LIMITED_SHORT: RATE_LIMITED,
    Fault.RATE_LIMITED_DATE: RATE_LIMITED,
    Fault.RATE_LIMITED_PAST_DATE: RATE_LIMITED,
    Fault.RATE_LIMITED_MISSING: RATE_LIMITED,
    Fault.RATE_LIMITED_HUGE: RATE_LIMITED,
    Fault.RATE_LIMITED_GARBAGE: RATE_LIMITED,
    Fault.RATE_LIMITED_NEGATIVE: RATE_LIMITED,
    Fault.RATE_LIMITED_HTML: RATE_LIMITED,
    Fault.SERVER_ERROR: UNAVAILABLE,
    Fault.UNAVAILABLE: UNAVAILABLE,
    Fault.TIMEOUT: UNAVAILABLE,
    Fault.RESET: UNAVAILABLE,
    Fault.CLOSED: UNAVAILABLE,
    Fault.SLOW_HEADERS: UNAVAILABLE,
    Fault.SLOW_BODY: UNAVAILABLE,
    Fault.SLOW_GZIP: UNAVAILABLE,
    Fault.TRUNCATED_JSON: UNAVAILABLE,
    Fault.WRONG_LENGTH: UNAVAILABLE,
    Fault.EMPTY_BODY: UNAVAILABLE,
    Fault.HTML: UNAVAILABLE,
    Fault.INVALID_UTF8: UNAVAILABLE,
    Fault.NAN: UNAVAILABLE,
    Fault.HUGE_BODY: UNAVAILABLE,
    Fault.GZIP_BOMB: UNAVAILABLE,
    Fault.BAD_GZIP: UNAVAILABLE,
    Fault.WRONG_GUILD: INVALID,
    Fault.NUMERIC_GUILD: INVALID,
    Fault.NO_GUILD: INVALID,
    Fault.NO_PLAYERS: INVALID,
    Fault.NOT_AN_OBJECT: INVALID,
    Fault.ERROR_WITH_200: INVALID,
    Fault.MANY_MALFORMED: INVALID,
    Fault.NUMERIC_ID: INVALID,
}

# A single malformed player is deferred, or whoever could be meant by one without an id.
DEFERS = [
    Fault.NEGATIVE_XP,
    Fault.HUGE_XP,
    Fault.STRING_XP,
    Fault.FLOAT_XP,
    Fault.NULL_XP,
    Fault.BOOLEAN_XP,
    Fault.NAMELESS,
    Fault.NOT_A_PLAYER,
]

PASSES = [
    Fault.LATE,
    Fault.SHORT_NUMERIC_ID,
    Fault.STRANGE_NAMES,
    Fault.UNKNOWN_KEYS,
    Fault.TWICE_ON_PAGE,
    Fault.RANKS_MOVE,
    Fault.NEWCOMER,
]

# These have tests of their own below, or in test_board_end.py.
SPECIAL = {
    Fault.IGNORES_PAGE,
    Fault.DUPLICATE,
    Fault.XP_DROPS,
    Fault.EMPTY_BOARD,
    Fault.LIMIT_REFUSED,
    Fault.LIMIT_OF_ONE_REFUSED,
    Fault.CAPPED,
    Fault.CAPPED_WITH_GAPS,
}


def test_no_misbehaviour_is_left_out() -> None:
    groups = [list(FAILS), DEFERS, PASSES, list(SPECIAL)]
    assert sorted(f.name for group in groups for f in group) == sorted(f.name for f in Fault)


@pytest.fixture
def tracked(cli: Cli, mee6: SimulatedMee6, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty tracked members on two pages, who have all gained since."""
    hasty = functools.partial(Limits, connect_timeout=0.5, read_timeout=0.2, request_time=0.5)
    monkeypatch.setattr(client, "Limits", hasty)
    cli.environment["MEE6_PAGE_SIZE"] = "10"
    books.link(cli, IDS)
    show(mee6, BOARD)
    assert cli.ok("sync")["members"]["baselined"] == len(IDS)
    show(mee6, {player: xp + 500 for player, xp in BOARD.items()})


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize("fault", FAILS, ids=lambda fault: fault.name)
def test_nothing_is_written(cli: Cli, mee6: SimulatedMee6, fault: Fault) -> None:
    before = books.everything(cli)
    mee6.misbehave(fault, page=1)
    result = cli("sync", "--json")
    document = result.json
    assert (result.code, document["error"]["code"]) == FAILS[fault]
    assert document["schema"] == "trcpoints.sync/1"
    assert document["status"] == "failed"
    assert document["consecutive_failures"] == 1
    assert document["error"]["message"]
    assert document["error"]["hint"]
    assert {**books.everything(cli), "Job": None} == {**before, "Job": None}
    assert [run.status for run in books.runs(cli)] == ["completed", "failed"]
    # A person reads a message and a way on, and no traceback.
    told = cli("sync", "--ignore-cooldown")
    assert told.out == ""
    assert told.err.startswith("trcpoints: error: ")
    assert "  -> " in told.err
    assert "Traceback" not in told.err
    # And all is well as soon as MEE6 is.
    mee6.behave()
    healed = cli.ok("sync", "--ignore-cooldown")
    assert healed["members"]["gained"] == len(IDS)
    assert healed["consecutive_failures"] == 0
    assert cli("points", "verify").code == 0


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize("fault", DEFERS, ids=lambda fault: fault.name)
def test_a_malformed_player_is_deferred(cli: Cli, mee6: SimulatedMee6, fault: Fault) -> None:
    mee6.misbehave(fault, page=1)
    document = cli.ok("sync")
    assert document["members"]["gained"] == len(IDS) - 1
    assert document["members"]["deferred"] == 1
    assert document["leaderboard"]["invalid_players"] == 1
    mee6.behave()
    assert cli.ok("sync")["members"]["gained"] == 1
    assert cli("points", "verify").code == 0


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize("fault", PASSES, ids=lambda fault: fault.name)
def test_what_is_odd_but_well_is_taken(cli: Cli, mee6: SimulatedMee6, fault: Fault) -> None:
    mee6.misbehave(fault, page=0, times=1)
    document = cli.ok("sync")
    assert document["members"]["gained"] == len(IDS)
    assert document["members"]["deferred"] == 0


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.RESET, Fault.HTML])
def test_a_hiccup_is_retried(cli: Cli, mee6: SimulatedMee6, fault: Fault) -> None:
    mee6.misbehave(fault, times=3)
    document = cli.ok("sync")
    assert document["members"]["gained"] == len(IDS)
    assert document["leaderboard"]["retries"] == 3
    assert document["leaderboard"]["requests"] == 5


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize(
    "fault",
    [f for f, verdict in FAILS.items() if verdict in {REFUSED, INVALID}],
    ids=lambda fault: fault.name,
)
def test_a_no_is_not_asked_twice(cli: Cli, mee6: SimulatedMee6, fault: Fault) -> None:
    mee6.misbehave(fault)
    mee6.requests.clear()
    assert cli("sync").code in {65, 69}
    assert len(mee6.requests) == 1


@pytest.mark.usefixtures("tracked")
def test_ranks_that_move_defer_who_was_not_found(cli: Cli, mee6: SimulatedMee6) -> None:
    gone = IDS[-1]
    mee6.world.remove(gone)
    mee6.misbehave(Fault.DUPLICATE, page=1)
    for _ in range(4):
        assert cli.ok("sync")["members"]["deferred"] == 2  # and who the duplicate hides
    # Four in a row is what one waits; then they count as absent.
    counts = cli.ok("sync")["members"]
    assert (counts["deferred"], counts["left"]) == (0, 2)


@pytest.mark.usefixtures("tracked")
def test_a_drop_in_mid_walk_loses_nobody(cli: Cli, mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.XP_DROPS, page=0, times=1)
    document = cli.ok("sync")
    assert document["members"]["lost"] == 0
    assert document["members"]["left"] == 0
    assert cli("points", "verify").code == 0


@pytest.mark.usefixtures("tracked")
def test_a_server_that_ignores_the_page_is_found_out(cli: Cli, mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.IGNORES_PAGE)
    result = cli("sync", "--json")
    assert (result.code, result.json["error"]["code"]) == INVALID


@pytest.mark.usefixtures("tracked")
def test_an_empty_board_is_refused(cli: Cli, mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.EMPTY_BOARD)
    result = cli("sync", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "mass_change")


NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize(
    ("fault", "seconds", "pause"),
    [
        (Fault.RATE_LIMITED, 600, timedelta(minutes=10)),
        (Fault.RATE_LIMITED_DATE, 900, timedelta(minutes=15)),
        (Fault.RATE_LIMITED_MISSING, None, timedelta(minutes=30)),
        (Fault.RATE_LIMITED_GARBAGE, None, timedelta(minutes=30)),
        (Fault.RATE_LIMITED_HTML, None, timedelta(minutes=30)),
        (Fault.RATE_LIMITED, 90_000, timedelta(hours=6)),
        (Fault.RATE_LIMITED_SHORT, None, timedelta(seconds=5)),
    ],
)
def test_a_long_pause_is_remembered(
    cli: Cli, mee6: SimulatedMee6, fault: Fault, seconds: int | None, pause: timedelta
) -> None:
    with time_machine.travel(NOW, tick=False):
        how = {} if seconds is None else {"seconds": seconds}
        mee6.misbehave(fault, **how)
        assert cli("sync").code == 69
        mee6.behave()
        mee6.requests.clear()
        waiting = cli("sync", "--json")
        assert waiting.code == 75
        assert (waiting.json["status"], waiting.json["reason"]) == ("skipped", "cooling_down")
        assert waiting.json["consecutive_failures"] == 1
        silent = cli("sync", "--quiet")
        assert (silent.code, silent.out, silent.err) == (75, "", "")
    with time_machine.travel(NOW + pause - timedelta(seconds=2), tick=False):
        assert cli("sync").code == 75
        assert mee6.requests == []
    with time_machine.travel(NOW + pause + timedelta(seconds=2), tick=False):
        assert cli.ok("sync")["members"]["gained"] == len(IDS)


@pytest.mark.usefixtures("tracked")
def test_a_pause_can_be_overridden_and_ends_with_success(cli: Cli, mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.RATE_LIMITED_MISSING, times=1)
    assert cli("sync").code == 69
    assert cli("sync").code == 75
    assert cli.ok("sync", "--ignore-cooldown")["members"]["gained"] == len(IDS)
    assert cli.ok("sync")["members"]["unchanged"] == len(IDS)


@pytest.mark.usefixtures("tracked")
def test_failures_are_counted_in_the_database(cli: Cli, mee6: SimulatedMee6) -> None:
    mee6.misbehave(Fault.NOT_FOUND)
    for count in (1, 2, 3):
        assert cli("sync", "--json").json["consecutive_failures"] == count
    assert cli("sync", "--dry-run", "--json").json["consecutive_failures"] == 3
    assert cli("sync", "--from", "missing.json", "--json").json["consecutive_failures"] == 3
    mee6.behave()
    assert cli.ok("sync")["consecutive_failures"] == 0


@pytest.mark.usefixtures("tracked")
def test_the_token_is_sent_and_never_shown(cli: Cli, mee6: SimulatedMee6) -> None:
    mee6.private_token = "raw-secret-token"
    refused = cli("sync", "-vv", env={"MEE6_AUTH_TOKEN": "wrong-secret-token"})
    assert refused.code == 69
    accepted = cli("sync", "-vv", "--json", env={"MEE6_AUTH_TOKEN": "raw-secret-token"})
    assert accepted.code == 0
    assert mee6.requests[-1].headers["authorization"] == "raw-secret-token"
    told = [refused.out, refused.err, accepted.out, accepted.err]
    told += [run.error_message or "" for run in books.runs(cli)]
    assert not [text for text in told if "secret-token" in text]


@pytest.mark.usefixtures("tracked")
def test_malformed_players_are_counted_over_the_whole_board(cli: Cli, mee6: SimulatedMee6) -> None:
    # Three on each page are not too many for the page, but six for the board.
    mee6.misbehave(Fault.MANY_MALFORMED, count=3)
    result = cli("sync", "--json")
    assert (result.code, result.json["error"]["code"]) == INVALID
    assert "6 malformed players among 20" in result.json["error"]["message"]


@pytest.mark.usefixtures("tracked")
def test_no_proxy_is_asked_for_what_is_on_this_machine(cli: Cli) -> None:
    proxied = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    result = cli("sync", "--json", env=proxied)
    assert result.code == 0, result.out
