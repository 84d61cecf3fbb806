"""`members list`, `show` and `export`, and names that mean harm."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import books, large
from tests.support.cli import Cli
from tests.support.mee6 import show as show_board
from tests.support.peak import peak_of
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT = "101", "102", "103"
HOSTILE = [
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b2Jclear",
    "[bold red]markup[/] :smile: [/nope]",
    "\u202egnp.exe",
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(A1)",
    "'quoted'",
    'comma, "quote"; semicolon\ttab',
    "two\r\nlines\rof\ntext",
    "\u2028separator",
    "👩‍👩‍👧 family",
]


def take(cli: Cli, names: list[str]) -> None:
    records = [{"discord_id": str(101 + i), "name": name} for i, name in enumerate(names)]
    cli.ok("members", "import", "-", stdin=json.dumps(records))


def test_list_filters_and_counts(cli: Cli) -> None:
    books.link(cli, [ANN, BOB, CAT])
    cli.ok("members", "add", "--name", "Dan")
    books.change_member(cli, ANN, active=False)
    books.change_member(cli, BOB, left_at=datetime(2026, 1, 5, 12, tzinfo=UTC), xp_total=1234)

    def listed(*options: str) -> tuple[list[str], int]:
        document = cli.ok("members", "list", *options)
        assert document["schema"] == "trcpoints.members.list/1"
        return [member["member_id"] for member in document["members"]], document["total"]

    assert listed() == (["1", "2", "3", "4"], 4)
    assert listed("--limit", "2") == (["1", "2"], 4)
    assert listed("--inactive") == (["1"], 1)
    assert listed("--left") == (["2"], 1)
    assert listed("--unlinked") == (["4"], 1)
    assert listed("--unlinked", "--left") == ([], 0)
    result = cli("members", "list", "--limit", "2")
    assert "2 of 4 members" in result.out
    assert "inactive" in result.out
    result = cli("members", "list", "--left")
    assert "1,234" in result.out
    assert "1 of 1 member\n" in result.out
    assert cli("members", "list", "--limit", "0").code == 2


def test_show_has_the_newest_first(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB])
    for xp in (1000, 1250, 1100, 1500):
        show_board(mee6, {ANN: xp, BOB: 7})
        cli.ok("sync")
    document = cli.ok("members", "show", "1")
    assert document["schema"] == "trcpoints.members.show/1"
    assert [entry["points"] for entry in document["ledger"]] == [4, -1, 2]
    assert [record["xp_delta"] for record in document["activity"]] == [400, -150, 250, None]
    assert {entry["member_id"] for entry in document["ledger"]} == {"1"}
    assert document["ledger"][0]["sync_id"] == document["activity"][0]["sync_id"]
    assert document["ledger"][0]["occurred_at"].endswith("Z")
    assert document["member"]["points"] == 5
    document = cli.ok("members", "show", "1", "--limit", "1")
    assert [entry["points"] for entry in document["ledger"]] == [4]
    assert len(document["activity"]) == 1
    shown = cli("members", "show", "1").out
    for words in ("member 101", "1,500", "baseline", "+4", "-150", "discord"):
        assert words in shown


def test_hostile_names_reach_no_terminal(cli: Cli) -> None:
    take(cli, HOSTILE)
    outputs = [cli("members", "list")]
    for number in range(1, len(HOSTILE) + 1):
        outputs += [
            cli("members", "show", str(number)),
            cli("members", "set", str(number), "--phone", "1"),
            cli("members", "rebaseline", str(number)),
        ]
    for result in outputs:
        assert (result.code, result.err) == (0, "")
        for character in "\x1b\x07\x9b\u202e\u2028\r":
            assert character not in result.out
    assert "[bold red]markup[/] :smile: [/nope]" in outputs[7].out


def test_hostile_text_in_faults_reaches_no_terminal(cli: Cli) -> None:
    evil = "\x1b[31m\u202e\x9b"
    for arguments, stdin in (
        (["import", "-"], f"discord_id,{evil}\n{evil},1\n"),
        (["import", "-"], f"discord_id,email\n{evil},{evil}\n"),
        (["import", f"{evil}.csv"], ""),
        (["show", evil], ""),
        (["show", f"discord:{evil}"], ""),
        (["show", f"{evil}@b"], ""),
    ):
        result = cli("members", *arguments, stdin=stdin)
        assert result.code == 65
        for character in evil:
            assert character == "[" or character.isalnum() or character not in result.err


def test_export_is_what_import_reads(cli: Cli) -> None:
    take(cli, HOSTILE)
    cli.ok("members", "add", "--email", "home@example.org", "--phone", "+353 1")
    cli.ok("members", "add", "--email", "home@example.org", "--status", "past_due")
    before = books.everything(cli)
    as_json = json.dumps(cli.ok("members", "export"))
    as_csv = cli("members", "export").out
    for exported in (as_json, as_csv):
        document = cli.ok("members", "import", "-", stdin=exported)
        assert document["unchanged"] == document["records"] == len(HOSTILE) + 2
    assert books.everything(cli) == before
    rows = list(csv.DictReader(io.StringIO(as_csv, newline="")))
    assert rows[4]["name"] == "'=HYPERLINK(1)"
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
    assert rows[0]["active"] == "true"
    assert list(rows[0]) == list(json.loads(as_json)["members"][0])


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from("=+-@'\t\r\n\",;"),
    max_size=30,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(NAMES, min_size=1, max_size=8))
def test_any_name_survives_export_and_import(cli: Cli, names: list[str]) -> None:
    take(cli, names)
    exported = cli("members", "export").out
    shown = [member["name"] for member in cli.ok("members", "export")["members"]]
    assert shown[: len(names)] == [name.strip() or None for name in names]
    wiped = "\n".join(["discord_id,name", *(f"{101 + i}," for i in range(len(names)))])
    cli.ok("members", "import", "-", stdin=wiped)
    cli.ok("members", "import", "-", stdin=exported)
    again = [member["name"] for member in cli.ok("members", "export")["members"]]
    assert again == shown


def test_export_to_a_file_is_private_and_whole(cli: Cli) -> None:
    take(cli, ["Ann"])
    file = cli.folder / "members.csv"
    file.write_text("older")
    file.chmod(0o644)
    result = cli("members", "export", "--output", "members.csv")
    assert (result.code, result.out) == (0, "members.csv: 1 member written\n")
    assert file.read_bytes().decode() == cli("members", "export").out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    document = cli.ok("members", "export", "--output", "members.json")
    assert document == {
        "schema": "trcpoints.output/1",
        "status": "completed",
        "output": "members.json",
        "format": "json",
        "records": 1,
    }
    assert json.loads((cli.folder / "members.json").read_text()) == cli.ok("members", "export")
    assert sorted(path.name for path in cli.folder.iterdir()) == ["members.csv", "members.json"]


def test_export_follows_a_link_and_keeps_it(cli: Cli) -> None:
    take(cli, ["Ann"])
    (cli.folder / "link.csv").symlink_to("real.csv")
    assert cli("members", "export", "--output", "link.csv").code == 0
    assert (cli.folder / "link.csv").is_symlink()
    assert (cli.folder / "real.csv").read_text().startswith("member_id,")


@pytest.mark.parametrize("output", [".", "pipe", "no/such/folder.csv", "file/below.csv"])
def test_export_that_cannot_be_written(cli: Cli, output: str) -> None:
    take(cli, ["Ann"])
    (cli.folder / "file").write_text("kept")
    # It stands for a device: one of the machine's own would be lost to a fault, for root.
    os.mkfifo(cli.folder / "pipe")
    result = cli("members", "export", "--output", output, "--json")
    assert result.code == 74
    assert result.json["error"]["code"] == "output_failed"
    assert result.json["error"]["hint"]
    assert sorted(path.name for path in cli.folder.iterdir()) == ["file", "pipe"]
    assert (cli.folder / "file").read_text() == "kept"
    assert (cli.folder / "pipe").is_fifo()


def test_csv_on_a_terminal_is_harmless(cli: Cli) -> None:
    take(cli, ["\x1b[31mred\u202e"])
    leader, follower = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "trcpoints", "members", "export"],
        cwd=cli.folder,
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        check=True,
    )
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert "\ufffd[31mred\ufffd" in shown
    assert "\x1b" not in shown


def test_reading_needs_a_database(cli: Cli, tmp_path: Path) -> None:
    cli.environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/none.db"
    for command in (["list"], ["show", "1"], ["export"]):
        assert cli("members", *command).code == 78
    assert not (tmp_path / "none.db").exists()
    assert cli("members", "add", "--name", "Ann").code == 0


@pytest.mark.slow
def test_memory_does_not_grow_with_the_members_of_an_export(cli: Cli) -> None:
    # More than a driver fetches at once, and three times as many.
    peaks = []
    for members in (25_000, 75_000):
        large.write_members(cli.folder / "roster.csv", members)
        cli.ok("members", "import", "roster.csv")
        peaks.append(
            [
                peak_of(cli, "members", "export", "-q", "--output", "members", *form)
                for form in ([], ["--json"])
            ]
        )
    grown = [more - few for few, more in zip(*peaks, strict=True)]
    assert max(grown) < 4 * 2**20, grown
