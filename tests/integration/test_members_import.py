"""`members import`: who is found, what is changed, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import books
from tests.support.cli import Cli
from trcpoints.errors import InvalidRecords

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT = "101", "102", "103"
HEADER = "discord_id,name,email,subscription_status"


def take(cli: Cli, *lines: str) -> tuple[int, int, int]:
    """Import lines of CSV; how many were created, updated and unchanged."""
    document = cli.ok("members", "import", "-", stdin="\n".join(lines))
    assert document["schema"] == "trcpoints.members.import/1"
    assert document["records"] == sum(document[k] for k in ("created", "updated", "unchanged"))
    return document["created"], document["updated"], document["unchanged"]


def refused(cli: Cli, *lines: str | bytes) -> str:
    """Import lines that must be refused as a whole; the message."""
    before = books.everything(cli)
    data = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    result = cli("members", "import", "-", "--json", stdin=data)
    assert result.code == InvalidRecords.exit_code, (result.out, result.err)
    assert result.json["error"]["code"] == "invalid_records"
    assert books.everything(cli) == before
    message: str = result.json["error"]["message"]
    return message


def members(cli: Cli) -> list[dict[str, Any]]:
    """All members, as exported."""
    found: list[dict[str, Any]] = cli.ok("members", "export")["members"]
    return found


def test_new_members_are_active_unless_said(cli: Cli) -> None:
    assert take(cli, HEADER, f"{ANN},Ann,Ann@Example.org,", "102,Bob,,trialing") == (2, 0, 0)
    take(cli, "discord_id", CAT)
    ann, bob, cat = members(cli)
    assert ann["subscription_status"] == "NONE"
    assert ann["email"] == "ann@example.org"
    assert bob["subscription_status"] == "TRIALING"
    assert bob["email"] is None
    assert cat["subscription_status"] == "ACTIVE"
    for member in (ann, bob, cat):
        assert member["active"] is True
        assert (member["points"], member["carry"], member["xp_total"]) == (0, 0, None)
        assert member["created_at"] == member["updated_at"]


def test_the_same_file_again_writes_nothing(cli: Cli) -> None:
    file = [
        f"{HEADER},date_of_birth",
        f" {ANN} , Ann  Lee ,ANN@example.org,Past_Due,1990-12-31",
        ",Bob,bob@example.org,,",
        f"{CAT},,ann@example.org,,",
    ]
    assert take(cli, *file) == (3, 0, 0)
    before = books.everything(cli)
    assert take(cli, *file) == (0, 0, 3)
    assert books.everything(cli) == before
    assert members(cli)[0]["name"] == "Ann  Lee"


def test_only_what_changed_is_touched(cli: Cli) -> None:
    take(cli, HEADER, f"{ANN},Ann,,", f"{BOB},Bob,,")
    before = members(cli)
    assert take(cli, "discord_id,name", f"{ANN},Anna", f"{BOB},Bob") == (0, 1, 1)
    ann, bob = members(cli)
    assert ann["name"] == "Anna"
    assert ann["updated_at"] > before[0]["updated_at"]
    assert ann["created_at"] == before[0]["created_at"]
    assert bob == before[1]


def test_an_absent_column_stays_and_an_empty_cell_clears(cli: Cli) -> None:
    take(cli, f"{HEADER},phone,address", f"{ANN},Ann,a@example.org,TRIALING,+353 1,Main St")
    assert take(cli, "discord_id,phone", f"{ANN},") == (0, 1, 0)
    [ann] = members(cli)
    assert ann["phone"] is None
    assert (ann["name"], ann["email"], ann["address"]) == ("Ann", "a@example.org", "Main St")
    assert ann["subscription_status"] == "TRIALING"
    take(cli, "discord_id,email,subscription_status,address", f"{ANN},, ,  ")
    [ann] = members(cli)
    assert (ann["email"], ann["subscription_status"], ann["address"]) == (None, "NONE", None)


def test_a_name_that_is_made_of_the_others_follows(cli: Cli) -> None:
    header = "discord_id,name,first_name,last_name"
    take(cli, header, f"{ANN},Ann Lee,Ann,Lee", f"{BOB},Bobby,Bob,Ray", f"{CAT},Cat Day,Cat,Day")
    lines = "discord_id,first_name", f"{ANN},Anna", f"{BOB},Robert", f"{CAT},Cat"
    assert take(cli, *lines) == (0, 2, 1)
    assert [member["name"] for member in members(cli)] == ["Anna Lee", "Bobby", "Cat Day"]
    # What the file says of the name stays, and nobody has set by hand what only follows.
    given = f"{ANN},Anna Lee,Ann,Lee", f"{BOB},Bob R.,Bob,Ray", f"{CAT},,,Dee"
    assert take(cli, header, *given) == (0, 3, 0)
    before = books.everything(cli)
    assert take(cli, header, *given) == (0, 0, 3)
    assert books.everything(cli) == before
    assert [member["name"] for member in members(cli)] == ["Anna Lee", "Bob R.", None]
    take(cli, "discord_id,last_name", f"{CAT},Dunne")
    assert members(cli)[2]["name"] is None
    take(cli, "discord_id,first_name", "104,Dan")
    assert members(cli)[3]["name"] is None  # as with `members add`


def test_a_name_that_follows_is_set_by_nobody(cli: Cli) -> None:
    cli.ok("members", "add", "--discord-id", ANN, "--by", "eve")
    cli.ok("members", "import", "-", "--by", "eve", stdin=f"discord_id,last_name\n{ANN},Lee\n")
    shown = cli.ok("members", "show", "1")
    assert shown["member"]["name"] == "Lee"
    assert [edit["field"] for edit in shown["edits"]] == ["discord_id", "last_name"]


def test_members_are_found_by_id_then_account_then_email(cli: Cli) -> None:
    take(cli, HEADER, f"{ANN},Ann,ann@example.org,", ",Bob,bob@example.org,", f"{CAT},Cat,,")
    by_id, by_account, by_email = (
        ("member_id,email", "1,new@example.org"),
        ("discord_id,email", f"{ANN},newer@example.org"),
        ("email,name", "NEWER@example.org,Anna"),
    )
    for lines in (by_id, by_account, by_email):
        assert take(cli, *lines) == (0, 1, 0)
    assert take(cli, "discord_id,phone", f"{CAT},1") == (0, 1, 0)
    assert take(cli, "member_id,name,email", "2,Bobby,", "3,Cathy,ann@example.org") == (0, 2, 0)
    ann, bob, cat = members(cli)
    assert (ann["name"], ann["email"]) == ("Anna", "newer@example.org")
    assert (bob["name"], bob["email"]) == ("Bobby", None)
    assert (cat["name"], cat["email"], cat["phone"]) == ("Cathy", "ann@example.org", "1")


def test_an_account_links_the_one_unlinked_member_of_its_email(cli: Cli) -> None:
    take(cli, HEADER, ",Ann,home@example.org,")
    assert take(cli, "discord_id,email", f"{ANN},home@example.org") == (0, 1, 0)
    # Ann is linked now: another account at the same address is another person.
    assert take(cli, "discord_id,email", f"{BOB},home@example.org") == (1, 0, 0)
    assert [member["discord_id"] for member in members(cli)] == [ANN, BOB]


def test_every_fault_is_named_with_its_line(cli: Cli) -> None:
    take(cli, HEADER, f"{ANN},Ann,home@example.org,", f"{BOB},Bob,home@example.org,")
    message = refused(
        cli,
        "member_id,discord_id,name,email,subscription_status,date_of_birth",
        "99,,no such member,,,",
        ",12x,bad account,,,",
        ",,bad e-mail,nowhere,,",
        ",201,bad status,,PAID,",
        ",202,bad date,,,31/12/1990",
        ",203,no such day,,,2025-02-29",
        ",,,,,",
        ",,shared,home@example.org,,",
        f"1,{BOB},taken,,,",
        ",204,fine,,,",
        ",204,same account,,,",
        f",{ANN},first,,,",
        "1,,second,,,",
        ",,Twin,,,",
        ",,Twin,,,",
        ",,one,two@example.org,,",
        ",,two,two@example.org,,",
        b",205,nul \0,,,",
        ",206,too,many,cells,,,",
        "x,,bad id,,,",
        ",0,zero,,,",
        f",{'9' * 21},long,,,",
        ",,esc,a@b.c\x1b[31m,,",
        ",207,week date,,,2025-W01-1",
    )
    expected = {
        2: "no member '99'",
        3: "discord_id '12x'",
        4: "email 'nowhere'",
        5: "'PAID' should be one of NONE, TRIALING, ACTIVE, PAST_DUE, CANCELLED",
        6: "date_of_birth '31/12/1990'",
        7: "date_of_birth '2025-02-29'",
        8: "names nobody: no member_id, no discord_id and no email",
        9: "shared by members 1, 2",
        10: "linked to member 2 already",
        12: "204 is in line 11",
        14: "member 1, as line 13",
        15: "names nobody",
        16: "names nobody",
        17: "'two@example.org' is in several",
        18: "'two@example.org' is in several",
        19: "NUL",
        20: "cells",
        21: "no member 'x'",
        22: "discord_id '0'",
        23: "discord_id '999",
        24: "email 'a@b.c\\x1b[31m'",
        25: "date_of_birth '2025-W01-1'",
    }
    first, *told = message.split("\n")
    assert first == f"{len(expected)} lines are wrong in stdin; nothing was imported."
    assert len(told) == len(expected)
    for (line, words), said in zip(expected.items(), told, strict=True):
        assert said.strip().startswith(f"line {line}: ")
        assert words in said


def test_one_bad_line_keeps_everything_out(cli: Cli) -> None:
    take(cli, "discord_id,name", f"{ANN},Ann")
    message = refused(cli, "discord_id,name", f"{ANN},Anna", f"{BOB},Bob", "oops,Cat")
    assert "line 4" in message
    assert len(members(cli)) == 1


def test_records_of_an_array_are_numbered(cli: Cli) -> None:
    message = refused(cli, json.dumps([{"discord_id": ANN}, {"discord_id": ANN}], indent=1))
    assert "1 record is wrong" in message
    assert f"record 2: Discord account {ANN} is in record 1 already" in message


def test_a_discord_id_that_lost_digits(cli: Cli) -> None:
    message = refused(cli, '{"discord_id": 159962941502783488}')
    assert "lost digits" in message


def test_ids_beyond_the_database(cli: Cli) -> None:
    for number in ("0", "-1", "9223372036854775808", "9" * 900, "١"):
        assert "there is no member" in refused(cli, "member_id,name", f"{number},x")


def test_linking_another_account_forgets_what_the_sync_knew(cli: Cli) -> None:
    take(cli, HEADER, f"{ANN},Ann,ann@example.org,")
    seen = {
        "xp_total": 5000,
        "quiet": True,
        "absences": 1,
        "deferrals": 2,
        "rebaseline": True,
        "points": 7,
        "carry": -30,
        "left_at": books.members(cli)[ANN].created_at,
    }
    sync_state = [name for name in seen if name not in ("points", "carry")]

    def state(account: str) -> dict[str, object]:
        member = books.members(cli)[account]
        assert (member.points, member.carry) == (7, -30)
        return {name: getattr(member, name) for name in sync_state}

    fresh = {
        "xp_total": None,
        "quiet": False,
        "absences": 0,
        "deferrals": 0,
        "rebaseline": False,
        "left_at": None,
    }
    known = {name: seen[name] for name in sync_state}
    books.change_member(cli, ANN, **seen)
    # The same account, however it is spelt, is no new link.
    assert take(cli, "discord_id,name", f"  {ANN}\t,Ann") == (0, 0, 1)
    assert take(cli, "member_id,discord_id,name", f"1, {ANN} ,Anna") == (0, 1, 0)
    assert state(ANN) == known
    take(cli, "member_id,discord_id,phone", f"1,{BOB},1")
    assert state(BOB) == fresh
    books.change_member(cli, BOB, **seen)
    take(cli, "member_id,discord_id", "1,")
    assert members(cli)[0]["discord_id"] is None
    assert members(cli)[0]["xp_total"] is None
    take(cli, "email,discord_id", f"ann@example.org,{BOB}")
    assert state(BOB) == fresh


def test_forms_of_input(cli: Cli, tmp_path: Path) -> None:
    file = cli.folder / "members.csv"
    file.write_bytes("\ufeffdiscord_id;name\r\n101;Zoë\r\n".encode())
    assert cli.ok("members", "import", "members.csv")["created"] == 1
    assert cli.ok("members", "import", str(file))["unchanged"] == 1
    ndjson = '{"discord_id": "102", "name": "Bob"}\n{"discord_id": 103}\n'
    assert cli.ok("members", "import", "-", stdin=ndjson)["created"] == 2
    result = cli("members", "import", "nothing.csv")
    assert result.code == 65
    assert "There is no file nothing.csv." in result.err
    assert "->" in result.err
    result = cli("members", "import", "-")
    assert result.code == 65
    assert "stdin is empty" in result.err


def test_a_person_reads_one_line(cli: Cli) -> None:
    result = cli("members", "import", "-", stdin="email\nann@example.org\n")
    assert (result.code, result.err) == (0, "")
    assert result.out == "stdin: 1 record; 1 created, 0 updated, 0 unchanged\n"
    result = cli("members", "import", "-", "--quiet", stdin="email\nbob@example.org\n")
    assert (result.code, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize("wrong", ["member_id,nmae", "discord_id,points"])
def test_columns_that_cannot_be_imported(cli: Cli, wrong: str) -> None:
    assert "line 1: " in refused(cli, wrong, "1,2")


@pytest.mark.parametrize(("stdin", "reason"), [("<&-", "is empty"), ("0>out", "cannot be read")])
def test_an_input_that_cannot_be_read(sqlite_cli: Cli, stdin: str, reason: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m trcpoints members import - --json {stdin}"],
        env=sqlite_cli.environment,
        cwd=sqlite_cli.folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 65
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "data_refused"
    assert error["message"].startswith(f"stdin {reason}")
