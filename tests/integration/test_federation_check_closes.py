"""`federation check` reads the beginning of an organization and closes what it opened."""

from __future__ import annotations

from collections.abc import Generator
from itertools import product
from typing import Any

import pytest

from tests.support import queue
from tests.support.cli import Cli
from trcpoints.federation.connectors.csv import CsvSource

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


def test_what_is_read_is_closed_before_the_command_goes_on(
    sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.configure(sqlite_cli, ["st-judes"])
    queue.export(sqlite_cli, "st-judes", [f"N{n}" for n in range(30)])
    kept: list[Generator[object]] = []
    records = CsvSource.records

    def keep(*arguments: Any) -> Generator[object]:
        # A reference beside the reader's own: letting the reader go does not close it.
        kept.append(records(*arguments))
        return kept[-1]

    monkeypatch.setattr(CsvSource, "records", keep)
    assert sqlite_cli.ok("federation", "check")["sources"][0]["read"] == 10
    assert [next(one, "closed") for one in kept] == ["closed"]
