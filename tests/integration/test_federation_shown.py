"""What `history`, `members show` and `doctor` say of federations (design, sections 4 and 8)."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.support import queue
from tests.support.cli import Cli
from tests.support.doctor import checks

pytestmark = pytest.mark.slow_on_postgresql

JUDES = "st-judes"
EVIL = "\x1b[31mEve\u202e"


@pytest.fixture
def disputed(cli: Cli) -> Cli:
    """A second sync, of everything that can come of one: Anna is in conflict, Eve is missing."""
    queue.configure(cli, [JUDES])
    file = queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    cli.ok("members", "set", "1", "--first-name", EVIL, "--by", f"zoe {EVIL}")
    text = file.read_text().replace(",ann,", ",Anna,").replace("eve,eve,", "gus,gus,no e-mail ")
    file.write_text(f"{text}zed,Zed,zed@example.org\n")
    cli.ok("federation", "sync")
    return cli


def test_a_run_tells_its_counts_rejections_missing_and_conflicts(disputed: Cli) -> None:
    cli = disputed
    run = queue.runs(cli)[-1]
    document = cli.ok("history", "show", run.id)
    stats = document["run"]["stats"]
    assert (stats["job_id"], stats["full"]) == ("2", True)
    counts = {name: count for name, count in stats["records"].items() if count}
    assert counts == {
        "created": 1, "updated": 1, "unchanged": 3, "rejected": 1, "missing": 1, "conflicts": 1,
        "resolved": 1,
    }  # fmt: skip
    (conflict,) = document["conflicts"]
    assert conflict == cli.ok("federation", "conflicts", "show", "1")["conflict"]
    sides = [conflict[side] for side in ("base", "federation", "ours", "resolved")]
    assert (sides, conflict["strategy"]) == (["ann", "Anna", EVIL, "Anna"], "federation_wins")

    screen = cli("history", "show", run.id).out
    assert re.search(
        r"^records +created 1, updated 1, unchanged 3, rejected 1, ", screen, re.MULTILINE
    )
    assert re.search(r"^read +the whole organization *$", screen, re.MULTILINE)
    assert re.search(r"^queue +job 2 *$", screen, re.MULTILINE)
    assert re.search(r"rejected: 1\n.*\ngus +.*email", screen)
    assert re.search(r"missing: 1\n.*\neve +5 *$", screen, re.MULTILINE)
    assert re.search(
        r"conflicts: 1\n.*\n +1 +1 +first_name +ann +Anna +\S+Eve\S* +Anna \(federation_wins\)",
        screen,
    )
    assert not {"\x1b", "\u202e"} & set(screen)

    cli.ok("federation", "conflicts", "keep", "1", "ours", "--by", "zoe")
    assert cli.ok("history", "show", run.id)["conflicts"][0]["kept"] == "ours"
    assert "ours, by zoe" in cli("history", "show", run.id).out
    assert cli.ok("history", "show", queue.runs(cli)[0].id)["conflicts"] == []


def test_the_list_says_what_came_of_a_run(disputed: Cli) -> None:
    disputed.ok("federation", "sync", "--organization", JUDES)
    newest, second, first = disputed("history", "list").out.splitlines()[1:]
    assert re.search(r"federation club/st-judes .*completed +1 rejected, 1 missing *$", newest)
    told = "1 created, 1 updated, 1 rejected, 1 missing, 1 conflict"
    assert second.rstrip().endswith(told)
    assert first.rstrip().endswith("5 created")
    queue.export(disputed, JUDES, ["Bob", "Cat", "Dan", "Eve", "Gus", "Zed"])
    rows = csv.DictReader(io.StringIO(disputed("history", "export").out))
    created = [json.loads(row["stats"])["records"]["created"] for row in rows]
    assert created == [5, 1, 0]


def test_a_run_that_changed_nothing_says_so(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    cli.ok("federation", "sync")
    assert cli("history", "list").out.splitlines()[1].rstrip().endswith("5 unchanged")
    shown = cli("history", "show", queue.runs(cli)[-1].id).out
    assert re.search(r"^records +unchanged 5 *$", shown, re.MULTILINE)
    assert "missing" not in shown
    (cli.folder / f"{JUDES}.csv").unlink()
    assert cli("federation", "sync").code == 69
    failed = cli("history", "show", queue.runs(cli)[-1].id).out
    assert "source_unavailable" in failed
    assert "records" not in failed


def test_a_member_tells_their_federations_and_who_set_what(disputed: Cli) -> None:
    cli = disputed
    cli.ok("members", "set", "1", "--phone", "1", "--by", f"zoe {EVIL}")
    first, last = queue.runs(cli)[0], queue.runs(cli)[-1]
    shown = cli.ok("members", "show", "1")
    (link,) = shown["links"]
    assert {name: link[name] for name in ("connector", "organization", "external_id")} == {
        "connector": "club", "organization": JUDES, "external_id": "ann"
    }  # fmt: skip
    assert link["missing_since"] is None
    assert [(edit["field"], edit["modified_by"]) for edit in shown["edits"]] == [
        ("phone", f"zoe {EVIL}")
    ]
    # Bob was as he was: seen all the same. Eve was not there any more.
    (bob,) = cli.ok("members", "show", "2")["links"]
    (eve,) = cli.ok("members", "show", "5")["links"]
    assert first.finished_at is not None
    assert bob["last_synced_at"] > f"{last.started_at:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert eve["last_synced_at"] <= f"{first.finished_at:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert eve["missing_since"] == bob["last_synced_at"]
    screen = cli("members", "show", "1").out
    assert re.search(r"^club/st-judes +ann +\d{4}-", screen, re.MULTILINE)
    assert re.search(r"^phone +zoe \S+Eve\S* +\d{4}-", screen, re.MULTILINE)
    assert not {"\x1b", "\u202e"} & set(screen)
    cli.ok("members", "add", "--name", "Nobody's")
    assert cli.ok("members", "show", "7")["links"] == []
    assert "federation" not in cli("members", "show", "7").out


def test_a_record_that_is_rejected_is_as_of_when_it_was_taken(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    file = cli.folder / f"{JUDES}.csv"
    seen = []
    for mail in ("bob@example.org", "bob@example.org", "no address", "no address", "b@example.org"):
        file.write_text(f"id,first,email\nann,Ann,ann@example.org\nbob,Bob,{mail}\n")
        cli.ok("federation", "sync")
        ((ann,), (bob,)) = (cli.ok("members", "show", number)["links"] for number in ("1", "2"))
        seen.append((ann["last_synced_at"], bob["last_synced_at"]))
    first, unchanged, *rejected, again = seen
    assert first[0] == first[1] < unchanged[0] == unchanged[1]
    assert unchanged[0] < rejected[0][0] < rejected[1][0] < again[0]
    assert [bob for _, bob in rejected] == [unchanged[1], unchanged[1]]
    assert again[0] == again[1]


def test_a_record_that_is_gone_is_as_of_when_it_was_last_there(cli: Cli) -> None:
    queue.configure(cli, [JUDES])
    seen = []
    for names in (["ann", "bob"], ["ann", "bob"], ["ann"], ["ann"], ["ann", "bob"]):
        queue.export(cli, JUDES, names)
        cli.ok("federation", "sync")
        [bob] = cli.ok("members", "show", "2")["links"]
        seen.append(bob["last_synced_at"])
    assert seen[0] < seen[1] == seen[2] == seen[3] < seen[4]


@pytest.fixture
def club(sqlite_cli: Cli) -> Cli:
    """What has nothing to do with the database's engine, nor with MEE6."""
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "no"
    queue.configure(sqlite_cli, [JUDES, "na-fianna"])
    return sqlite_cli


