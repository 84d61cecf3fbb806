"""What comes out of the program: exit codes, one JSON document, and nothing beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN = "101"


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["nonsense"], 2, "usage"),
        (["sync", "--nonsense"], 2, "usage"),
        (["sync", "--complete"], 2, "usage"),
        (["sync", "--sync-id", "no spaces"], 2, "usage"),
        (["members"], 2, "usage"),
        (["members", "show", "discord:999"], 65, "not_found"),
        (["sync", "--from", "missing.json"], 65, "not_found"),
        (["sync"], 78, "configuration"),
        (["sync", "--env-file", "missing.env"], 78, "configuration"),
    ],
)
def test_a_failure_is_one_json_document(
    sqlite_cli: Cli, arguments: list[str], code: int, word: str
) -> None:
    result = sqlite_cli(*arguments, "--json")
    assert result.code == code
    assert result.err == ""
    assert result.json["status"] == "failed"
    assert result.json["error"]["code"] == word
    told = sqlite_cli(*arguments)
    assert told.code == code
    assert told.out == ""
    assert told.err.startswith("trcpoints: error: ")


def test_alone_it_shows_its_help(sqlite_cli: Cli) -> None:
    result = sqlite_cli()
    assert result.code == 0
    assert "trcpoints demo" in result.out


def test_every_fault_of_the_configuration_is_told_at_once_and_no_secret(sqlite_cli: Cli) -> None:
    wrong = {
        "DATABASE_URL": "mysql://secret-1/db",
        "MEE6_GUILD_ID": "secret-2",
        "MEE6_SYNC_ENABLED": "perhaps",
        "MEE6_API_BASE": "ftp://secret-3",
        "MEE6_AUTH_TOKEN": "secret-4\nInjected: header",
        "MEE6_PAGE_SIZE": "0",
        "MEE6_RETRY_BASE": "-1",
        "MEE6_REQUEST_INTERVAL": "nan",
        "TRCPOINTS_TRIGGER": "sometimes",
    }
    result = sqlite_cli("sync", env=wrong)
    assert result.code == 78
    for name in wrong:
        assert f"  {name}: " in result.err
    assert "secret" not in result.err
    assert "9 settings are wrong" in result.err


def test_the_environment_wins_over_the_env_file(sqlite_cli: Cli) -> None:
    (sqlite_cli.folder / ".env").write_text("MEE6_SYNC_ENABLED=maybe\nTRCPOINTS_TRIGGER=manual\n")
    (sqlite_cli.folder / "other.env").write_text("MEE6_SYNC_ENABLED=off\n")
    assert sqlite_cli("sync").code == 78
    assert sqlite_cli("sync", env={"MEE6_SYNC_ENABLED": "off"}).code == 0
    assert sqlite_cli("sync", "--env-file", "other.env").code == 0


def test_the_env_file_of_the_user(sqlite_cli: Cli) -> None:
    folder = Path(sqlite_cli.environment["HOME"]) / ".config" / "trcpoints"
    folder.mkdir(parents=True)
    (folder / ".env").write_text("MEE6_SYNC_ENABLED=off\n")
    assert sqlite_cli("sync").out.startswith("Sync skipped")
    (folder / ".env").write_bytes(b"MEE6_SYNC_ENABLED=\xff\n")
    assert sqlite_cli("sync").code == 78


def test_without_a_database_url_it_is_in_the_data_folder(sqlite_cli: Cli) -> None:
    del sqlite_cli.environment["DATABASE_URL"]
    sqlite_cli.ok("members", "add", "--name", "Ann")
    data = Path(sqlite_cli.environment["HOME"]) / ".local" / "share" / "trcpoints"
    assert (data / "trcpoints.db").is_file()


def test_quiet_is_silent_when_all_is_well(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    for arguments in (
        ["sync"],
        ["sync"],
        ["points", "verify"],
        ["db", "check"],
        ["members", "list"],
    ):
        result = cli(*arguments, "-q")
        assert (result.code, result.out, result.err) == (0, "", "")
    mee6.misbehave(Fault.SERVER_ERROR, times=2)
    healed = cli("sync", "-q")
    assert (healed.code, healed.out, healed.err) == (0, "", "")


def test_verbose_speaks_on_stderr(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    result = cli("sync", "-vv", "--json")
    assert result.json["status"] == "completed"
    assert "page=0" in result.err


@pytest.mark.parametrize("flags", [["--json"], []])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_a_signal_ends_a_sync_cleanly(
    cli: Cli, mee6: SimulatedMee6, number: signal.Signals, code: int, flags: list[str]
) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    mee6.misbehave(Fault.TIMEOUT)
    process = cli.start("sync", "--sync-id", "tick", *flags)
    deadline = time.monotonic() + 30
    while not mee6.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    if flags:
        document = json.loads(out)
        assert (document["status"], document["consecutive_failures"]) == ("interrupted", 0)
        assert err == b""
    else:
        assert number.name in err.decode()
    assert [(run.id, run.status) for run in books.runs(cli)] == [("tick", "interrupted")]
    assert books.activity(cli, ANN) == []
    mee6.behave()
    assert cli.ok("sync", "--sync-id", "tick")["members"]["baselined"] == 1


@pytest.mark.parametrize("command", ["members export", "members list --limit 9000"])
def test_a_reader_that_goes_away_is_no_fault(sqlite_cli: Cli, command: str) -> None:
    books.link(sqlite_cli, [str(number) for number in range(1000, 4000)])
    line = f"{sys.executable} -m trcpoints {command} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=sqlite_cli.environment,
        cwd=sqlite_cli.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "141"


def test_a_full_disk_under_stdout(sqlite_cli: Cli) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trcpoints", "members", "list", "--json"],
            env=sqlite_cli.environment,
            cwd=sqlite_cli.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 74
    assert b"trcpoints: error: " in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_bug_is_reported_and_not_thrown(sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("somebody forgot")

    monkeypatch.setattr("trcpoints.jobs.sync.job.decide", broken)
    page = json.dumps({"guild": {"id": "993536706509885777"}, "players": []})
    result = sqlite_cli("sync", "--from", "-", "--json", stdin=page)
    assert result.code == 70
    assert result.json["error"]["code"] == "internal_error"
    assert [run.status for run in books.runs(sqlite_cli)] == ["failed"]
    told = sqlite_cli("sync", "--from", "-", "-v", stdin=page)
    assert "ZeroDivisionError: somebody forgot" in told.err
    assert "Traceback" in told.err


def test_a_bug_with_a_million_values_in_its_text_is_told_in_a_few_lines(
    sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"line\nof {list(range(1_000_000))}")

    monkeypatch.setattr("trcpoints.members.views.list_members", broken)
    result = sqlite_cli("members", "list", "--json")
    message = result.json["error"]["message"]
    assert result.code == 70
    assert message.startswith("trcpoints met a fault of its own: RuntimeError: line\nof [0, 1, 2")
    assert message.endswith("…")
    assert len(message) < 2_000


def test_arguments_that_are_no_text(sqlite_cli: Cli) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trcpoints", "members", "show", b"\xff\xfe", "--json"],
        env=sqlite_cli.environment,
        cwd=sqlite_cli.folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 65
    assert json.loads(done.stdout)["error"]["code"] == "not_found"


def test_python_m_trcpoints_is_the_program(sqlite_cli: Cli) -> None:
    result = sqlite_cli.process("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("trcpoints ")
    assert os.linesep in result.out
