"""Awards that come at the same moment, from processes of their own (design, section 9)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import books
from tests.support.cli import Cli

ANN = "101"
ROUNDS = 8
CROWD = 8


@pytest.fixture(autouse=True)
def member(cli: Cli) -> None:
    books.link(cli, [ANN])


def at_once(cli: Cli, points_and_keys: list[tuple[int, str]]) -> list[tuple[int, dict[str, Any]]]:
    """Award all of these from processes started together; their codes and documents."""
    processes = [
        cli.start(
            *("points", "award", f"discord:{ANN}", "--source", "benchmark", "--json"),
            *("--points", str(points), "--key", key),
        )
        for points, key in points_and_keys
    ]
    results = []
    for process in processes:
        with process:
            out, _ = process.communicate(timeout=60)
        results.append((process.returncode, json.loads(out)))
    return results


def test_one_key_from_two_processes_is_booked_once(cli: Cli) -> None:
    for number in range(ROUNDS):
        results = at_once(cli, [(5, f"k{number}")] * 2)
        assert [code for code, _ in results] == [0, 0]
        assert sorted(document["status"] for _, document in results) == ["awarded", "duplicate"]
    assert books.ledger(cli, ANN) == [5] * ROUNDS
    assert books.members(cli)[ANN].points == 5 * ROUNDS
    cli.ok("points", "verify")


def test_one_key_for_different_points_is_booked_for_one_of_them(cli: Cli) -> None:
    for number in range(ROUNDS):
        results = at_once(cli, [(3, f"k{number}"), (4, f"k{number}")])
        assert sorted(code for code, _ in results) == [0, 65]
        assert len(books.ledger(cli, ANN)) == number + 1
    cli.ok("points", "verify")


def test_different_keys_from_many_processes_all_count(cli: Cli) -> None:
    results = at_once(cli, [(2**number, f"k{number}") for number in range(CROWD)])
    assert {(code, document["status"]) for code, document in results} == {(0, "awarded")}
    assert books.members(cli)[ANN].points == sum(books.ledger(cli, ANN)) == 2**CROWD - 1
    cli.ok("points", "verify")


def test_an_import_and_awards_at_once_lose_nothing(cli: Cli) -> None:
    file = cli.folder / "awards.csv"
    rows = [f"discord:{ANN},1,download,k{number}" for number in range(500)]
    file.write_text("\n".join(["member,points,source,key", *rows]))
    imports = [cli.start("points", "import", "awards.csv") for _ in range(2)]
    results = at_once(cli, [(1000, f"k{number}") for number in range(4)])
    for process in imports:
        with process:
            process.communicate(timeout=60)
        assert process.returncode == 0
    assert [code for code, _ in results] == [0] * 4
    assert books.members(cli)[ANN].points == 4500
    cli.ok("points", "verify")
