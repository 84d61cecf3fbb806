"""Syncs beside other commands: what happens while a leaderboard is being read."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support import books
from tests.support.asking import asking
from tests.support.cli import Cli, Result
from tests.support.mee6 import show
from trcpoints.db.database import Access, open_database
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB = "101", "102"


def test_a_member_linked_meanwhile_is_not_taken_as_absent(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000, BOB: 50_000})
    with asking(cli, mee6, "--json") as slow:
        books.link(cli, [BOB])
        document = slow.end().json
    assert document["members"]["baselined"] == 1
    assert document["members"]["deferred"] == 1
    assert cli.ok("sync")["members"]["baselined"] == 1
    assert books.activity(cli, BOB) == [(None, 50_000)]
    assert books.ledger(cli, BOB) == []


def test_an_older_board_does_not_overwrite_a_newer_one(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync")
    with asking(cli, mee6, "--json") as slow:  # has 1000 in its answer already
        show(mee6, {ANN: 1500})
        cli.ok("db", "leases", "--release", "sync")
        assert cli.ok("sync")["points"]["awarded"] == 5
        result = slow.end()
    document = result.json
    assert result.code == 75
    assert (document["status"], document["reason"]) == ("skipped", "lease_lost")
    assert document["points"] == {"awarded": 0, "deducted": 0, "net": 0}
    assert books.ledger(cli, ANN) == [5]


def test_a_preview_that_is_overtaken_says_so(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync")
    with asking(cli, mee6, "--json", "--dry-run") as slow:
        show(mee6, {ANN: 1500})
        cli.ok("sync")
        result = slow.end()
    assert result.code == 75
    assert (result.json["status"], result.json["reason"]) == ("skipped", "overtaken")
    assert result.json["points"] == {"awarded": 0, "deducted": 0, "net": 0}
    assert result.json["error"]["hint"] == "Run the command again."
    assert cli.ok("sync", "--dry-run")["points"]["awarded"] == 0


REBASELINE = ["members", "rebaseline", f"discord:{ANN}"]
UNLINK = ["members", "set", f"discord:{ANN}", "--discord-id", ""]
LINK_ELSEWHERE = ["members", "set", f"discord:{ANN}", "--discord-id", "999"]
AWARD = ["points", "award", f"discord:{ANN}", "--points", "7", "--source", "intro", "--key", "k"]


@pytest.mark.parametrize(
    ("command", "xp", "fate", "records", "entries"),
    [
        (REBASELINE, 1000, "baselined", [(None, 1000)], []),
        (REBASELINE, 1500, "baselined", [(None, 1500)], []),
        (UNLINK, 1000, None, [], []),
        (UNLINK, 1500, None, [], []),
        # Nobody had that account when the board was read, so nobody was looked for under it.
        (LINK_ELSEWHERE, 1000, "deferred", [], []),
        (LINK_ELSEWHERE, 1500, "deferred", [], []),
        (AWARD, 1000, "unchanged", [], [7]),
        (AWARD, 1500, "gained", [(500, 1500)], [5, 7]),
    ],
)
def test_what_is_done_to_the_settled_while_the_board_is_read(
    cli: Cli,
    mee6: SimulatedMee6,
    command: list[str],
    xp: int,
    fate: str | None,
    records: list[tuple[int | None, int]],
    entries: list[int],
) -> None:
    """A sync decides before it reads the board whose XP is no news to it."""
    books.link(cli, [ANN, BOB])
    show(mee6, {ANN: 1000, BOB: 2000})
    for _ in range(2):
        cli.ok("sync")
    ann = cli.ok("members", "show", f"discord:{ANN}")
    show(mee6, {ANN: xp, BOB: 2000, "999": 3000})
    with asking(cli, mee6, "--json") as slow:
        cli.ok(*command)
        document = slow.end().json
    fates = [fate, "unchanged"] if fate else ["unchanged"]
    counts = {name: number for name, number in document["members"].items() if number}
    assert counts == {"tracked": len(fates), **Counter(fates)}
    after = cli.ok("members", "show", ann["member"]["member_id"])
    made = after["activity"][: len(after["activity"]) - len(ann["activity"])]
    assert [(record["xp_delta"], record["xp_total"]) for record in made] == records
    assert sorted(entry["points"] for entry in after["ledger"]) == entries
    cli.ok("points", "verify")


def test_a_lost_lease_is_told_to_cron_too(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    with asking(cli, mee6, "--quiet") as slow:
        cli.ok("db", "leases", "--release", "sync")
        result = slow.end()
    assert result.code == 75
    assert "may not write any more" in result.err


def test_a_failure_leaves_the_completed_run_of_its_id_alone(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    cli.environment["MEE6_PAGE_SIZE"] = "1"
    show(mee6, {ANN: 1000, BOB: 2000})
    with asking(cli, mee6, "--json", "--sync-id", "tick") as slow:
        cli.ok("db", "leases", "--release", "sync")
        cli.ok("sync", "--sync-id", "tick")
        mee6.misbehave(Fault.NOT_FOUND, page=1)
        assert slow.end().code == 69
    again = cli.ok("sync", "--sync-id", "tick")
    assert again["reason"] == "already_completed"


def test_the_failure_is_told_even_where_it_cannot_be_recorded(
    cli: Cli, mee6: SimulatedMee6, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trcpoints.db.engine.LOCK_WAIT", 0.3)
    books.link(cli, [ANN])
    cli.environment["MEE6_PAGE_SIZE"] = "1"
    show(mee6, {ANN: 1000, BOB: 2000})
    answer = threading.Event()
    mee6.misbehave(Fault.LATE, times=1, until=answer)
    results: list[Result] = []
    syncing = threading.Thread(target=lambda: results.append(cli("sync", "--json")))
    syncing.start()
    while not mee6.requests:
        syncing.join(0.005)
    mee6.misbehave(Fault.NOT_FOUND, page=1)
    with books.locked(cli):
        answer.set()
        syncing.join()
    (result,) = results
    assert result.code == 69
    assert result.json["error"]["code"] == "source_refused"
    assert "could not be recorded" in result.err
    # The next run sees that nobody is at it any more.
    assert [run.status for run in books.runs(cli)] == ["running"]


def test_a_signal_is_heard_while_a_lock_is_waited_for(cli: Cli) -> None:
    url = cli.environment["DATABASE_URL"]
    with open_database(url, Access.WRITE) as other, other.books():
        waiting = cli.start("members", "add", "--name", "Ann", "--json", "-vv")
        assert waiting.stderr is not None
        # Signals are heard from the moment on when the program says that it waits.
        assert b"waiting for" in waiting.stderr.readline()
        waiting.terminate()
        out, _ = waiting.communicate(timeout=10)
    assert waiting.returncode == 143
    assert json.loads(out)["status"] == "interrupted"
    assert cli.ok("members", "list")["total"] == 0


MONDAY = datetime(2026, 1, 19, 12, 0, tzinfo=UTC)


def test_a_saved_board_has_no_part_in_failures_and_pauses(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    page = json.dumps({"guild": {"id": mee6.guild_id}, "players": [{"id": ANN, "xp": 1000}]})
    mee6.misbehave(Fault.RATE_LIMITED_MISSING)
    with time_machine.travel(MONDAY, tick=False):
        assert cli("sync").code == 69
        saved = cli.ok("sync", "--from", "-", stdin=page)
        assert saved["members"]["baselined"] == 1
        assert saved["consecutive_failures"] == 1
        # The pause goes on.
        assert cli("sync").code == 75


def test_a_pause_noted_by_a_wrong_clock_is_no_pause(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    mee6.misbehave(Fault.RATE_LIMITED_MISSING, times=1)
    with time_machine.travel(MONDAY + timedelta(days=3650), tick=False):
        assert cli("sync").code == 69
    with time_machine.travel(MONDAY, tick=False):
        assert cli.ok("sync")["members"]["baselined"] == 1


def test_last_active_never_moves_backwards(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    midnight = datetime(2026, 1, 20, tzinfo=UTC)
    for moment, xp in (
        (midnight - timedelta(minutes=20), 0),
        (midnight - timedelta(minutes=10), 1),
    ):
        with time_machine.travel(moment, tick=False):
            show(mee6, {ANN: xp})
            cli.ok("sync")
    with time_machine.travel(midnight + timedelta(seconds=5), tick=False):
        award = ["--points", "1", "--source", "intro", "--key", "k"]
        cli.ok("points", "award", f"discord:{ANN}", *award)
        show(mee6, {ANN: 500})
        cli.ok("sync")
    # The sync's award is credited to the day before; the other one came after midnight.
    assert books.members(cli)[ANN].last_active_at == midnight + timedelta(seconds=5)
    assert cli("points", "verify").code == 0


def test_two_malformed_players_are_no_empty_board(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync")
    mee6.misbehave(Fault.STRING_XP, player=ANN)
    assert cli.ok("sync")["members"]["deferred"] == 1


def test_what_it_took_is_told_of_a_failed_sync_too(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    mee6.misbehave(Fault.SERVER_ERROR)
    board = cli("sync", "--json").json["leaderboard"]
    assert (board["requests"], board["retries"]) == (4, 3)
    mee6.behave()
    mee6.misbehave(Fault.WRONG_GUILD)
    assert cli("sync", "--json").json["leaderboard"]["requests"] == 1


def test_a_missing_guild_is_told_with_all_other_faults_and_is_no_run(cli: Cli) -> None:
    result = cli("sync", env={"MEE6_RETRY_BASE": "x"})
    assert result.code == 78
    assert "MEE6_RETRY_BASE: " in result.err
    assert "MEE6_GUILD_ID: is not set" in result.err
    assert cli("sync", env={"MEE6_GUILD_ID": "x"}).err.count("MEE6_GUILD_ID") == 1
    assert books.runs(cli) == []
