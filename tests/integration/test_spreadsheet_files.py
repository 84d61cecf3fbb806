"""`members import` and `points import` of what spreadsheets and other programs write."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support import books
from tests.support.cli import Cli

ADA, BEN, CIA, DAN = "159962941502783488", "159962941502783489", "485020107559403521", "42"
ROUNDED = ("159962941502783000", "485020107559403000", "668035632475537000")
CASES = REPOSITORY.parent / "shared" / "cases" / "csv"


def take(cli: Cli, data: str | bytes, what: str = "members") -> dict[str, object]:
    """Import what must be sound; the document."""
    return cli.ok(what, "import", "-", stdin=data)


def refused(cli: Cli, data: str | bytes, what: str = "members") -> str:
    """Import what must be refused and change nothing; the message, and what to do."""
    before = books.everything(cli)
    result = cli(what, "import", "-", "--json", stdin=data)
    assert result.code == 65, (result.out, result.err)
    assert books.everything(cli) == before
    error = result.json["error"]
    return f"{error['message']}\n{error['hint']}"


def names(cli: Cli) -> dict[str, str]:
    """The name of each member by their Discord id."""
    return {one["discord_id"]: one["name"] for one in cli.ok("members", "export")["members"]}


TABLE = [["discord_id", "name", "email"], [ADA, "Áine “Zo”", "aine@example.org"]]


def as_csv(rows: list[list[str]], delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-16-le", ";"), ("cp1252", ";")],
)
def test_every_encoding_and_separator(sqlite_cli: Cli, encoding: str, delimiter: str) -> None:
    take(sqlite_cli, as_csv(TABLE, delimiter).encode(encoding))
    assert names(sqlite_cli) == {ADA: "Áine “Zo”"}
    marked = f"sep={delimiter}\r\n{as_csv(TABLE, delimiter)}"
    assert take(sqlite_cli, marked.encode(encoding))["unchanged"] == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_json_in_every_encoding(sqlite_cli: Cli, encoding: str) -> None:
    record = {"discord_id": ADA, "name": "Áine", "email": "aine@example.org"}
    for text in (json.dumps([record], ensure_ascii=False), json.dumps(record, ensure_ascii=False)):
        take(sqlite_cli, text.encode(encoding))
        assert names(sqlite_cli) == {ADA: "Áine"}


def test_empty_columns_and_rows_at_the_end(sqlite_cli: Cli) -> None:
    table = f"discord_id,name,,\r\n{ADA},Ada,,\r\n{BEN},Ben\r\n,,,\r\n,\r\n\r\n ,,\r\n"
    assert take(sqlite_cli, table)["created"] == 2
    assert take(sqlite_cli, f"discord_id,name\n{ADA},Ada\n,\n,\n")["records"] == 1
    found = refused(sqlite_cli, f"discord_id,name,,\n{ADA},Ada,,note\n,,,\n{BEN},Ben,,\n")
    assert "line 2: has 'note' under a column without a name" in found
    assert "line 3: names nobody" in found


@pytest.mark.parametrize("what", ["members", "points"])
@pytest.mark.parametrize(
    ("data", "words", "hint"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0", "is an Excel workbook (.xlsx)", "Save it as CSV"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
            "is an old Excel workbook (.xls)",
            "Save it as CSV",
        ),
        (b"<!DOCTYPE html>\n<title>Log in</title>", "a web page (HTML)", "in a browser"),
        (b"\xef\xbb\xbf\n  <html><table>", "a web page (HTML)", "in a browser"),
        (b"discord_id,name\n1,\x81\n", "line 2: is not text", "UTF-8"),
    ],
)
def test_what_is_not_csv_is_named(
    sqlite_cli: Cli, what: str, data: bytes, words: str, hint: str
) -> None:
    found = refused(sqlite_cli, data, what)
    assert words in found
    assert hint in found


@pytest.mark.parametrize("name", ["id", "user_id", "memberId"])
def test_the_id_of_another_system_is_not_ours(sqlite_cli: Cli, name: str) -> None:
    take(sqlite_cli, f"discord_id,name\n{ADA},Ada\n{BEN},Ben\n")
    table = f"{name},first_name,email\n1,Anna,anna@example.net\n2,Bea,bea@example.net\n"
    records = [{name: 1, "email": "anna@example.net"}, {"email": "b@example.net", name: "2"}]
    lines = "\n".join(map(json.dumps, records))
    for data in (table, json.dumps(records), lines, f"{name},Ime\n1,Anna\n"):
        assert "member_id is ours, discord_id is Discord's" in refused(sqlite_cli, data)
    # With the other faults of the file, not before them.
    both = refused(sqlite_cli, f"{name},email,membership_status\n1,nowhere,active\n")
    assert "unknown column 'membership_status'" in both
    assert "line 2: email 'nowhere'" in both
    assert names(sqlite_cli) == {ADA: "Ada", BEN: "Ben"}


def test_what_is_exported_comes_back(sqlite_cli: Cli) -> None:
    phone, address = "+353 86 123 4567", "=1 'Main' St"
    rows = [["discord_id", "name", "email", "phone", "address"]]
    rows += [[ADA, "Ada", "dan@exämple.org", phone, address], [DAN, "'Dan'", "", "", ""]]
    take(sqlite_cli, as_csv(rows))
    sqlite_cli.ok("members", "add", "--name", "Only a name")
    assert sqlite_cli("members", "export", "--output", "members.csv").code == 0
    before = books.everything(sqlite_cli)
    data = (sqlite_cli.folder / "members.csv").read_bytes()
    # As it is, and as a spreadsheet saves it again.
    again = as_csv(list(csv.reader(io.StringIO(data.decode(), newline=""))), "\t")
    for exported in (data, again.encode("utf-16"), b"sep=\t\r\n" + again.encode("utf-8")):
        assert take(sqlite_cli, exported)["unchanged"] == 3
    assert books.everything(sqlite_cli) == before


def test_discord_ids_that_were_rounded(sqlite_cli: Cli) -> None:
    take(sqlite_cli, f"discord_id,name\n{ADA},Ada\n{BEN},Ben\n")
    records = [{"discord_id": text, "name": "x"} for text in ROUNDED]
    files = (
        "discord_id,name\n" + "".join(f"{text},x\n" for text in ROUNDED),
        json.dumps(records),
        "\n".join(map(json.dumps, records)),
    )
    for data in files:
        found = refused(sqlite_cli, data)
        assert f"all 3 Discord ids end in zeros, like {ROUNDED[0]}" in found
        assert "a spreadsheet has rounded them; format the column as text" in found
    assert "1 line is wrong" in refused(sqlite_cli, files[0])
    # With the other faults, and not where one id shows that it is chance.
    both = refused(sqlite_cli, f"{files[0]}12x,Cia\n")
    assert "line 2: all 3 Discord ids" in both
    assert "line 5: discord_id '12x'" in both
    assert take(sqlite_cli, f"{files[0]}{CIA},Cia\n")["created"] == 4
    assert take(sqlite_cli, files[0].replace(ROUNDED[2], DAN))["records"] == 3


@pytest.mark.parametrize("text", ["1.59963E+17", "1,59963E+17", "159962941502783488.0"])
def test_one_id_in_another_notation(sqlite_cli: Cli, text: str) -> None:
    for found in (
        refused(sqlite_cli, f'discord_id;name\n"{text}";Ada\n'),
        refused(sqlite_cli, json.dumps([{"discord_id": text}])),
        refused(sqlite_cli, f"discord_id;points;source;key\n{text};1;intro;a\n", "points"),
        refused(sqlite_cli, f"member;points;source;key\n{text};1;intro;a\n", "points"),
        refused(sqlite_cli, f"member;points;source;key\ndiscord:{text};1;intro;a\n", "points"),
    ):
        assert f"'{text}' was rounded by a spreadsheet: format the column as text" in found
    result = sqlite_cli("members", "add", "--discord-id", text)
    assert (result.code, "was rounded by a spreadsheet" in result.err) == (65, True)


def test_json_numbers_that_were_rounded(sqlite_cli: Cli) -> None:
    for number in (159962941502783500, 2**53 + 1):
        assert "lost digits" in refused(sqlite_cli, f'[{{"discord_id": {number}}}]')
        award = f'{{"discord_id": {number}, "points": 1, "source": "intro", "key": "a"}}'
        assert "lost digits" in refused(sqlite_cli, award, "points")
    assert "should be text in quotes" in refused(sqlite_cli, '[{"discord_id": 1.59963e+17}]')


def test_awards_to_ids_that_were_rounded(sqlite_cli: Cli) -> None:
    rows = "".join(f"{text},x\n" for text in (*ROUNDED, CIA))
    take(sqlite_cli, f"discord_id,name\n{rows}")
    header = "member,points,source,key"
    awards = [f"discord:{text},1,intro,{text}" for text in ROUNDED]
    found = refused(sqlite_cli, "\n".join([header, *awards, ""]), "points")
    assert "line 2: all 3 Discord ids end in zeros" in found
    records = [{"discord_id": t, "points": 1, "source": "intro", "key": t} for t in ROUNDED]
    assert "a spreadsheet has rounded them" in refused(sqlite_cli, json.dumps(records), "points")
    # Several awards to two members are no three ids.
    twice = [f"{awards[place % 2]}{place}" for place in range(6)]
    assert take(sqlite_cli, "\n".join([header, *twice, ""]), "points")["awarded"] == 6
    mixed = [*awards, f"discord:{CIA},1,intro,{CIA}"]
    assert take(sqlite_cli, "\n".join([header, *mixed, ""]), "points")["awarded"] == 4


def test_awards_in_the_files_of_spreadsheets(sqlite_cli: Cli) -> None:
    take(sqlite_cli, f"discord_id,name\n{ADA},Ada\n")
    table = f"sep=;\r\nmember;points;source;key;;\r\ndiscord:{ADA};5;intro;ö;;\r\n;;;;;\r\n"
    for encoding in ("utf-16", "cp1252", "utf-8-sig"):
        take(sqlite_cli, table.encode(encoding), "points")
    assert books.ledger(sqlite_cli, ADA) == [5]


def test_a_record_that_names_nobody(sqlite_cli: Cli) -> None:
    sqlite_cli.ok("members", "add", "--name", "Dan")
    for data in (
        "name,phone\nDan,1\n",
        f"discord_id,name,email\n{ADA},Ada,\n,Total: 1,\n",
        '[{"name": "Dan", "subscription_status": "ACTIVE"}]',
        '{"name": "Dan"}',
        "[{}]",
    ):
        found = refused(sqlite_cli, data)
        assert "names nobody: no member_id, no discord_id and no email" in found
    assert take(sqlite_cli, "member_id,phone\n1,1\n")["updated"] == 1


def test_addresses_and_numbers_as_spreadsheets_keep_them(sqlite_cli: Cli) -> None:
    addresses = {
        "mailto:ada@example.org": "do you mean 'ada@example.org'?",
        "Ben <ben@example.org>": "do you mean 'ben@example.org'?",
        "cia@example.org; cia2@example.org": "has 2 addresses; give one of them",
    }
    rows = [["name", "email"], *([f"x{text}", text] for text in addresses)]
    found = refused(sqlite_cli, as_csv([*rows, ["Dan", "dan@exämple.org"]]))
    for line, (text, words) in enumerate(addresses.items(), start=2):
        assert f"line {line}: email '{text}'" in found
        assert words in found
        result = sqlite_cli("members", "add", "--email", text)
        assert (result.code, words in result.err) == (65, True)
    assert "line 5" not in found
    numbers = ["861234567", "3.53861E+11", "00353 86 123 4567", "=+353861234567", "#N/A"]
    rows = [["email", "phone"]]
    rows += [[f"m{place}@example.org", text] for place, text in enumerate(numbers)]
    found = refused(sqlite_cli, as_csv(rows))
    assert found.startswith("3 lines are wrong")
    for line, words in ((3, "rounded by a"), (5, "a formula of a"), (6, "an error that a")):
        assert f"line {line}: phone {numbers[line - 2]!r}" in found
        assert f"{words} spreadsheet" in found
    take(sqlite_cli, as_csv([["email", "phone"], ["dan@exämple.org", numbers[2]]]))
    result = sqlite_cli("members", "set", "dan@exämple.org", "--phone", numbers[1])
    assert (result.code, "rounded by a spreadsheet" in result.err) == (65, True)


REAL = {
    "app-export": "member_id is ours, discord_id is Discord's",
    "foreign-id-column": "line 1: unknown column 'id'; member_id is ours",
    "gym-export": "unknown column 'membership_status'",
    "gym-export-columns-removed": "1 line is wrong",
    "excel-15digits": "all 3 Discord ids end in zeros",
    "email-mailto": "3 lines are wrong",
    "phone-lost-zero": "2 lines are wrong",
    "xlsx": "is an Excel workbook (.xlsx)",
    "cp1252": "",
    "empty-rows": "",
    "sep-line": "",
    "trailing-commas": "",
    "utf16le": "",
}


@pytest.mark.skipif(not CASES.exists(), reason="the sample files are not here")
def test_sample_files(sqlite_cli: Cli) -> None:
    sqlite_cli.ok("members", "add", "--discord-id", CIA, "--name", "One")
    assert {file.stem for file in CASES.iterdir()} == REAL.keys()
    for file in map(Path, sorted(CASES.iterdir())):
        result = sqlite_cli("members", "import", str(file))
        assert result.code == (65 if REAL[file.stem] else 0), (file, result)
        assert REAL[file.stem] in result.err
        sqlite_cli.ok("points", "verify")
    assert names(sqlite_cli)[CIA] == "One"
