"""The end of a live board is confirmed at its place before any member counts as absent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import environment, show
from tests.support.saved import ranked
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

ABSENT = "42"
FIRST, *_ = ranked(1)
DEEP, *_ = ranked(1, 150)
"""On the second hundred of a board."""


@pytest.fixture
def server(sqlite_cli: Cli) -> Iterator[SimulatedMee6]:
    """A MEE6 with 250 players."""
    with SimulatedMee6() as mee6:
        sqlite_cli.environment.update(environment(mee6))
        show(mee6, ranked(250))
        yield mee6


def asked(server: SimulatedMee6) -> list[tuple[int, int]]:
    """Page and limit of each request since the last look."""
    requests = [(request.page, request.limit) for request in server.requests]
    server.requests.clear()
    return requests


def test_one_request_more_and_only_where_a_member_is_absent(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    books.link(sqlite_cli, [FIRST, DEEP])
    assert sqlite_cli.ok("sync")["leaderboard"]["requests"] == 1
    assert asked(server) == [(0, 999)]
    books.link(sqlite_cli, [ABSENT])
    assert sqlite_cli.ok("sync")["leaderboard"]["requests"] == 3
    assert asked(server) == [(0, 999), (1, 999), (250, 1)]
    # Now tracked with nothing, and still absent.
    assert sqlite_cli.ok("sync")["leaderboard"]["requests"] == 3


@pytest.mark.parametrize("most", [100, 1, 249])
def test_pages_that_are_capped_with_gaps_between_them(
    sqlite_cli: Cli, server: SimulatedMee6, most: int
) -> None:
    # Page 1 is empty: limit=999 says that it begins at 999.
    server.misbehave(Fault.CAPPED_WITH_GAPS, most=most)
    books.link(sqlite_cli, [FIRST, DEEP, ABSENT])
    show(server, ranked(251))
    document = sqlite_cli.ok("sync")
    assert document["members"]["baselined"] == 2
    assert document["members"]["deferred"] == 1
    assert document["leaderboard"]["players"] == 251
    pages = -(-251 // most)
    again = [(number, most) for number in range(pages + 1)]
    assert asked(server) == [(0, 999), (1, 999), (most, 1), *again, (251, 1)]
    assert books.members(sqlite_cli)[DEEP].xp_total == ranked(1, 150)[DEEP]
    assert sqlite_cli.ok("sync")["members"]["absent"] == 1
    show(server, {player: xp + 500 for player, xp in ranked(251).items()})
    assert sqlite_cli.ok("sync")["points"]["awarded"] == 10


def test_large_boards_that_are_capped_with_gaps(sqlite_cli: Cli, server: SimulatedMee6) -> None:
    """Each page has some players, and most are on none."""
    server.misbehave(Fault.CAPPED_WITH_GAPS)
    show(server, ranked(1_150))
    hidden = list(ranked(1, 500))
    books.link(sqlite_cli, [FIRST, *hidden])
    assert sqlite_cli.ok("sync")["members"]["baselined"] == 2
    # Players 0 to 99 and 999 to 1,098 at first; the place after 200 of them has one.
    assert asked(server)[:4] == [(0, 999), (1, 999), (2, 999), (200, 1)]


def test_who_vanishes_behind_a_cap_has_not_left(sqlite_cli: Cli, server: SimulatedMee6) -> None:
    books.link(sqlite_cli, [FIRST, DEEP])
    sqlite_cli.ok("sync")
    server.misbehave(Fault.CAPPED_WITH_GAPS)
    document = sqlite_cli.ok("sync")
    assert (document["members"]["left"], document["members"]["unchanged"]) == (0, 2)


def test_pages_that_are_capped_and_follow_each_other(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    server.misbehave(Fault.CAPPED)
    books.link(sqlite_cli, [FIRST, DEEP, ABSENT])
    document = sqlite_cli.ok("sync")
    assert (document["members"]["baselined"], document["members"]["deferred"]) == (2, 1)
    assert asked(server) == [(0, 999), (1, 999), (2, 999), (3, 999), (250, 1)]


def test_a_server_that_gives_less_each_time_is_never_the_whole_board(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    show(server, ranked(1_150))
    books.link(sqlite_cli, [ABSENT])
    # The three pages for 999 and the end, the seven for 200 and the end, and those for 20.
    caps = ((4, 200), (8, 20), (None, 2))
    for _ in range(6):
        server.behave()
        for times, most in caps:
            server.misbehave(Fault.CAPPED_WITH_GAPS, times=times, most=most)
        document = sqlite_cli.ok("sync")
        assert document["members"]["deferred"] == 1
        assert document["leaderboard"]["partial"]
    member = books.members(sqlite_cli)[ABSENT]
    assert (member.absences, member.deferrals) == (0, 0)


@pytest.mark.parametrize("xp", [0, 9_999_999], ids=["at its end", "at its top"])
def test_a_board_that_grows_while_its_end_is_confirmed(
    sqlite_cli: Cli, server: SimulatedMee6, xp: int
) -> None:
    sqlite_cli.environment["MEE6_PAGE_SIZE"] = "50"
    books.link(sqlite_cli, [ABSENT])
    # After the empty page a newcomer is where the end was, or pushes somebody there.
    server.misbehave(Fault.NEWCOMER, page=5, times=1, xp=xp)
    document = sqlite_cli.ok("sync")
    assert (document["members"]["deferred"], document["leaderboard"]["requests"]) == (1, 7)
    member = books.members(sqlite_cli)[ABSENT]
    assert (member.absences, member.deferrals) == (0, 1)
    assert sqlite_cli.ok("sync")["members"]["deferred"] == 1
    assert sqlite_cli.ok("sync")["members"]["absent"] == 1


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_where_the_end_cannot_be_asked_for_an_empty_page_is_it(
    sqlite_cli: Cli, server: SimulatedMee6, status: int
) -> None:
    sqlite_cli.environment["MEE6_PAGE_SIZE"] = "100"
    server.misbehave(Fault.LIMIT_OF_ONE_REFUSED, status=status)
    books.link(sqlite_cli, [ABSENT])
    assert sqlite_cli.ok("sync")["members"]["deferred"] == 1
    assert asked(server) == [*((number, 100) for number in range(4)), (250, 1)]
    assert sqlite_cli.ok("sync")["members"]["absent"] == 1


def test_a_pause_that_is_asked_for_at_the_end_is_kept(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    books.link(sqlite_cli, [ABSENT])
    server.misbehave(Fault.RATE_LIMITED, page=250)
    assert sqlite_cli("sync").code == 69
    assert sqlite_cli("sync").code == 75


def test_a_server_that_shows_large_pages_empty(sqlite_cli: Cli, server: SimulatedMee6) -> None:
    server.misbehave(Fault.EMPTY_BOARD, times=1)
    books.link(sqlite_cli, [FIRST])
    assert sqlite_cli.ok("sync")["members"]["baselined"] == 1
    assert asked(server) == [(0, 999), (0, 1)]
    # For others, the size that it gives unasked is tried.
    server.misbehave(Fault.EMPTY_BOARD, times=1)
    books.link(sqlite_cli, [ABSENT])
    assert sqlite_cli.ok("sync")["leaderboard"]["players"] == 250
    again = [(number, 100) for number in range(4)]
    assert asked(server) == [(0, 999), (0, 1), *again, (250, 1)]


@pytest.mark.parametrize("status", [400, 422])
def test_a_limit_that_is_refused(sqlite_cli: Cli, server: SimulatedMee6, status: int) -> None:
    books.link(sqlite_cli, [DEEP])
    server.misbehave(Fault.LIMIT_REFUSED, status=status)
    result = sqlite_cli("sync", "--json")
    error = result.json["error"]
    assert (result.code, error["code"]) == (69, "source_refused")
    assert f"{status}" in error["message"]
    assert "limit: must be less than or equal to 100" in error["message"]
    assert "MEE6_PAGE_SIZE=100" in error["hint"]
    sqlite_cli.environment["MEE6_PAGE_SIZE"] = "100"
    assert sqlite_cli.ok("sync")["members"]["baselined"] == 1


def test_the_copy_that_is_kept_is_of_a_confirmed_board(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    books.link(sqlite_cli, [FIRST, DEEP, ABSENT])
    server.misbehave(Fault.CAPPED_WITH_GAPS)
    costs = {
        row["discord_id"]: row["xp_total"] for row in sqlite_cli.ok("backfill-dry-run")["results"]
    }
    assert costs == {FIRST: 1_000_000, DEEP: 998_500, ABSENT: 0}
    server.requests.clear()
    sqlite_cli.ok("backfill-dry-run")
    assert asked(server) == []


def test_doctor_does_not_take_a_capped_page_for_the_board(
    sqlite_cli: Cli, server: SimulatedMee6
) -> None:
    books.link(sqlite_cli, [FIRST, DEEP])
    server.misbehave(Fault.CAPPED_WITH_GAPS)
    found = {check["name"]: check for check in sqlite_cli("doctor", "--json").json["checks"]}
    assert "1 of 2 linked members are on the first page" in found["members"]["message"]
