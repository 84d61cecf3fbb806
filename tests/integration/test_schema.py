"""Every command's stdout is the document that it says it is, by the schema that we print."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator, FormatChecker

from tests.support import books
from tests.support.cli import Cli, Result
from tests.support.mee6 import show
from trcpoints.cli.main import Commands
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN = "159962941502783488", "102", "103", "104"
IDS = [ANN, BOB, CAT, DAN]


@dataclass(frozen=True)
class Call:
    """A command line, its stdin, and the document that it prints when all is well."""

    line: str
    schema: str
    stdin: str = ""


# In this order, on one database: a later command finds what the earlier ones left behind.
CALLS = {
    "db upgrade": [Call("db upgrade", "db.upgrade")],
    "members import": [
        Call("members import -", "members.import", f"discord_id,name\n{ANN},Ann\n102,\n103,Cat\n")
    ],
    "members add": [Call("members add --discord-id 104 --name Dan", "members.add")],
    "members set": [Call("members set 4 --phone 1", "members.set")],
    "federation check": [Call("federation check", "federation.check")],
    "federation sync": [
        Call("federation sync --dry-run", "federation.sync"),
        Call("federation sync", "federation.sync"),
    ],
    "federation retry": [Call("federation retry", "federation.retry")],
    "federation queue": [Call("federation queue", "federation.queue")],
    "federation conflicts list": [
        Call("federation conflicts list", "federation.conflicts.list"),
    ],
    "federation conflicts show": [
        Call("federation conflicts show 1", "federation.conflicts.show"),
    ],
    "federation conflicts keep": [
        Call("federation conflicts keep 1 ours --by ann", "federation.conflicts.keep"),
    ],
    "federation unlink": [
        Call("federation unlink 4 --connector club --organization main", "federation.unlink"),
    ],
    "federation deliveries": [
        Call("federation deliveries", "federation.deliveries"),
        Call("federation deliveries --outcome refused --since 7d", "federation.deliveries"),
    ],
    "sync": [
        Call("sync --dry-run --members", "sync"),
        Call("sync --members", "sync"),
        Call("sync --sync-id once", "sync"),
        Call("sync --sync-id once", "sync"),
    ],
    "points award": [
        Call("points award 1 --points 5 --source intro --key k", "points.award"),
        Call("points award 1 --points 5 --source intro --key k", "points.award"),
    ],
    "points import": [
        Call("points import -", "points.import", "member,points,source,key\n1,2,download,d\n")
    ],
    "points history": [Call("points history", "points.history")],
    "points verify": [Call("points verify", "points.verify")],
    "streaks": [Call("streaks", "streaks")],
    "streaks run": [Call("streaks run", "streaks")],
    "streaks excuse": [
        Call("streaks excuse 2026-12-25 --reason Christmas", "streaks.excuse"),
        Call("streaks excuse --list", "streaks.excuse"),
        Call("streaks excuse 2026-12-25 --remove", "streaks.excuse"),
    ],
    "streaks rebuild": [Call("streaks rebuild", "streaks.rebuild")],
    "status": [
        Call("status", "status"),
        Call("status --check", "status"),
        Call("status --prometheus --output status.prom", "output"),
    ],
    "backfill-dry-run": [Call("backfill-dry-run", "backfill-dry-run")],
    "members list": [Call("members list", "members.list")],
    "members show": [Call("members show 1", "members.show")],
    "members held": [Call("members held", "members.held")],
    "members accept": [Call("members accept 1", "members.accept")],
    "members rebaseline": [Call("members rebaseline 1", "members.rebaseline")],
    "members export": [
        Call("members export", "members.export"),
        Call("members export --output members.json", "output"),
    ],
    "leaderboard": [
        Call("leaderboard", "leaderboard"),
        Call("leaderboard --since 2026-01-01 --output board.json", "output"),
    ],
    "report": [
        Call("report --output operators.html", "report"),
        Call("report --public --output index.html", "report"),
    ],
    "history list": [
        Call("history list", "history.list"),
        Call("history list --job sync --status completed --since 7d --page 2", "history.list"),
    ],
    "history show": [Call("history show once", "history.show")],
    "history export": [
        Call("history export", "history.export"),
        Call("history export --format csv --output runs.csv", "output"),
    ],
    "history prune": [
        Call("history prune --keep 400d --dry-run", "history.prune"),
        Call("history prune --keep 400d", "history.prune"),
    ],
    "doctor": [Call("doctor", "doctor"), Call("doctor --send-test", "doctor")],
    "db check": [Call("db check", "db.check")],
    "db copy": [Call("db copy --to sqlite:///copy.db", "db.copy")],
    "db backup": [Call("db backup backup.db", "db.backup")],
    "db leases": [Call("db leases", "db.leases")],
    "crontab": [Call("crontab", "crontab")],
    "schema": [Call("schema", "schemas")],
    "demo": [Call("demo --members 3 --days 1", "demo")],
}

WITHOUT_SETTINGS = {"crontab", "schema", "demo"}
"""What neither reads the settings nor opens the database."""

MAKES_A_DATABASE = {"db copy", "demo"}
"""What makes a new one here, and says so."""

WITHOUT_DATABASE = {"federation check"}

FEDERATIONS = """
[connectors.club]
kind = "csv"
path = "{organization}.csv"
[connectors.club.organizations.main]
[connectors.club.fields]
external_id = "id"
discord_id = "discord"
phone = "phone"
"""


def federate(cli: Cli) -> None:
    """Set up a federation, which knows Dan by another telephone than ours."""
    (cli.folder / "federations.toml").write_text(FEDERATIONS)
    (cli.folder / "main.csv").write_text(f"id,discord,phone\nM1,{DAN},2\n")
    cli.environment["FEDERATION_CONFIG"] = "federations.toml"


def program_paths() -> set[str]:
    """Every command there is, as it is typed."""
    paths: set[str] = set()
    for name, (module, _) in Commands.lazy.items():
        paths |= paths_below(name, typer.main.get_command(importlib.import_module(module).app))
    return paths


def paths_below(path: str, command: object) -> set[str]:
    """The command, or those of the group that it is."""
    children = getattr(command, "commands", {})
    paths = {path} if not children or getattr(command, "invoke_without_command", False) else set()
    return paths.union(*(paths_below(f"{path} {name}", one) for name, one in children.items()))


formats = FormatChecker(())


@formats.checks("date-time", raises=ValueError)
def _is_utc(value: object) -> bool:
    """Stricter than JSON Schema: our times end in Z."""
    return isinstance(value, str) and value.endswith("Z") and bool(datetime.fromisoformat(value))


@cache
def validator(name: str) -> Draft202012Validator:
    """For the schema that `trcpoints schema NAME` prints."""
    printed = printed_schema(name)
    Draft202012Validator.check_schema(printed)
    return Draft202012Validator(printed, format_checker=formats)


def printed_schema(name: str) -> dict[str, Any]:
    result = Cli(Path(), {})("schema", name)
    assert result.code == 0
    return result.json


def valid(result: Result) -> dict[str, Any]:
    """The document, which is what it names."""
    document = result.json
    errors = list(validator(document["schema"]).iter_errors(document))
    assert not errors, (document, errors)
    assert re.fullmatch(r"trcpoints\.[a-z.-]+/1", document["schema"])
    assert next(iter(document)) == "schema"
    return document


def run(cli: Cli, call: Call) -> Result:
    return cli(*call.line.split(), "--json", stdin=call.stdin)


def told(result: Result, path: str) -> str:
    """What was said on stderr, but that a new database was made."""
    if path not in MAKES_A_DATABASE:
        return result.err
    return re.sub(r"\A\S+ notice: a new database was made: .*\n\Z", "", result.err)


def prepare(cli: Cli, mee6: SimulatedMee6, path: str) -> None:
    """Let there be what a command is about: Ann is held, of whom it is the id 1."""
    if path == "members held":
        show(mee6, {**dict.fromkeys(IDS, 1000), ANN: 9000})
        assert cli.ok("sync")["members"]["held"] == 1


def test_every_command_is_called_here() -> None:
    assert program_paths() == set(CALLS)


def test_every_command_when_all_is_well(cli: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, dict.fromkeys(IDS, 1000))
    federate(cli)
    printed = set()
    for path, calls in CALLS.items():
        prepare(cli, mee6, path)
        for call in calls:
            result = run(cli, call)
            document = valid(result)
            assert document["schema"] == f"trcpoints.{call.schema}/1", document
            assert result.code in {0, 1} if call.line == "status --check" else result.code == 0
            assert told(result, path) == "", (call.line, result.err)
            printed.add(document["schema"])
    everything = set(cli.ok("schema")["names"])
    assert everything - printed == {"trcpoints.error/1"}


def test_every_command_is_silent_when_all_is_well(cli: Cli, mee6: SimulatedMee6) -> None:
    """Cron mails whatever is printed. What an export prints is what it was asked for.

    A new database is worth a line.
    """
    show(mee6, dict.fromkeys(IDS, 1000))
    federate(cli)
    for path, calls in CALLS.items():
        prepare(cli, mee6, path)
        for call in calls:
            result = cli(*call.line.split(), "--quiet", stdin=call.stdin)
            assert result.code in {0, 1} if call.line == "status --check" else result.code == 0
            is_asked_for = call.line in {"members export", "history export", "crontab"}
            assert bool(result.out) == is_asked_for, (call.line, result.out)
            assert told(result, path) == "" or result.code == 1, (call.line, result.err)


BROKEN: dict[str, Callable[[Cli], None]] = {
    "no folder": lambda cli: cli.environment.update(DATABASE_URL="sqlite:///nonsense.db/x.db"),
    "not a database": lambda cli: cli.environment.update(DATABASE_URL="sqlite:///nonsense.db"),
    "no such server": lambda cli: cli.environment.update(
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    ),
    "wrong settings": lambda cli: cli.environment.update(
        DATABASE_URL="mysql://x", MEE6_GUILD_ID="x"
    ),
}


@pytest.mark.parametrize("breakage", BROKEN)
def test_every_command_when_it_cannot_work(sqlite_cli: Cli, breakage: str) -> None:
    cli = sqlite_cli
    (cli.folder / "nonsense.db").write_text("nonsense, and a lot of it. " * 100)
    federate(cli)
    BROKEN[breakage](cli)
    needless = WITHOUT_SETTINGS if "settings" in breakage else WITHOUT_SETTINGS | WITHOUT_DATABASE
    for path, calls in CALLS.items():
        if path in needless:
            continue
        for call in calls:
            result = run(cli, call)
            document = valid(result)
            assert document["schema"] in {"trcpoints.error/1", f"trcpoints.{call.schema}/1"}
            assert document["status"] in {"failed", "skipped"}
            assert result.code in {65, 69, 74, 78}
            assert document["error"]["hint"]


@pytest.mark.parametrize("path", CALLS)
def test_wrong_usage(sqlite_cli: Cli, path: str) -> None:
    result = sqlite_cli(*path.split(), "--no-such-option", "--json")
    assert (result.code, valid(result)["error"]["code"]) == (2, "usage")


def test_failures_that_have_a_document_of_their_own(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, IDS)
    show(mee6, dict.fromkeys(IDS, 1000))
    cli.ok("sync")

    def failed(line: str, code: int, schema: str) -> dict[str, Any]:
        result = cli(*line.split(), "--json")
        document = valid(result)
        assert (result.code, document["schema"]) == (code, f"trcpoints.{schema}/1")
        assert document["status"] in {"failed", "skipped"}
        return document

    show(mee6, dict.fromkeys(IDS, 1))
    assert failed("sync --members", 65, "sync")["members"]["lost"] == 4
    failed("sync --from none.json", 65, "sync")
    mee6.misbehave(Fault.UNAUTHORIZED)
    assert failed("sync", 69, "sync")["consecutive_failures"] == 2
    cli.environment["HOME"] = str(cli.folder)  # where no sync has kept its walk
    failed("backfill-dry-run", 69, "error")
    mee6.behave()
    mee6.misbehave(Fault.RATE_LIMITED)
    failed("sync", 69, "sync")
    assert failed("sync", 75, "sync")["status"] == "skipped"
    failed("backfill-dry-run", 75, "error")
    assert valid(cli("status", "--check", "--json"))["problems"]
    failed("members show 99", 65, "error")
    failed("points award 1 --points 5 --source adjustment --key k", 65, "error")
    books.change_member(cli, BOB, points=77)
    assert failed("points verify", 65, "points.verify")["faults"]
    failed("db copy --to sqlite:///copy.db", 65, "db.copy")
    (cli.folder / "backup.db").mkdir()
    failed("db backup backup.db", 74, "error")


def test_a_schema_by_any_of_its_names(sqlite_cli: Cli) -> None:
    names = sqlite_cli.ok("schema")["names"]
    assert names == sorted(names)
    assert sqlite_cli("schema").out.split() == names
    for name in names:
        printed = sqlite_cli("schema", name).json
        assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert printed["title"] == name
        short = name.removeprefix("trcpoints.")
        for alias in (short, short.removesuffix("/1"), name.removesuffix("/1")):
            assert sqlite_cli("schema", alias, "--json").json == printed


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("statis", "trcpoints schema trcpoints.status/1"),
        ("status/2", "trcpoints schema trcpoints.status/1"),
        ("trcpoints.sink/1", "trcpoints schema trcpoints.sync/1"),
        ("x\x1b[31m" * 9, "See what there is: trcpoints schema"),
    ],
)
def test_a_schema_that_there_is_not(sqlite_cli: Cli, name: str, hint: str) -> None:
    result = sqlite_cli("schema", name, "--json")
    assert result.code == 2
    assert valid(result)["error"]["hint"] == hint
    assert "\x1b" not in sqlite_cli("schema", name).err


def test_a_schema_says_what_a_document_is(sqlite_cli: Cli) -> None:
    """The tag, times, keys that are always there, and those that may be missing."""
    shapes = printed_schema("sync")["$defs"]
    sync = shapes["SyncDocument"]
    assert sync["properties"]["schema"] == {"enum": ["trcpoints.sync/1"]}
    assert sync["properties"]["started_at"] == {"type": "string", "format": "date-time"}
    assert set(sync["properties"]) - set(sync["required"]) == {"held", "results"}
    assert "additionalProperties" not in sync
    assert shapes["SyncMembers"]["required"] == list(shapes["SyncMembers"]["properties"])
    assert not [shape for shape in shapes.values() if "\n " in shape["description"]]
    for name in sqlite_cli.ok("schema")["names"]:
        for shape in printed_schema(name)["$defs"].values():
            for key, kind in shape["properties"].items():
                if re.search(r"_at$|_until$", key):
                    assert "date-time" in json.dumps(kind), (name, key)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "trcpoints.sync/2"},
        {"healthy": "yes"},
        {"problems": None},
        {"points": {"awarded": 1}},
    ],
)
def test_the_schema_refuses_another_document(sqlite_cli: Cli, change: dict[str, Any]) -> None:
    document = valid(sqlite_cli("status", "--json"))
    assert not validator("status").is_valid({**document, **change})
    for key in document:
        assert not validator("status").is_valid({k: v for k, v in document.items() if k != key})
