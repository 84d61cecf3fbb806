"""What the program says on stderr (design, section 9)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def community(sqlite_cli: Cli) -> Cli:
    books.link(sqlite_cli, ["101"])
    return sqlite_cli


@pytest.fixture
def server(community: Cli) -> Iterator[SimulatedMee6]:
    with SimulatedMee6() as mee6:
        community.environment.update(MEE6_API_BASE=mee6.api_base, MEE6_GUILD_ID=mee6.guild_id)
        show(mee6, {"101": 1000})
        yield mee6


def test_each_line_names_time_level_job_and_run(community: Cli, server: SimulatedMee6) -> None:
    result = community("sync", "-v", "--sync-id", "tick")
    lines = result.err.splitlines()
    assert lines
    assert all(re.fullmatch(f"{TIME} info sync tick: .+", line) for line in lines), lines


def test_json_lines(community: Cli, server: SimulatedMee6) -> None:
    server.misbehave(Fault.NOT_FOUND)
    told = community("sync", "-vv", "--sync-id", "tick", env={"TRCPOINTS_LOG_FORMAT": "json"})
    lines = [json.loads(line) for line in told.err.splitlines()]
    assert {line["level"] for line in lines} == {"debug", "info", "error"}
    in_run = [line for line in lines if line["run_id"] == "tick"]
    assert {line["job"] for line in in_run} == {"sync"}
    assert all(re.fullmatch(TIME, line["time"]) for line in lines)
    last = lines[-1]
    assert (last["level"], last["run_id"]) == ("error", "tick")
    assert "404" in last["message"]
    assert "MEE6_GUILD_ID" in last["message"]


def test_a_line_is_one_line(community: Cli, server: SimulatedMee6) -> None:
    server.misbehave(Fault.STRANGE_NAMES)
    for log_format in ("text", "json"):
        told = community("sync", "-vv", env={"TRCPOINTS_LOG_FORMAT": log_format})
        assert told.code == 0
        assert "\x1b" not in told.err


def test_a_command_names_no_run_of_another(community: Cli, server: SimulatedMee6) -> None:
    assert community("sync", "--sync-id", "tick").code == 0
    told = community("members", "add", "--name", "Ann", "-vv")
    assert told.err
    assert "tick" not in told.err


def test_a_wrong_format_is_a_fault_of_the_configuration(sqlite_cli: Cli) -> None:
    told = sqlite_cli("members", "list", env={"TRCPOINTS_LOG_FORMAT": "xml"})
    assert told.code == 78
    assert "TRCPOINTS_LOG_FORMAT: should be text or json" in told.err


def test_every_failure_from_the_third_on_is_an_error(community: Cli, server: SimulatedMee6) -> None:
    server.misbehave(Fault.NOT_FOUND)
    told = [community("sync", "-q").err for _ in range(4)]
    assert ["in a row" in text for text in told] == [False, False, True, True]
    assert "sync has failed 4 times in a row" in told[3]
