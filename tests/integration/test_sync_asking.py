"""What a guard says, and what a person at a terminal is asked (design, section A4)."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.support.terminal import QUESTION, typed
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

IDS = [str(number) for number in range(101, 107)]


@pytest.fixture
def fallen(cli: Cli, mee6: SimulatedMee6) -> Cli:
    """Six members who were awarded 60 points; then five have less XP, and one is gone."""
    books.link(cli, IDS)
    for xp in (1000, 2000):
        show(mee6, dict.fromkeys(IDS, xp))
        cli.ok("sync")
    show(mee6, dict.fromkeys(IDS[1:], 100))
    return cli


def test_the_price_of_each_way_on_and_the_safe_one_first(fallen: Cli, mee6: SimulatedMee6) -> None:
    error = fallen("sync", "--json").json["error"]
    assert error["code"] == "mass_change"
    assert "6 of 6 members" in error["message"]
    assert "5 have less than before, 1 is gone" in error["message"]
    assert "deducting would take 95 points; 60 were ever awarded" in error["message"]
    safe, deducting = (error["hint"].index(f"--{way}") for way in ("rebaseline", "accept-decrease"))
    assert safe < deducting
    assert "takes 95 points, and marks 1 member as left" in error["hint"]
    # The price is what is then paid.
    assert fallen.ok("sync", "--accept-decrease")["points"]["deducted"] == 95


def test_the_price_of_an_empty_board(fallen: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, {})
    error = fallen("sync", "--json").json["error"]
    assert (error["code"], "6 members have XP" in error["message"]) == ("mass_change", True)
    assert "deducting would take 0 points; 60 were ever awarded" in error["message"]
    assert error["hint"].index("--rebaseline") < error["hint"].index("--accept-decrease")


def test_points_from_elsewhere_are_not_of_the_sync(fallen: Cli) -> None:
    fallen.ok("points", "award", "1", "--points", "500", "--source", "intro", "--key", "k")
    assert "; 60 were ever awarded" in fallen("sync").err


@pytest.mark.slow_on_postgresql
def test_nobody_is_asked_without_a_terminal(fallen: Cli) -> None:
    result = fallen.process("sync", "--accept-decrease")
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("answer", ["", "yess", None])
def test_any_other_answer_than_yes_changes_nothing(sqlite_cli: Cli, answer: str | None) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        before, runs = books.everything(cli), len(books.runs(cli))
        result = typed(cli, answer, "sync", "--accept-decrease", "--json")
        assert (result.code, result.json["error"]["code"]) == (65, "mass_change")
        assert (result.json["dry_run"], result.json["status"]) == (False, "failed")
        assert result.err.count("Deducting would take 57 points; 60 were ever awarded.") == 1
        assert (books.everything(cli), len(books.runs(cli))) == (before, runs)


def prepare(cli: Cli, mee6: SimulatedMee6) -> Cli:
    """Six members who were awarded 60 points; then three have less XP, and one is gone."""
    cli.environment |= {"MEE6_API_BASE": mee6.api_base, "MEE6_GUILD_ID": mee6.guild_id}
    books.link(cli, IDS)
    for xp in (1000, 2000):
        show(mee6, dict.fromkeys(IDS, xp))
        cli.ok("sync")
    show(mee6, dict.fromkeys(IDS[:2], 2000) | dict.fromkeys(IDS[3:], 100))
    return cli


def test_yes_deducts(fallen: Cli) -> None:
    result = typed(fallen, "Yes", "sync", "--accept-decrease", "--json")
    assert (result.code, result.json["points"]["deducted"]) == (0, 95)
    assert "6 of 6 members" in result.err
    assert fallen("points", "verify").code == 0


@pytest.mark.slow_on_postgresql
def test_a_person_reads_the_question_and_then_the_refusal(fallen: Cli) -> None:
    result = typed(fallen, "n", "sync", "--accept-decrease")
    assert (result.code, result.out) == (65, "")
    question, refusal = result.err.split(QUESTION.decode())
    assert question.endswith("Go on? ")
    assert "trcpoints: error: 6 of 6 members" in refusal
    assert "--rebaseline" in refusal


@pytest.mark.parametrize(
    "options", [("--accept-decrease", "--yes"), ("--rebaseline",), ("--accept-decrease", "-q")]
)
def test_what_is_asked_and_what_is_not(sqlite_cli: Cli, options: tuple[str, ...]) -> None:
    with SimulatedMee6() as mee6:
        result = typed(prepare(sqlite_cli, mee6), "y", "sync", *options)
    assert result.code == 0
    assert (QUESTION.decode() in result.err) == ("-q" in options)


def test_a_dry_run_does_not_ask(sqlite_cli: Cli) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        result = typed(cli, "n", "sync", "--accept-decrease", "--dry-run")
        assert (result.code, QUESTION.decode() in result.err) == (0, False)
        assert typed(cli, "n", "sync", "--dry-run").code == 65


def test_where_no_guard_is_passed_nobody_is_asked(sqlite_cli: Cli) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        show(mee6, dict.fromkeys(IDS, 2500))
        result = typed(cli, "n", "sync", "--accept-decrease")
        assert (result.code, QUESTION.decode() in result.err) == (0, False)


def test_nothing_is_held_while_a_person_thinks(fallen: Cli, mee6: SimulatedMee6) -> None:
    """Others write meanwhile, a sync among them."""

    def meanwhile() -> None:
        fallen.ok("points", "award", "1", "--points", "5", "--source", "intro", "--key", "k")
        assert fallen("sync").code == 65
        assert fallen.ok("db", "leases")["leases"] == []

    result = typed(fallen, "y", "sync", "--accept-decrease", "--json", meanwhile=meanwhile)
    assert (result.code, result.json["points"]["deducted"]) == (0, 95)


@pytest.mark.slow_on_postgresql
def test_what_has_grown_since_is_refused_again(fallen: Cli, mee6: SimulatedMee6) -> None:
    before = books.everything(fallen)
    result = typed(
        fallen, "y", "sync", "--accept-decrease", "--json",
        meanwhile=lambda: show(mee6, dict.fromkeys(IDS[1:], 0)),
    )  # fmt: skip
    assert (result.code, result.json["error"]["code"]) == (65, "mass_change")
    assert "would take 100 points" in result.json["error"]["message"]
    assert {**books.everything(fallen), "Job": None} == {**before, "Job": None}
    assert books.runs(fallen)[-1].error_code == "mass_change"


@pytest.mark.slow_on_postgresql
def test_what_has_shrunk_since_is_covered(fallen: Cli, mee6: SimulatedMee6) -> None:
    result = typed(
        fallen, "y", "sync", "--accept-decrease", "--json",
        meanwhile=lambda: show(mee6, dict.fromkeys(IDS, 1000)),
    )  # fmt: skip
    assert (result.code, result.json["points"]["deducted"]) == (0, 60)


def test_a_source_that_fails_is_asked_once_and_recorded(sqlite_cli: Cli) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        asked = len(mee6.requests)
        mee6.misbehave(Fault.RATE_LIMITED)
        assert typed(cli, "y", "sync", "--accept-decrease").code == 69
        assert len(mee6.requests) == asked + 1
        assert books.runs(cli)[-1].error_code == "rate_limited"
        mee6.behave()
        # The pause that it asked for is kept.
        assert typed(cli, "y", "sync", "--accept-decrease").code == 75


def test_a_pipe_is_read_once_for_the_question_and_the_sync(sqlite_cli: Cli, tmp_path: Path) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        pipe = tmp_path / "board"
        os.mkfifo(pipe)
        players = [{"id": one, "xp": 1} for one in IDS]
        board = json.dumps({"guild": {"id": mee6.guild_id}, "players": players})
        with ThreadPoolExecutor() as pool:
            written = pool.submit(pipe.write_text, board)
            result = typed(cli, "y", "sync", "--from", str(pipe), "--accept-decrease")
            written.result(timeout=60)
        assert result.code == 0, result.err
        assert books.runs(cli)[-1].status == "completed"


def test_a_database_that_is_not_there_yet(sqlite_cli: Cli, tmp_path: Path) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        cli.environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/new.db"
        assert typed(cli, "n", "sync", "--accept-decrease").code == 78
        assert not (tmp_path / "new.db").exists()


def test_ctrl_c_at_the_question(sqlite_cli: Cli) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        before = books.everything(cli)
        result = typed(cli, "\x03", "sync", "--accept-decrease")
        assert result.code == 128 + signal.SIGINT
        assert books.everything(cli) == before


@pytest.mark.parametrize(("percent", "code"), [("50", 65), ("49", 65), ("66", 65), ("67", 0),
                                               ("100", 0)])  # fmt: skip
def test_the_share_is_a_setting(sqlite_cli: Cli, percent: str, code: int) -> None:
    with SimulatedMee6() as mee6:
        cli = prepare(sqlite_cli, mee6)
        cli.environment["MASS_CHANGE_PERCENT"] = percent
        assert cli("sync").code == code
        # Whatever the share, an empty board is not believed.
        show(mee6, {})
        assert cli("sync").code == 65


@pytest.mark.parametrize("percent", ["0", "101", "-1", "50.5", "a half", "000050", "٥٠"])
def test_a_share_that_is_none(sqlite_cli: Cli, percent: str) -> None:
    result = sqlite_cli("status", env={"MASS_CHANGE_PERCENT": percent})
    assert result.code == 78
    assert "MASS_CHANGE_PERCENT: should be a whole number from 1 to 100" in result.err
