"""Many syncs as real processes, started at the same instant, round after round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.support.warm import Ended, Warm
from trcpoints.demo.server import SimulatedMee6

ANN, BOB, CID = "101", "102", "103"
GAINS = {ANN: 150, BOB: 100, CID: 50}
WALK = [0, 1, 2]  # a page for each of them, the one with the least XP last
MANNERS: list[list[str]] = [[], ["--quiet"], ["--json"]]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """Starts processes quickly."""
    with Warm() as started:
        yield started


def assert_excused(ended: Ended, manner: list[str]) -> None:
    """It met another one at work, and said so as it was asked to speak."""
    assert ended.code == 75
    if manner == ["--json"]:
        assert (ended.json["status"], ended.json["reason"]) == ("skipped", "lease_held")
        assert ended.err == ""
    else:
        assert ended.out == ""
        told = "sync is at work already: process "
        assert (told in ended.err and ", since 20" in ended.err) or manner == ["--quiet"]
        assert ended.err == "" or manner != ["--quiet"]


def gains_of(cli: Cli, discord_id: str) -> list[int]:
    """What a member's XP was found to have grown by, each time that it had."""
    return [delta for delta, _ in books.activity(cli, discord_id) if delta]


def start_together(
    cli: Cli, mee6: SimulatedMee6, warm: Warm, *, processes: int, rounds: int
) -> Counter[int]:
    """Start syncs at once, again and again; how many ended with which code, in all."""
    cli.environment["MEE6_PAGE_SIZE"] = "1"
    books.link(cli, GAINS)
    first = {ANN: 1000, BOB: 700, CID: 500}
    show(mee6, first)
    cli.ok("sync")
    codes: Counter[int] = Counter()
    for number in range(1, rounds + 1):
        show(mee6, {key: xp + number * GAINS[key] for key, xp in first.items()})
        mee6.requests.clear()
        manners = [MANNERS[at % len(MANNERS)] for at in range(processes)]
        calls = [["sync", *manner] for manner in manners]
        ended = warm.run(calls, cli.folder, cli.environment)
        done = [one for one in ended if one.code == 0]
        assert done
        # Never two at work: walk after walk, and none by those who met another one.
        assert [request.page for request in mee6.requests] == WALK * len(done)
        for one, manner in zip(ended, manners, strict=True):
            if one.code != 0:
                assert_excused(one, manner)
        for key, gain in GAINS.items():
            assert gains_of(cli, key) == [gain] * number
            assert sum(books.ledger(cli, key)) == number * gain // 100
        codes.update(one.code for one in ended)
    assert cli("points", "verify").code == 0
    assert cli.ok("db", "leases")["leases"] == []
    assert {run.status for run in books.runs(cli)} == {"completed"}
    return codes


def test_twenty_at_once_have_one_effect(cli: Cli, mee6: SimulatedMee6, warm: Warm) -> None:
    codes = start_together(cli, mee6, warm, processes=20, rounds=5)
    assert codes[75] >= 1


@pytest.mark.slow
def test_fifty_at_once_have_one_effect(cli: Cli, mee6: SimulatedMee6, warm: Warm) -> None:
    codes = start_together(cli, mee6, warm, processes=50, rounds=200)
    assert codes[75] > codes[0]


def test_two_of_the_same_id_at_once_are_one_run(cli: Cli, mee6: SimulatedMee6, warm: Warm) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync")
    for number in range(1, 6):
        show(mee6, {ANN: 1000 + 100 * number})
        mee6.requests.clear()
        call = ["sync", "--sync-id", f"tick-{number}", "--json"]
        ended = warm.run([call] * 10, cli.folder, cli.environment)
        assert len(mee6.requests) == 1
        assert Counter(one.json["status"] for one in ended)["completed"] == 1
        assert {one.json["reason"] for one in ended} <= {None, "lease_held", "already_completed"}
    assert books.ledger(cli, ANN) == [1] * 5
