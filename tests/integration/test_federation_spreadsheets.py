"""Connectors to what spreadsheets and other programs write, by the real commands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.support import books, queue
from tests.support.cli import Cli
from tests.support.federation import ORGANIZATION
from trcpoints.demo.federation import SimulatedFederation

CASES = REPOSITORY.parent / "shared" / "cases" / "fed"
ADA = "159962941502783488"
ROUNDED = ("159962941502783000", "485020107559403000", "668035632475537000")
HEADER = "memberId,firstName,lastName,mail,discord,phone,dob,status"
ROW = f"M1,Ada,B,ada@example.org,{ADA},,,paid"
FIELDS = """
[connectors.club.fields]
external_id = "memberId"
first_name = "firstName"
last_name = "lastName"
email = "mail"
discord_id = "discord"
phone = "phone"
date_of_birth = "dob"
subscription_status = "status"
[connectors.club.values.subscription_status]
paid = "ACTIVE"
"""


def export(cli: Cli, data: str | bytes, *lines: str) -> None:
    """Let the club's file have this content; `lines` go to the connector's table."""
    queue.configure(cli, [ORGANIZATION], *lines, more=FIELDS)
    text = data.encode() if isinstance(data, str) else data
    (cli.folder / f"{ORGANIZATION}.csv").write_bytes(text)


def synced(cli: Cli, data: str | bytes, *lines: str) -> dict[str, Any]:
    """Sync a file that must be read; its run, with the reasons of `rejections`."""
    export(cli, data, *lines)
    (run,) = cli.ok("federation", "sync")["runs"]
    shown = cli.ok("history", "show", run["run_id"])["run"]
    return {**run, "rejections": [one["reason"] for one in shown["stats"]["rejections"]]}


def refused(cli: Cli, data: str | bytes, *lines: str) -> str:
    """Sync a file that must be refused, by `check` too; the message, and what to do."""
    export(cli, data, *lines)
    before = books.everything(cli)["Member"]
    for command in ("check", "sync"):
        result = cli("federation", command, "--json")
        assert result.code == 65, (command, result)
    assert books.everything(cli)["Member"] == before
    error = result.json["error"]
    return f"{error['message']}\n{error['hint']}"


def names(cli: Cli) -> list[str]:
    return [one["name"] for one in cli.ok("members", "export")["members"]]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8-sig", ","), ("utf-16", "\t"), ("utf-16-le", ";"), ("cp1252", ";")],
)
def test_every_encoding_and_separator(sqlite_cli: Cli, encoding: str, delimiter: str) -> None:
    table = f"{HEADER}\r\n{ROW.replace('Ada', 'Áine')}\r\n".replace(",", delimiter)
    assert synced(sqlite_cli, table.encode(encoding))["created"] == 1
    assert names(sqlite_cli) == ["Áine B"]
    marked = f"sep={delimiter}\r\n{table}"
    assert synced(sqlite_cli, marked.encode(encoding))["unchanged"] == 1


def test_empty_columns_and_rows(sqlite_cli: Cli) -> None:
    run = synced(sqlite_cli, f"{HEADER},,\r\n{ROW},,\r\n,,,,,,,,,\r\n,,\r\n")
    assert (run["created"], run["rejected"]) == (1, 0)
    run = synced(sqlite_cli, f"{HEADER},,\n{ROW},,see below\nM2,Ben,,b@example.org,,,,,,\n")
    assert run["rejections"] == ["line 2 has 'see below' under a column without a name"]
    assert names(sqlite_cli) == ["Ada B", "Ben"]


def test_titles_above_the_header(sqlite_cli: Cli) -> None:
    titled = f"Members of St Jude's,,,,,,,\n\n{HEADER}\n{ROW}\n"
    assert synced(sqlite_cli, titled, "skip_lines = 1")["created"] == 1
    more = f"sep=,\nA title\n\n{HEADER}\n{ROW}\n"
    assert synced(sqlite_cli, more, "skip_lines = 2")["unchanged"] == 1
    # Where only some columns are not there, it is no title.
    export(sqlite_cli, f"{HEADER.replace('mail', 'e-mail')}\n{ROW}\n")
    assert "skip_lines" not in sqlite_cli("federation", "check").err
    found = refused(sqlite_cli, titled)
    assert "column 'memberId' named in [connectors.club.fields]" in found
    assert "skip_lines = 1 in [connectors.club]" in found


@pytest.mark.parametrize("value", ["-1", "1001", '"1"', "true"])
def test_lines_to_skip_are_a_number(sqlite_cli: Cli, value: str) -> None:
    export(sqlite_cli, f"{HEADER}\n{ROW}\n", f"skip_lines = {value}")
    result = sqlite_cli("federation", "check")
    assert result.code == 78
    assert "skip_lines: should be a whole number from 0 to 1,000" in result.err


def test_a_footer_is_no_member(cli: Cli) -> None:
    for night, total in enumerate(("Total: 1", "Total: 2", "Total: 2")):
        run = synced(cli, f"{HEADER}\n{ROW}\n{total},,,,,,,\n")
        assert (run["created"], run["rejected"]) == (int(night == 0), 1)
        assert run["rejections"] == ["names nobody: it has no e-mail, no Discord id and no name"]
        assert names(cli) == ["Ada B"]
    run = synced(cli, f"{HEADER}\n{ROW}\nTotal:,3,,,,353861234567,,\nM2,,,,,,,paid\n")
    assert (run["created"], run["rejected"]) == (0, 2)
    # One thing that tells a person is enough, and a record that is known may lose it all.
    more = "M3,,Cat,,,,,\nM4,,,d@example.org,,,,\nM5,,,,485020107559403521,,,\n"
    assert synced(cli, f"{HEADER}\n{ROW}\n{more}")["created"] == 3
    bare = synced(cli, f"{HEADER}\n{ROW}\nM3,,,,,,,\n{more[more.index('M4') :]}")
    assert (bare["updated"], bare["rejected"]) == (1, 0)


def test_a_line_that_is_no_row_is_one_rejected_record(sqlite_cli: Cli) -> None:
    rows = [f"M{place},Name{place},,m{place}@example.org,,,,paid" for place in range(1, 7)]
    assert synced(sqlite_cli, "\n".join([HEADER, *rows, ""]))["created"] == 6
    rows[1] += ",one,too many"
    rows[3] = 'M4,"Name4,,m4@example.org,,,,paid'
    rows[4] = 'M5,"Na"me5,,m5@example.org,,,,paid'
    run = synced(sqlite_cli, "\n".join([HEADER, *rows, ""]))
    assert (run["unchanged"], run["rejected"], run["missing"]) == (3, 3, 3)
    assert run["rejections"] == [
        "line 3 has 10 cells where the header has 8",
        'line 5 not CSV: it opens a quote (") that is not closed',
        "line 6 not CSV: ',' expected after '\"'",
    ]
    shown = sqlite_cli.ok("federation", "check")["sources"][0]
    assert (shown["read"], shown["rejected"]) == (6, 3)


def test_many_such_lines_are_the_guard_s(sqlite_cli: Cli) -> None:
    rows = [f"M{place},Name{place},,m{place}@example.org,,,,paid" for place in range(1, 7)]
    assert synced(sqlite_cli, "\n".join([HEADER, *rows, ""]))["created"] == 6
    export(sqlite_cli, "\n".join([HEADER, *(f"{row}," + "x" for row in rows[:4]), *rows[4:], ""]))
    result = sqlite_cli("federation", "sync", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "mass_change")


def test_a_file_that_breaks_off_is_no_reading(sqlite_cli: Cli) -> None:
    export(sqlite_cli, f"{HEADER}\n{ROW}\nM2,Ben,,b@exam")
    result = sqlite_cli("federation", "sync", "--json")
    assert result.code == 65
    assert (
        "line 3: has 4 cells where the header has 8: the file breaks off there"
        in (result.json["error"]["message"])
    )
    # It may have been read while it was written.
    assert [job.status for job in queue.jobs(sqlite_cli)] == ["pending"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0", "is an Excel workbook (.xlsx)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "is an old Excel workbook (.xls)"),
        (b"<!DOCTYPE html>\n<title>Log in</title>\n", "like a web page (HTML)"),
        (f"{HEADER}\n{ROW}\n".encode() + b"\x81\n", "is not text from here on"),
    ],
)
def test_what_is_not_csv_is_named(sqlite_cli: Cli, data: bytes, words: str) -> None:
    assert words in refused(sqlite_cli, data)


def ids(texts: list[str]) -> str:
    rows = [f"M{place},Ann{place},,,{text},,," for place, text in enumerate(texts)]
    return "\n".join([HEADER, *rows, ""])


def test_rounded_ids_refuse_the_whole_reading(cli: Cli) -> None:
    real = [ADA, "485020107559403521", "668035632475537408"]
    assert synced(cli, ids(real))["created"] == 3
    found = refused(cli, ids(list(ROUNDED)))
    assert f"club/{ORGANIZATION}: all 3 Discord ids end in zeros, like {ROUNDED[0]}" in found
    assert "a spreadsheet has rounded them; format the column as text" in found
    # No retry can help.
    assert [(job.status, job.retry_count) for job in queue.jobs(cli)][1:] == [("failed", 0)]
    assert sorted(one["discord_id"] for one in cli.ok("members", "export")["members"]) == real


def test_an_id_in_another_notation_is_one_rejected_record(sqlite_cli: Cli) -> None:
    run = synced(sqlite_cli, ids(["1.59963E+17", *ROUNDED[:2], ADA]))
    assert (run["created"], run["rejected"]) == (3, 1)
    assert "'1.59963E+17' was rounded by a spreadsheet" in run["rejections"][0]


def test_addresses_and_numbers_as_spreadsheets_keep_them(sqlite_cli: Cli) -> None:
    rows = [
        "M1,Ada,,mailto:ada@example.org,,,,",
        "M2,Ben,,,,3.53861E+11,,",
        "M3,Cia,,,,=+353861234567,,",
        "M4,Dan,,dan@exämple.org,,00353 86 123 4567,,",
        "M5,#N/A,,,,,,",
    ]
    run = synced(sqlite_cli, "\n".join([HEADER, *rows, ""]), 'phone_region = "IE"')
    assert (run["created"], run["rejected"]) == (1, 4)
    for reason, words in zip(
        run["rejections"], ("do you mean", "rounded by", "a formula of", "an error"), strict=True
    ):
        assert words in reason
    (dan,) = sqlite_cli.ok("members", "export")["members"]
    assert (dan["email"], dan["phone"]) == ("dan@exämple.org", "+353861234567")


REAL: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {
    "sep": ((), {"unchanged": 1, "rejected": 0}),
    "title": (("skip_lines = 1",), {"unchanged": 1, "rejected": 0}),
    "totals-row": ((), {"unchanged": 1, "rejected": 1}),
    "trailing-empty-cols": ((), {"unchanged": 1, "rejected": 0}),
}


@pytest.mark.skipif(not CASES.exists(), reason="the sample files are not here")
def test_sample_files(sqlite_cli: Cli) -> None:
    assert {file.stem for file in CASES.iterdir()} == REAL.keys()
    assert synced(sqlite_cli, f"{HEADER}\n{ROW}\n")["created"] == 1
    for file in sorted(CASES.iterdir()):
        lines, counts = REAL[file.stem]
        run = synced(sqlite_cli, file.read_bytes(), *lines)
        assert {name: run[name] for name in counts} == counts, file
    assert names(sqlite_cli) == ["Ada B"]


@pytest.mark.parametrize("kind", [str, int])
def test_rounded_ids_in_json(sqlite_cli: Cli, kind: type) -> None:
    with SimulatedFederation({ORGANIZATION: 4}) as server:
        server.token = None
        place = f'kind = "http-json"\nurl = "{server.url}"\nrecords = "data[*]"'
        fields = FIELDS.replace('"mail"', '"contact.email"').replace('phone = "phone"', "")
        queue.configure(sqlite_cli, [ORGANIZATION], place=place, more=fields)
        for record, text in zip(
            server.members.all(ORGANIZATION), (*ROUNDED, "159962941502784000"), strict=True
        ):
            server.members.change(ORGANIZATION, str(record["memberId"]), discord=kind(text))
        for command in ("check", "sync"):
            result = sqlite_cli("federation", command, "--json")
            assert result.code == 65
            assert "all 4 Discord ids end in zeros" in result.json["error"]["message"]
        assert names(sqlite_cli) == []
        (job,) = queue.jobs(sqlite_cli)
        assert (job.status, job.retry_count) == ("failed", 0)
