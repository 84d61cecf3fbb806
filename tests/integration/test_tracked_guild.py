"""The books belong to one leaderboard (design, section A2)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.support import books
from tests.support.asking import asking
from tests.support.cli import Cli, Result
from tests.support.doctor import checks, crontab
from tests.support.mee6 import show
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT = "101", "102", "103"
OTHER = "111222333444555666"
CASES = REPOSITORY.parent / "shared" / "cases" / "mee6"


@pytest.fixture
def synced(cli: Cli, mee6: SimulatedMee6) -> Cli:
    """Three members with points from the guild of `mee6`."""
    books.link(cli, [ANN, BOB, CAT])
    show(mee6, {ANN: 1000, BOB: 1000, CAT: 1000})
    cli.ok("sync")
    show(mee6, {ANN: 1500, BOB: 1500, CAT: 1500})
    cli.ok("sync")
    return cli


def save(cli: Cli, guild_id: str, **xp: int) -> str:
    """Save the leaderboard of a guild; `i101=5` is a player."""
    players = [{"id": name[1:], "xp": value} for name, value in xp.items()]
    page = {"guild": {"id": guild_id}, "page": 0, "players": players}
    (cli.folder / f"{guild_id}.json").write_text(json.dumps(page))
    return f"{guild_id}.json"


def refused(cli: Cli, result: Result, before: dict[str, Any], ours: str) -> None:
    """It names both guilds and the way on, and nothing of the books was written."""
    error = result.json["error"]
    assert (result.code, error["code"]) == (65, "other_guild")
    assert ours in error["message"]
    assert OTHER in error["message"]
    assert f"MEE6_GUILD_ID={ours}" in error["hint"]
    assert "trcpoints sync --rebaseline" in error["hint"]
    assert {**books.everything(cli), "Job": None} == {**before, "Job": None}


def test_the_first_completed_sync_binds_the_books(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("sync", "--dry-run")
    cli.ok("backfill-dry-run")
    assert cli("sync", "--from", "none.json").code == 65
    assert books.guild(cli) is None
    assert cli.ok("status")["sync"]["books_guild_id"] is None
    cli.ok("sync")
    assert books.guild(cli) == mee6.guild_id
    assert cli.ok("status")["sync"]["books_guild_id"] == mee6.guild_id


@pytest.mark.parametrize(
    "command", [("sync",), ("sync", "--dry-run"), ("sync", "--accept-decrease"),
                ("backfill-dry-run",)]
)  # fmt: skip
def test_mee6_is_not_asked_for_another_guild(
    synced: Cli, mee6: SimulatedMee6, command: tuple[str, ...]
) -> None:
    before, asked = books.everything(synced), len(mee6.requests)
    synced.environment["MEE6_GUILD_ID"] = OTHER
    refused(synced, synced(*command, "--json"), before, mee6.guild_id)
    assert len(mee6.requests) == asked


def test_a_refusal_is_a_failed_run(synced: Cli, mee6: SimulatedMee6) -> None:
    synced.environment["MEE6_GUILD_ID"] = OTHER
    document = synced("sync", "--json").json
    assert (document["status"], document["consecutive_failures"]) == ("failed", 1)
    assert document["points"] == {"awarded": 0, "deducted": 0, "net": 0}
    assert books.runs(synced)[-1].error_code == "other_guild"
    synced.environment["MEE6_GUILD_ID"] = mee6.guild_id
    assert synced.ok("sync")["consecutive_failures"] == 0


@pytest.mark.parametrize("configured", [OTHER, None])
@pytest.mark.parametrize(
    "command", [("sync",), ("sync", "--dry-run"), ("backfill-dry-run",)]
)  # fmt: skip
def test_a_file_of_another_guild(
    synced: Cli, mee6: SimulatedMee6, command: tuple[str, ...], configured: str | None
) -> None:
    before = books.everything(synced)
    del synced.environment["MEE6_GUILD_ID"]
    if configured is not None:
        synced.environment["MEE6_GUILD_ID"] = configured
    file = save(synced, OTHER, i101=99_000, i102=98_000, i103=97_000)
    refused(synced, synced(*command, "--from", file, "--json"), before, mee6.guild_id)
    mine = save(synced, mee6.guild_id, i101=1_600, i102=1_500, i103=1_500)
    expected = 65 if configured else 0
    assert synced("sync", "--dry-run", "--from", mine).code == expected


@pytest.mark.skipif(not CASES.exists(), reason="the cases are not here")
def test_the_cases(sqlite_cli: Cli) -> None:
    cli = sqlite_cli
    first, second = (json.loads((CASES / f"guild-{name}.json").read_text()) for name in "AB")
    ids = [player["id"] for player in first["players"]]
    books.link(cli, ids)
    cli.ok("sync", "--from", str(CASES / "guild-A.json"))
    cli.environment["MEE6_GUILD_ID"] = second["guild"]["id"]
    result = cli("sync", "--from", str(CASES / "guild-B.json"), "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "other_guild")
    assert cli.ok("status")["points"]["balance"] == 0


def test_rebaseline_moves_the_books(synced: Cli, mee6: SimulatedMee6) -> None:
    cli = synced
    with SimulatedMee6(OTHER) as other:
        cli.environment |= {"MEE6_API_BASE": other.api_base, "MEE6_GUILD_ID": OTHER}
        show(other, {ANN: 90_000, BOB: 5})
        document = cli.ok("sync", "--rebaseline", "--dry-run")
        assert (document["moved_from"], books.guild(cli)) == (mee6.guild_id, mee6.guild_id)
        document = cli.ok("sync", "--rebaseline", "--sync-id", "moving")
        assert (document["moved_from"], document["guild_id"]) == (mee6.guild_id, OTHER)
        members = document["members"]
        assert (members["baselined"], members["awaiting_baseline"], members["left"]) == (2, 1, 0)
        assert document["points"] == {"awarded": 0, "deducted": 0, "net": 0}
        assert books.guild(cli) == OTHER
        show(other, {ANN: 90_100, BOB: 205, CAT: 7_000})
        document = cli.ok("sync")
        assert (document["points"]["awarded"], document["moved_from"]) == (3, None)
        assert {m.points for m in books.members(cli).values()} == {6, 7, 5}
    assert cli.ok("history", "show", "moving")["run"]["stats"]["moved_from"] == mee6.guild_id
    assert re.search(f"moved from +{mee6.guild_id}", cli("history", "show", "moving").out)
    cli.environment |= {"MEE6_API_BASE": mee6.api_base, "MEE6_GUILD_ID": mee6.guild_id}
    result = cli("sync", "--json")
    assert result.json["error"]["code"] == "other_guild"
    assert cli("points", "verify").code == 0


def test_a_person_reads_that_the_books_moved(synced: Cli, mee6: SimulatedMee6) -> None:
    del synced.environment["MEE6_GUILD_ID"]
    file = save(synced, OTHER, i101=1)
    shown = synced("sync", "--rebaseline", "--from", file).out
    assert f"from guild {mee6.guild_id} to guild {OTHER}" in shown
    assert "2 awaiting a baseline" in shown


def test_the_decision_looks_again(cli: Cli, mee6: SimulatedMee6) -> None:
    """The books may have been bound while MEE6 was asked."""
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    with asking(cli, mee6, "--json") as sync:
        books.bind(cli, OTHER)
        before = books.everything(cli)
        result = sync.end()
    assert (result.code, result.json["error"]["code"]) == (65, "other_guild")
    assert {**books.everything(cli), "Job": None} == {**before, "Job": None}
    assert books.guild(cli) == OTHER


def test_status_and_doctor_say_it(synced: Cli, mee6: SimulatedMee6) -> None:
    cli = synced
    crontab(cli, None)
    cli.environment["MEE6_GUILD_ID"] = OTHER
    asked = len(mee6.requests)
    (problem,) = [p for p in cli.ok("status")["problems"] if p["code"] == "other_guild"]
    assert mee6.guild_id in problem["message"]
    assert "--rebaseline" in problem["hint"]
    found = checks(cli, code=65)
    assert (found["mee6"]["status"], found["members"]["status"]) == ("fault", "skipped")
    assert OTHER in found["mee6"]["message"]
    assert len(mee6.requests) == asked
    cli.environment["MEE6_SYNC_ENABLED"] = "false"
    assert "other_guild" not in [p["code"] for p in cli.ok("status")["problems"]]


def test_a_copy_belongs_to_the_same_guild(synced: Cli, mee6: SimulatedMee6, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/copy.db"
    synced.ok("db", "copy", "--to", url)
    synced.environment["DATABASE_URL"] = url
    assert books.guild(synced) == mee6.guild_id
