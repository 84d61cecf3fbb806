"""A reading that ends before its end is closed: that of a check, and one that is refused."""

from __future__ import annotations

from collections.abc import Generator
from itertools import product
from typing import Any

import pytest

from tests.support import queue
from tests.support.cli import Cli
from trcpoints.federation.connectors.csv import CsvSource
from trcpoints.federation.engine import fetching

OPTIONS = ((), ("--quiet",), ("--json",))


@pytest.mark.parametrize(("number", "options"), list(product((10, 2_000), OPTIONS)))
def test_a_long_file_leaves_nothing_on_stderr(
    sqlite_cli: Cli, number: int, options: tuple[str, ...]
) -> None:
    queue.configure(sqlite_cli, ["st-judes"])
    queue.export(sqlite_cli, "st-judes", [f"N{n}" for n in range(number)])
    result = sqlite_cli.process("federation", "check", *options)
    assert result.code == 0
    assert bool(result.out) is ("--quiet" not in options)
    assert "Traceback" not in result.err
    assert "Exception ignored" not in result.err


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Generator[object]]:
    """Every reading that was begun, which letting it go does not close."""
    kept: list[Generator[object]] = []
    records = CsvSource.records

    def keep(*arguments: Any) -> Generator[object]:
        kept.append(records(*arguments))
        return kept[-1]

    monkeypatch.setattr(CsvSource, "records", keep)
    return kept


def test_what_is_read_is_closed_before_the_command_goes_on(
    sqlite_cli: Cli, readings: list[Generator[object]]
) -> None:
    queue.configure(sqlite_cli, ["st-judes"])
    queue.export(sqlite_cli, "st-judes", [f"N{n}" for n in range(30)])
    assert sqlite_cli.ok("federation", "check")["sources"][0]["read"] == 10
    assert [next(one, "closed") for one in readings] == ["closed"]


def test_a_sync_that_refuses_what_it_reads_closes_it(
    sqlite_cli: Cli, readings: list[Generator[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.configure(sqlite_cli, ["st-judes"])
    queue.export(sqlite_cli, "st-judes", [f"N{n}" for n in range(30)])
    monkeypatch.setattr(fetching, "MOST_RECORDS", 20)
    result = sqlite_cli("federation", "sync", "--json")
    assert result.code == 65
    assert "more than 20 records" in result.json["error"]["message"]
    assert [next(one, "closed") for one in readings] == ["closed"]
