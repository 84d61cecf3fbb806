"""The rules of the design's sections 2.1 to 2.4, through the command and a real leaderboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

ANN, BOB, CAT, DAN = "101", "102", "103", "104"


def sync(cli: Cli, mee6: SimulatedMee6, board: dict[str, int], *options: str) -> dict[str, int]:
    """Show a board and sync; what the document counts of the members."""
    show(mee6, board)
    counts: dict[str, int] = cli.ok("sync", *options)["members"]
    return {name: count for name, count in counts.items() if count and name != "tracked"}


@pytest.mark.parametrize(
    ("first", "deltas", "points", "carry"),
    [
        (1000, [150], [1], 50),
        (1000, [150, 50], [1, 1], 0),
        (1000, [50, -120], [], -70),
        (1000, [-250], [-2], -50),
        (1000, [-50, 20], [], -30),
        (1000, [-250, 250], [-2, 2], 0),
    ],
)
def test_points_follow_the_table_of_the_design(
    cli: Cli, mee6: SimulatedMee6, first: int, deltas: list[int], points: list[int], carry: int
) -> None:
    books.link(cli, [ANN])
    xp = first
    sync(cli, mee6, {ANN: xp})
    for delta in deltas:
        xp += delta
        sync(cli, mee6, {ANN: xp})
    assert books.ledger(cli, ANN) == points
    member = books.members(cli)[ANN]
    assert (member.points, member.carry) == (sum(points), carry)
    assert [record[0] for record in books.activity(cli, ANN)] == [None, *deltas]


def test_history_is_not_paid_and_strangers_are_ignored(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    assert sync(cli, mee6, {ANN: 123_456, BOB: 9_999}) == {"baselined": 1}
    assert books.activity(cli, ANN) == [(None, 123_456)]
    assert books.ledger(cli, ANN) == []
    assert list(books.members(cli)) == [ANN]


def test_a_linked_member_who_is_not_on_the_board_starts_at_zero(
    cli: Cli, mee6: SimulatedMee6
) -> None:
    books.link(cli, [ANN, BOB])
    assert sync(cli, mee6, {ANN: 500}) == {"baselined": 2, "absent": 1}
    assert sync(cli, mee6, {ANN: 500}) == {"unchanged": 2}
    assert books.activity(cli, BOB) == [(None, 0)]
    assert sync(cli, mee6, {ANN: 500, BOB: 250}) == {"unchanged": 1, "gained": 1}
    assert books.ledger(cli, BOB) == [2]


def test_on_a_board_of_many_pages_zero_takes_two_walks(cli: Cli, mee6: SimulatedMee6) -> None:
    cli.environment["MEE6_PAGE_SIZE"] = "2"
    board = {str(player): 1000 - player for player in range(200, 205)}
    books.link(cli, [ANN])
    assert sync(cli, mee6, board) == {"deferred": 1}
    assert books.activity(cli, ANN) == []
    assert sync(cli, mee6, board) == {"baselined": 1, "absent": 1}
    assert books.activity(cli, ANN) == [(None, 0)]


def test_absences_must_be_in_a_row(cli: Cli, mee6: SimulatedMee6) -> None:
    cli.environment["MEE6_PAGE_SIZE"] = "2"
    board = {str(player): 1000 - player for player in range(200, 205)}
    books.link(cli, [ANN])
    assert sync(cli, mee6, board) == {"deferred": 1}
    mee6.misbehave(Fault.STRING_XP, player=ANN)
    assert sync(cli, mee6, {**board, ANN: 1}) == {"deferred": 1}
    mee6.behave()
    assert sync(cli, mee6, board) == {"deferred": 1}
    assert sync(cli, mee6, {**board, ANN: 700}) == {"baselined": 1}
    assert books.activity(cli, ANN) == [(None, 700)]


def test_absent_means_unknown(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB, CAT])
    everyone = {ANN: 1000, BOB: 2000, CAT: 3000}
    sync(cli, mee6, everyone)
    without = {BOB: 2000, CAT: 3000}
    assert sync(cli, mee6, without) == {"unchanged": 2, "left": 1}
    assert books.members(cli)[ANN].left_at is not None
    assert sync(cli, mee6, without) == {"unchanged": 2, "away": 1}
    assert books.activity(cli, ANN) == [(None, 1000)]
    assert books.members(cli)[ANN].points == 0
    back = sync(cli, mee6, {**without, ANN: 1250})
    assert back == {"unchanged": 2, "gained": 1, "returned": 1}
    assert books.members(cli)[ANN].left_at is None
    assert books.ledger(cli, ANN) == [2]


def test_who_comes_back_with_less_is_deducted(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB, CAT])
    others = {BOB: 2000, CAT: 3000}
    sync(cli, mee6, {ANN: 1000, **others})
    sync(cli, mee6, others)
    assert sync(cli, mee6, {ANN: 100, **others}) == {"unchanged": 2, "lost": 1, "returned": 1}
    assert books.ledger(cli, ANN) == [-9]
    assert books.members(cli)[ANN].points == -9


def test_a_quiet_member_is_recorded_once(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    for xp in (100, 100, 100, 150, 150, 150):
        sync(cli, mee6, {ANN: xp})
    assert books.activity(cli, ANN) == [(None, 100), (0, 100), (50, 150), (0, 150)]
    assert books.ledger(cli, ANN) == []


def test_an_idle_sync_writes_nothing_but_its_run(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB])
    for _ in range(2):
        sync(cli, mee6, {ANN: 100, BOB: 200})
    before = books.everything(cli)
    document = cli.ok("sync")
    after = books.everything(cli)
    assert {**after, "Job": None} == {**before, "Job": None}
    assert [run.id for run in books.runs(cli)][-1] == document["sync_id"]


def test_inactive_members_are_not_synced(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB])
    books.change_member(cli, ANN, active=False)
    assert sync(cli, mee6, {ANN: 100, BOB: 200}) == {"baselined": 1}


@pytest.mark.parametrize("status", ["NONE", "CANCELLED", "PAST_DUE"])
def test_the_subscription_does_not_matter(cli: Cli, mee6: SimulatedMee6, status: str) -> None:
    cli.ok("members", "add", "--discord-id", ANN, "--name", "Ann", "--status", status)
    assert sync(cli, mee6, {ANN: 100}) == {"baselined": 1}


def test_a_member_linked_to_another_account_starts_anew(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    sync(cli, mee6, {ANN: 1000, BOB: 90_000})
    sync(cli, mee6, {ANN: 1150, BOB: 90_000})
    cli.ok("members", "set", f"discord:{ANN}", "--discord-id", BOB)
    assert sync(cli, mee6, {ANN: 1150, BOB: 90_000}) == {"baselined": 1}
    member = books.members(cli)[BOB]
    assert (member.points, member.carry, member.xp_total) == (1, 50, 90_000)
    sync(cli, mee6, {BOB: 90_050})
    assert books.ledger(cli, BOB) == [1, 1]
    assert cli("points", "verify").code == 0


def test_members_rebaseline_by_hand(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB])
    sync(cli, mee6, {ANN: 1000, BOB: 1000})
    cli.ok("members", "rebaseline", f"discord:{ANN}")
    assert sync(cli, mee6, {ANN: 9000, BOB: 1000}) == {"baselined": 1, "unchanged": 1}
    assert sync(cli, mee6, {ANN: 9100, BOB: 1000}) == {"gained": 1, "unchanged": 1}
    assert books.ledger(cli, ANN) == [1]


def test_the_same_sync_id_does_its_work_once(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    sync(cli, mee6, {ANN: 1000})
    sync(cli, mee6, {ANN: 1500}, "--sync-id", "tick-1")
    before = books.everything(cli)
    show(mee6, {ANN: 2000})
    asked = len(mee6.requests)
    again = cli.ok("sync", "--sync-id", "tick-1")
    assert (again["status"], again["reason"]) == ("skipped", "already_completed")
    assert books.everything(cli) == before
    assert len(mee6.requests) == asked
    assert books.ledger(cli, ANN) == [5]


def test_a_failed_sync_may_be_repeated_under_its_id(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    mee6.misbehave(Fault.NOT_FOUND, times=1)
    show(mee6, {ANN: 1000})
    assert cli("sync", "--sync-id", "tick-1").code == 69
    assert cli.ok("sync", "--sync-id", "tick-1")["status"] == "completed"
    assert [(run.id, run.status) for run in books.runs(cli)] == [("tick-1", "completed")]


def test_a_dry_run_says_what_a_sync_would_do(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB])
    sync(cli, mee6, {ANN: 1000, BOB: 5000})
    show(mee6, {ANN: 1777, BOB: 4444})
    before, runs = books.everything(cli), len(books.runs(cli))
    dry = cli.ok("sync", "--dry-run", "--members")
    assert (books.everything(cli), len(books.runs(cli))) == (before, runs)
    real = cli.ok("sync", "--members")
    assert dry["dry_run"]
    for part in ("members", "xp", "points", "results"):
        assert dry[part] == real[part]
    assert real["xp"] == {"gained": 777, "lost": 556}
    assert real["points"] == {"awarded": 7, "deducted": 5, "net": 2}
    members = {row["discord_id"]: row for row in real["results"]}
    assert members[ANN] == {
        "member_id": members[ANN]["member_id"],
        "discord_id": ANN,
        "name": f"member {ANN}",
        "xp_before": 1000,
        "xp_after": 1777,
        "xp_delta": 777,
        "points": 7,
        "carry": 77,
    }


def test_a_disabled_sync_is_skipped_whatever_else_is_wrong(cli: Cli) -> None:
    result = cli(
        "sync",
        "--json",
        env={"MEE6_SYNC_ENABLED": "false", "MEE6_PAGE_SIZE": "x", "DATABASE_URL": "nonsense"},
    )
    assert result.code == 0
    assert (result.json["status"], result.json["reason"]) == ("skipped", "disabled")
    assert cli("sync", env={"MEE6_SYNC_ENABLED": "0"}).out.startswith("Sync skipped: ")
    assert cli("sync", "-q", env={"MEE6_SYNC_ENABLED": "0"}).out == ""


def test_nothing_is_written_at_rest_with_no_members(cli: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, {ANN: 1})
    document = cli.ok("sync")
    assert document["members"]["tracked"] == 0
    assert "none is linked yet" in cli("sync").out


MIDNIGHT = datetime(2026, 1, 20, tzinfo=UTC)  # from a Monday to a Tuesday


@pytest.mark.parametrize(
    ("previous", "then", "credited"),
    [
        # What the sync at midnight sees was earned before it.
        (-timedelta(minutes=15), timedelta(seconds=5), MIDNIGHT - timedelta(microseconds=1)),
        (-timedelta(minutes=30), timedelta(minutes=5), MIDNIGHT - timedelta(microseconds=1)),
        # The previous sync is too long ago to tell.
        (-timedelta(minutes=30), timedelta(minutes=6), MIDNIGHT + timedelta(minutes=6)),
        # Not the first sync of the day.
        (timedelta(seconds=5), timedelta(minutes=15), MIDNIGHT + timedelta(minutes=15)),
    ],
)
def test_what_is_seen_at_midnight_belongs_to_the_day_before(
    cli: Cli, mee6: SimulatedMee6, previous: timedelta, then: timedelta, credited: datetime
) -> None:
    books.link(cli, [ANN])
    for moment, xp in ((previous - timedelta(minutes=10), 0), (previous, 1), (then, 500)):
        with time_machine.travel(MIDNIGHT + moment, tick=False):
            sync(cli, mee6, {ANN: xp})
    (entry,) = books.entries(cli, ANN)
    assert entry.occurred_at == credited
    assert entry.created_at == MIDNIGHT + then
    assert books.members(cli)[ANN].last_active_at == credited
