"""`points award` and `points history` (design, section 2.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.support import books
from tests.support.cli import Cli, Result

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB = "101", "102"
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def members(cli: Cli) -> None:
    with time_machine.travel(NOW - timedelta(days=90), tick=False):
        books.link(cli, [ANN, BOB])


def award(cli: Cli, points: int, key: str, *more: str, source: str = "benchmark") -> Result:
    arguments = ("--points", str(points), "--source", source, "--key", key)
    with time_machine.travel(NOW, tick=False):
        return cli("points", "award", f"discord:{ANN}", *arguments, *more, "--json")


def awarded(cli: Cli, points: int, key: str, *more: str, source: str = "benchmark") -> Any:
    result = award(cli, points, key, *more, source=source)
    assert (result.code, result.err) == (0, "")
    return result.json


def refusal(result: Result) -> tuple[int, str]:
    """The exit code and the word of the error."""
    return result.code, result.json["error"]["code"]


def test_an_award_is_an_entry_and_moves_the_balance(cli: Cli) -> None:
    document = awarded(cli, 5, "run-1", "--note", "  fast  ")
    assert document["status"] == "awarded"
    assert document["balance"] == 5
    entry = document["entry"]
    member = books.members(cli)[ANN]
    assert (entry["entry_id"], entry["member_id"]) == ("1", str(member.id))
    assert (entry["source"], entry["points"], entry["note"]) == ("benchmark", 5, "fast")
    assert entry["occurred_at"] == entry["created_at"] == "2026-03-04T12:00:00Z"
    assert awarded(cli, 7, "run-2")["balance"] == 12
    assert books.ledger(cli, ANN) == [5, 7]
    assert (books.members(cli)[ANN].points, books.members(cli)[BOB].points) == (12, 0)
    cli.ok("points", "verify")


@pytest.mark.parametrize(
    "source", ["benchmark", "download", "intro", "a", "my_own-tool2", "b" * 32]
)
def test_any_lower_case_word_is_a_source(cli: Cli, source: str) -> None:
    assert awarded(cli, 1, "k", source=source)["entry"]["source"] == source


@pytest.mark.parametrize(
    "source", ["discord", "", "Benchmark", "2fast", "a b", "é", "a\n", "b" * 33, "-a"]
)
def test_nothing_else_is(cli: Cli, source: str) -> None:
    assert refusal(award(cli, 1, "k", source=source)) == (65, "data_refused")
    assert books.ledger(cli, ANN) == []


@pytest.mark.parametrize("points", [0, 10**9 + 1, 10**30, -1, -(10**9)])
def test_points_that_are_refused(cli: Cli, points: int) -> None:
    assert refusal(award(cli, points, "k")) == (65, "data_refused")
    assert books.ledger(cli, ANN) == []


@pytest.mark.parametrize("points", ["1.5", "x", ""])
def test_points_that_are_no_number(cli: Cli, points: str) -> None:
    arguments = ("--points", points, "--source", "intro", "--key", "k")
    assert cli("points", "award", "1", *arguments).code == 2


@pytest.mark.parametrize("points", [1, -1, 10**9, -(10**9)])
def test_an_adjustment_goes_both_ways_and_below_zero(cli: Cli, points: int) -> None:
    document = awarded(cli, points, "k", "--note", "agreed", source="adjustment")
    assert document["balance"] == points
    assert books.members(cli)[ANN].points == points
    cli.ok("points", "verify")


@pytest.mark.parametrize("note", [(), ("--note", ""), ("--note", " \t ")])
def test_an_adjustment_needs_a_reason(cli: Cli, note: tuple[str, ...]) -> None:
    result = award(cli, 3, "k", *note, source="adjustment")
    assert refusal(result) == (65, "data_refused")
    assert "reason" in result.json["error"]["message"]


@pytest.mark.parametrize("key", ["", " k", "k ", "a\nb", "a\x1b[31m", "k" * 201, "\udcff"])
def test_keys_that_are_refused(cli: Cli, key: str) -> None:
    assert refusal(award(cli, 1, key)) == (65, "data_refused")


@pytest.mark.parametrize("key", ["k", "k" * 200, "a b", "ключ-1", "'; DROP TABLE ledger; --"])
def test_keys_that_are_not(cli: Cli, key: str) -> None:
    assert awarded(cli, 1, key)["entry"]["idempotency_key"] == key
    assert awarded(cli, 1, key)["status"] == "duplicate"


@pytest.mark.parametrize("note", ["\udcff", "x" * 1001])
def test_a_note_that_cannot_be_kept(cli: Cli, note: str) -> None:
    assert refusal(award(cli, 1, "k", "--note", note)) == (65, "data_refused")


def test_the_same_key_again_changes_nothing(cli: Cli) -> None:
    first = awarded(cli, 5, "k", "--at", "2026-03-01", "--note", "why")
    before = books.everything(cli)
    for again in ((), ("--at", "2026-03-01T00:00:00Z"), ("--at", "2026-03-01T01:00+01:00")):
        second = awarded(cli, 5, "k", "--note", "why", *again)
        assert second == {**first, "status": "duplicate"}
    assert books.everything(cli) == before


@pytest.mark.parametrize(
    ("points", "more"),
    [
        (6, ("--note", "why")),
        (5, ()),
        (5, ("--note", "another")),
        (5, ("--note", "why", "--at", "2026-03-02")),
    ],
)
def test_the_same_key_for_something_else_is_an_error(
    cli: Cli, points: int, more: tuple[str, ...]
) -> None:
    awarded(cli, 5, "k", "--at", "2026-03-01", "--note", "why")
    before = books.everything(cli)
    assert refusal(award(cli, points, "k", *more)) == (65, "key_conflict")
    assert books.everything(cli) == before


def test_the_same_key_for_another_member_is_an_error(cli: Cli) -> None:
    awarded(cli, 5, "k")
    arguments = ("--points", "5", "--source", "benchmark", "--key", "k", "--json")
    assert refusal(cli("points", "award", f"discord:{BOB}", *arguments)) == (65, "key_conflict")
    assert books.members(cli)[BOB].points == 0


def test_a_key_is_unique_in_its_source_only(cli: Cli) -> None:
    awarded(cli, 5, "k", source="benchmark")
    assert awarded(cli, 5, "k", source="download")["balance"] == 10


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-01-19", "2026-01-19T00:00:00Z"),
        ("2026-01-19T17:30", "2026-01-19T17:30:00Z"),
        ("2026-01-19 17:30:01.5", "2026-01-19T17:30:01.500000Z"),
        ("2026-01-19T00:30:00+02:00", "2026-01-18T22:30:00Z"),
        ("2026-01-19T17:30:00Z", "2026-01-19T17:30:00Z"),
        ("2015-01-01", "2015-01-01T00:00:00Z"),
        ("2026-03-04T12:00:00Z", "2026-03-04T12:00:00Z"),
    ],
)
def test_times(cli: Cli, text: str, stored: str) -> None:
    assert awarded(cli, 1, "k", "--at", text)["entry"]["occurred_at"] == stored


def test_a_time_without_a_zone_is_utc_wherever_the_program_runs(cli: Cli) -> None:
    arguments = ("--points", "1", "--source", "intro", "--key", "k", "--at", "2026-01-19T17:30")
    result = cli.process("points", "award", "1", *arguments, "--json", env={"TZ": "Asia/Tokyo"})
    assert result.json["entry"]["occurred_at"] == "2026-01-19T17:30:00Z"


@pytest.mark.parametrize(
    "text", ["2026-03-04T12:00:00.000001Z", "2026-03-05", "9999-12-31", "2014-12-31T23:59:59Z"]
)
def test_times_that_are_refused(cli: Cli, text: str) -> None:
    assert refusal(award(cli, 1, "k", "--at", text)) == (65, "data_refused")
    assert books.ledger(cli, ANN) == []


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "0001-01-01T00:00+05:00", "17:30"])
def test_times_that_are_none(cli: Cli, text: str) -> None:
    assert refusal(award(cli, 1, "k", "--at", text)) == (2, "usage")


def test_last_active_at_follows_awards_that_show_activity(cli: Cli) -> None:
    def last_active_at() -> datetime | None:
        return books.members(cli)[ANN].last_active_at

    awarded(cli, 9, "a", "--note", "gift", source="adjustment")
    assert last_active_at() is None
    awarded(cli, 1, "b", "--at", "2026-02-10T10:00")
    assert last_active_at() == datetime(2026, 2, 10, 10, tzinfo=UTC)
    awarded(cli, 1, "c", "--at", "2026-02-09")
    assert last_active_at() == datetime(2026, 2, 10, 10, tzinfo=UTC)
    awarded(cli, -1, "d", "--note", "slip", source="adjustment")
    assert last_active_at() == datetime(2026, 2, 10, 10, tzinfo=UTC)
    awarded(cli, 1, "e")
    assert last_active_at() == NOW
    cli.ok("points", "verify")


def test_members_who_are_inactive_or_unlinked_are_awarded_too(cli: Cli) -> None:
    books.change_member(cli, ANN, active=False)
    assert awarded(cli, 1, "k")["balance"] == 1
    cli.ok("members", "add", "--name", "Una", "--email", "una@example.org")
    arguments = ("--points", "4", "--source", "intro", "--key", "k")
    assert cli.ok("points", "award", "UNA@example.org", *arguments)["balance"] == 4


@pytest.mark.parametrize("reference", ["99", "discord:999", "nobody@example.org", "Ann", "\udcff"])
def test_nobody_of_that_name(cli: Cli, reference: str) -> None:
    arguments = ("--points", "4", "--source", "intro", "--key", "k", "--json")
    assert refusal(cli("points", "award", reference, *arguments)) == (65, "not_found")


def test_a_person_reads_a_sentence(cli: Cli) -> None:
    arguments = ("points", "award", "1", "--points", "1500", "--source", "intro", "--key", "k")
    first, second = cli(*arguments), cli(*arguments)
    assert first.out == "+1,500 points for intro k. Member 1 has 1,500 points.\n"
    assert "Nothing to do" in second.out
    assert cli(*arguments, "-q").out == ""


def keys(cli: Cli, *arguments: str) -> list[str]:
    """The keys of the entries that history shows."""
    document = cli.ok("points", "history", *arguments)
    return [entry["idempotency_key"] for entry in document["entries"]]


def test_history_is_newest_first_and_filters(cli: Cli) -> None:
    awarded(cli, 1, "jan", "--at", "2026-01-31T23:59:59.999999")
    awarded(cli, 2, "mar", "--at", "2026-03-01", source="download")
    awarded(cli, 3, "feb", "--at", "2026-02-01")
    awarded(cli, 4, "feb-again", "--at", "2026-02-01")
    arguments = ("--points", "5", "--source", "intro", "--key", "bob", "--at", "2026-02-15")
    cli.ok("points", "award", f"discord:{BOB}", *arguments)

    assert keys(cli) == ["mar", "bob", "feb-again", "feb", "jan"]
    assert keys(cli, f"discord:{ANN}") == ["mar", "feb-again", "feb", "jan"]
    assert keys(cli, "--source", "download") == ["mar"]
    assert keys(cli, "--source", "nothing") == []
    assert keys(cli, "--since", "2026-02-01", "--until", "2026-03-01") == [
        "bob",
        "feb-again",
        "feb",
    ]
    document = cli.ok("points", "history", "--limit", "2")
    assert (document["total"], len(document["entries"])) == (5, 2)
    assert document["entries"][1]["name"] == f"member {BOB}"
    assert cli("points", "history", "discord:999").code == 65


@pytest.mark.parametrize(
    "arguments",
    [("--limit", "0"), ("--since", "x"), ("--source", "X"), ("--limit", "9" * 30)],
)
def test_history_that_cannot_be_asked_for(cli: Cli, arguments: tuple[str, str]) -> None:
    assert cli("points", "history", *arguments).code == 2


def test_history_for_a_person_is_harmless(cli: Cli) -> None:
    cli.ok("members", "set", f"discord:{ANN}", "--name", "[red]A\x1b[31mnn")
    awarded(cli, 1500, "k", "--note", "=cmd\x1b]0;title\x07")
    awarded(cli, 1, "l")
    shown = cli("points", "history").out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "+1,500" in shown
    assert "[red]A" in shown
    assert "of 2 entries" in cli("points", "history", "--limit", "1").out
    assert cli("points", "history", "--source", "none").out == "No entries.\n"