def test_doctor_finds_every_fault_of_the_file(club: Cli) -> None:
    check = checks(club)["federation"]
    assert (check["status"], check["message"]) == (
        "ok",
        "Connectors that are enabled: 1, with organizations: 2.",
    )
    queue.configure(club, [JUDES], 'strategy = "theirs"', 'token_env = "CLUB_TOKEN"')
    check = checks(club, code=78)["federation"]
    assert "connectors.club.strategy" in check["message"]
    assert "CLUB_TOKEN is not set" in check["message"]
    assert "federation check" in check["hint"]
    # A secret may be in the .env, too.
    queue.configure(club, [JUDES], 'token_env = "CLUB_TOKEN"')
    (club.folder / ".env").write_text("CLUB_TOKEN=s3cret-t0ken\n")
    assert checks(club)["federation"]["status"] == "ok"
    (club.folder / "federations.toml").unlink()
    assert "cannot be read" in checks(club, code=78)["federation"]["message"]
    del club.environment["FEDERATION_CONFIG"]
    assert checks(club)["federation"]["status"] == "skipped"


@pytest.mark.parametrize(
    ("library", "extra", "status"),
    [
        ("jmespath", "federation", "fault"),
        ("phonenumbers", "federation", "fault"),
        ("apprise", "notify", "fault"),
        ("standardwebhooks", "webhook", "warning"),
    ],
)
def test_doctor_names_an_extra_that_is_missing(
    club: Cli, tmp_path: Path, library: str, extra: str, status: str
) -> None:
    queue.configure(
        club,
        [JUDES],
        'phone_region = "IE"',
        'webhook_secret_env = "CLUB_SECRET"',
        more='notify_env = "ADMINS"\n',
    )
    club.environment |= {"ADMINS": "json://127.0.0.1:9/", "CLUB_SECRET": "s3cret-" * 6}
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {library!r}: raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    path = f"{hidden}:{club.environment['PYTHONPATH']}"
    result = club.process("doctor", "--json", env={"PYTHONPATH": path})
    assert result.err == ""
    (check,) = [one for one in result.json["checks"] if one["name"] == "federation"]
    assert (check["status"], result.code) == (status, 78 if status == "fault" else 0)
    assert f"trcpoints[{extra}]" in check["hint"]
    # Who has no federations does not need it.
    del club.environment["FEDERATION_CONFIG"]
    result = club.process("doctor", "--json", env={"PYTHONPATH": path})
    assert (result.code, result.json["healthy"]) == (0, True)
