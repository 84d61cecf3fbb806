"""Reading a federation's CSV, from a file and over HTTP, as spreadsheets write it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import books, queue
from tests.support.cli import Cli
from tests.support.federation import (
    ORGANIZATION,
    QUICK,
    TOKEN_ENV,
    Record,
    connector,
    csv_toml,
    now,
    patience,
    read,
    read_any,
)
from trcpoints.demo.federation import TOKEN, SimulatedFederation
from trcpoints.demo.federation_faults import FederationFault
from trcpoints.demo.federation_members import CSV_COLUMNS, as_csv, invent
from trcpoints.errors import (
    DataRefused,
    InvalidRecords,
    OutputFailed,
    RateLimited,
    SourceInvalid,
    SourceRefused,
    SourceUnavailable,
    TrcpointsError,
)
from trcpoints.federation.connectors import open_source
from trcpoints.federation.mapping import UnreadableRecord

F = FederationFault
ANY = {"external_id": "not_null(memberId)", "first_name": "not_null(firstName)"}
"""A mapping that asks for no column."""

FILE = csv_toml('path = "{organization}.csv"', token=False, fields=ANY)
PEOPLE = [("M1", "Gráinne Ó Dea"), ("M2", "Zoë “Zo” Ahern"), ("M3", "Søren, the\r\nsecond")]


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedFederation]:
    with SimulatedFederation() as server:
        yield server


@pytest.fixture
def federation(running: SimulatedFederation) -> SimulatedFederation:
    """A federation that behaves, with 25 members in st-judes."""
    running.behave()
    running.csv_delimiter, running.csv_encoding = ",", "utf-8"
    running.requests.clear()
    return running


def read_file(folder: Path, data: bytes, *more: str) -> list[Record]:
    (folder / f"{ORGANIZATION}.csv").write_bytes(data)
    place = ('path = "{organization}.csv"', *more)
    return read(connector(folder, csv_toml(*place, token=False, fields=ANY)))


def faults(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(InvalidRecords) as caught:
        read_file(folder, text.encode())
    assert caught.value.exit_code == 65
    assert "the CSV of gaa/st-judes" in caught.value.message
    assert caught.value.hint
    return caught.value.faults


def text_of(people: list[tuple[str, str]], delimiter: str, newline: str) -> str:
    rows = [("memberId", "firstName"), *people]
    return newline.join(delimiter.join(f'"{cell}"' for cell in row) for row in rows) + newline


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_spreadsheets_write(
    tmp_path: Path, delimiter: str, newline: str, encoding: str
) -> None:
    data = text_of(PEOPLE, delimiter, newline).encode(encoding)
    expected = [{"memberId": member, "firstName": name} for member, name in PEOPLE]
    assert read_file(tmp_path, data) == expected


def test_utf_16_with_the_other_mark(tmp_path: Path) -> None:
    data = b"\xfe\xff" + text_of(PEOPLE, ";", "\n").encode("utf-16-be")
    assert [row["firstName"] for row in read_file(tmp_path, data)] == [name for _, name in PEOPLE]


def test_what_is_configured_counts(tmp_path: Path) -> None:
    data = "memberId|a;b,c\nM1|Łukasz\n".encode("cp1250")
    assert read_file(tmp_path, data, 'delimiter = "|"', 'encoding = "cp1250"') == [
        {"memberId": "M1", "a;b,c": "Łukasz"}
    ]
    marked = b"\xef\xbb\xbfmemberId\nM1\n"
    assert read_file(tmp_path, marked, 'encoding = "utf-8"') == [{"memberId": "M1"}]


def test_a_character_on_the_border_of_two_portions(tmp_path: Path) -> None:
    # The encoding is looked for in portions of a power of two.
    rows = "".join(f"M{place},{'é' * 1000}\n" for place in range(500))
    for shift in ("n", "nn"):
        data = f"memberId,{shift}\n{rows}".encode()
        assert {row[shift] for row in read_file(tmp_path, data)} == {"é" * 1000}


def test_a_last_character_without_an_end_of_line(tmp_path: Path) -> None:
    assert read_file(tmp_path, "memberId\nRené".encode("cp1252")) == [{"memberId": "René"}]


def test_damaged_utf_8_is_not_taken_for_something_else(tmp_path: Path) -> None:
    data = text_of(PEOPLE * 5, ",", "\n").encode()
    with pytest.raises(DataRefused, match="neither UTF-8 nor Windows-1252"):
        read_file(tmp_path, data.replace("ë".encode(), b"\xeb", 1))


def test_bytes_that_nobody_writes(tmp_path: Path) -> None:
    with pytest.raises(InvalidRecords, match="not cp1252"):
        read_file(tmp_path, b"memberId\n\x81\x8d\n")
    with pytest.raises(InvalidRecords, match="not utf-8"):
        read_file(tmp_path, b"memberId\nM1\n\xff\n", 'encoding = "utf-8"')
    with pytest.raises(InvalidRecords, match="not utf-16"):
        read_file(tmp_path, "memberId\nM1".encode("utf-16")[:-1])


def test_cells(tmp_path: Path) -> None:
    text = "memberId, First Name ,x\nM1,'=1+1,\n\n,,\nM2,'t Hooft,\"\"\n"
    assert read_file(tmp_path, text.encode()) == [
        {"memberId": "M1", "First Name": "=1+1", "x": None},
        {"memberId": "M2", "First Name": "'t Hooft", "x": None},
    ]


def test_a_long_cell_of_a_column_that_nobody_maps_is_no_fault(tmp_path: Path) -> None:
    row = {"memberId": "M1", "notes": "x" * 5000}
    assert read_file(tmp_path, f"memberId,notes\nM1,{'x' * 5000}\n".encode()) == [row]


def test_a_header_alone(tmp_path: Path) -> None:
    assert read_file(tmp_path, b"memberId,firstName\n") == []


@pytest.mark.parametrize("rows", ["", "M1,Ann,ann@example.org,x\n"])
def test_a_column_that_is_mapped_and_not_there_is_not_empty_for_everybody(
    tmp_path: Path, rows: str
) -> None:
    fields = {
        "external_id": "memberId",
        "first_name": "name",
        "email": "contact.email",
        "phone": '"Phone No"',
        "address": "x || y",
    }
    toml = csv_toml('path = "{organization}.csv"', token=False, fields=fields)
    (tmp_path / f"{ORGANIZATION}.csv").write_text(f"memberid,firstName,contact.email,z\n{rows}")
    with pytest.raises(SourceInvalid) as caught:
        read(connector(tmp_path, toml))
    section = "named in [connectors.gaa.fields]"
    assert caught.value.message == (
        f"The CSV of gaa/st-judes: column 'memberId' {section} for external_id is not in the "
        f"header; did you mean 'memberid'?; column 'name' {section} for first_name is not in the "
        f"header; did you mean 'firstName'?; column 'contact.email' {section} has a dot in it, so "
        'it is quoted twice: email = "\\"contact.email\\""; '
        f"column 'Phone No' {section} for phone is not in the header. Nothing of it is used."
    )
    assert "trcpoints federation check" in caught.value.hint


def test_a_column_that_is_gone_clears_nobody(cli: Cli) -> None:
    """However few they are: the guard would let that pass."""
    queue.configure(cli, [ORGANIZATION])
    file = queue.export(cli, ORGANIZATION, ["Ann", "Bob"])
    cli.ok("federation", "sync")
    before = books.everything(cli)["Member"]
    file.write_text(file.read_text().replace("id,first,email", "id,name,email"))
    for command in ("check", "sync"):
        result = cli("federation", command, "--json")
        assert (result.code, result.json["error"]["code"]) == (65, "source_invalid")
        assert (
            "column 'first' named in [connectors.club.fields] for first_name is not in the header"
            in result.json["error"]["message"]
        )
    assert books.everything(cli)["Member"] == before
    (job,) = [job for job in queue.jobs(cli) if job.status != "completed"]
    # It may have been read while it was written.
    assert (job.status, job.retry_count) == ("pending", 1)


def test_dates_are_in_the_order_of_the_connector(cli: Cli) -> None:
    fields = (
        '[connectors.club.fields]\nexternal_id = "id"\ndate_of_birth = "born"\n'
        'first_name = "name"\n'
    )
    (cli.folder / f"{ORGANIZATION}.csv").write_text("id,born,name\n1,03/04/1990,Ann\n")

    def synced(*lines: str) -> list[tuple[int, int]]:
        queue.configure(cli, [ORGANIZATION], *lines, more=fields)
        runs = cli.ok("federation", "sync")["runs"]
        return [(run["rejected"], run["created"] + run["updated"]) for run in runs]

    assert synced() == [(1, 0)]
    assert synced('date_order = "dmy"') == [(0, 1)]
    (member,) = queue.members(cli).values()
    assert str(member.date_of_birth) == "1990-04-03"
    # Another order is another reading of the file, though the file is the same.
    assert synced('date_order = "mdy"') == [(0, 1)]
    (member,) = queue.members(cli).values()
    assert str(member.date_of_birth) == "1990-03-04"
    queue.configure(cli, [ORGANIZATION], 'date_order = "ymd"', more=fields)
    assert "date_order: should be dmy or mdy" in cli("federation", "check").err


def test_every_faulty_line_is_one_record_and_the_others_go_on(tmp_path: Path) -> None:
    text = "memberId,firstName\nM1,Ann\nM2\n\nM3,Bob\nM4,Cat,Dog\nM5,Eve\n"
    (tmp_path / f"{ORGANIZATION}.csv").write_text(text)
    assert read_any(connector(tmp_path, FILE)) == [
        {"memberId": "M1", "firstName": "Ann"},
        UnreadableRecord("line 3 has 1 cell where the header has 2"),
        {"memberId": "M3", "firstName": "Bob"},
        UnreadableRecord("line 6 has 3 cells where the header has 2"),
        {"memberId": "M5", "firstName": "Eve"},
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("memberId,,firstName,\nM1,,Ann,\n", 1, "no name over column 2"),
        ("memberId,name,name\nM1,Ann,Bob\n", 1, "'name' more than once"),
        ('"memberId,name\nM1,Ann\n', 1, "not CSV"),
        ('memberId,name\nM1,Ann\nM2,"Bo', 3, "breaks off"),
        ("memberId,name\nM1,Ann\nM2", 3, "has 1 cell where the header has 2: the file breaks off"),
        ("<!DOCTYPE html>\n<title>Log in</title>\n", 1, "like a web page"),
        ("m\0e\0m\0\n", 1, "no text"),
        (",".join(f"c{place}" for place in range(1001)), 1, "1,001 columns"),
        ('memberId\n"' + "x\n" * 70_000, 2, 'a quote (") that is not closed'),
        (f"memberId\nM1\n{'x,' * 600_000}\n", 3, "longer than 1,000,000"),
    ],
)
def test_what_is_no_csv(tmp_path: Path, text: str, line: int, words: str) -> None:
    told = faults(tmp_path, text)
    assert told[0][0] == line
    assert words in told[0][1]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n"])
def test_an_empty_file_is_a_failed_export(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataRefused, match="the CSV of gaa/st-judes is empty"):
        read_file(tmp_path, data)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    gaa = connector(tmp_path, FILE)
    with pytest.raises(SourceUnavailable, match="No such file") as caught:
        read(gaa)
    assert str(tmp_path / "st-judes.csv") in caught.value.message
    assert caught.value.exit_code == 69
    (tmp_path / "st-judes.csv").mkdir()
    with pytest.raises(SourceUnavailable, match="directory"):
        read(gaa)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / f"{ORGANIZATION}.csv"
    file.write_text("memberId\n" + "M1\n" * 10)
    gaa = connector(tmp_path, FILE)
    with open_source(gaa, now, limits=QUICK) as source:
        rows = source.records(ORGANIZATION, lambda: None)
        next(iter(rows))
        with file.open("a") as more:
            more.write("M2\n")
        with pytest.raises(SourceUnavailable, match="changed while it was read"):
            list(rows)
    # A file that takes its place is another one: what was opened is whole.
    with open_source(gaa, now, limits=QUICK) as source:
        rows = source.records(ORGANIZATION, lambda: None)
        next(iter(rows))
        (tmp_path / "new.csv").write_text("memberId\n")
        (tmp_path / "new.csv").replace(file)
        assert len(list(rows)) == 10


def test_a_file_cannot_be_asked_for_one_member(tmp_path: Path) -> None:
    gaa = connector(tmp_path, FILE)
    with open_source(gaa, now) as source:
        assert not source.can_ask_for_one


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_csv_over_http(federation: SimulatedFederation, tmp_path: Path, encoding: str) -> None:
    federation.csv_encoding, federation.csv_delimiter = encoding, ";"
    rows = read(connector(tmp_path, csv_toml(f'url = "{federation.csv_url}"')))
    assert len(rows) == 25
    assert tuple(rows[0]) == CSV_COLUMNS
    first = federation.members.all(ORGANIZATION)[0]
    assert rows[0]["firstName"] == first["firstName"]
    [request] = federation.requests
    assert request.token == TOKEN
    assert request.path == "/clubs/st-judes/members.csv"
    assert request.headers["accept"].startswith("text/csv")


OUTCOMES: dict[FederationFault, tuple[type[TrcpointsError], str]] = {
    F.UNAUTHORIZED: (SourceRefused, f"does not accept {TOKEN_ENV}"),
    F.FORBIDDEN: (SourceRefused, "403"),
    F.NOT_FOUND: (SourceRefused, "404"),
    F.REDIRECT: (SourceRefused, "elsewhere"),
    F.RATE_LIMITED: (RateLimited, "1800 seconds"),
    F.SERVER_ERROR: (SourceUnavailable, "answered 500"),
    F.TIMEOUT: (SourceUnavailable, "no whole answer in time"),
    F.SLOW_BODY: (SourceUnavailable, "no whole answer in time"),
    F.RESET: (SourceUnavailable, "reset by peer"),
    F.WRONG_LENGTH: (SourceUnavailable, "the connection failed"),
    F.HUGE_BODY: (SourceUnavailable, "larger than 8388608 bytes"),
    F.GZIP_BOMB: (SourceUnavailable, "larger than 8388608 bytes"),
    F.BAD_GZIP: (SourceUnavailable, "compressed wrongly"),
    F.EMPTY_BODY: (DataRefused, "is empty"),
    F.HTML: (InvalidRecords, "like a web page"),
    F.TRUNCATED_JSON: (InvalidRecords, "cells where the header has 9"),
}


@pytest.mark.parametrize("fault", OUTCOMES, ids=lambda fault: fault.name)
def test_faults_over_http(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault
) -> None:
    federation.misbehave(fault)
    kind, words = OUTCOMES[fault]
    with pytest.raises(kind, match=words) as caught:
        read(connector(tmp_path, csv_toml(f'url = "{federation.csv_url}"')), limits=patience(fault))
    assert type(caught.value) is kind
    assert caught.value.hint
    assert TOKEN not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("fault", [F.WRONG_LENGTH, F.SERVER_ERROR, F.HUGE_BODY, F.SLOW_BODY])
def test_another_try_begins_anew(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault
) -> None:
    federation.misbehave(fault, times=1)
    gaa = connector(tmp_path, csv_toml(f'url = "{federation.csv_url}"'))
    assert len(read(gaa, limits=patience(fault))) == 25
    assert len(federation.requests) == 2


def test_what_is_fetched_needs_room(
    federation: SimulatedFederation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaa = connector(tmp_path, csv_toml(f'url = "{federation.csv_url}"'))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputFailed, match="cannot be kept on disk") as caught:
        read(gaa)
    assert "TMPDIR" in caught.value.hint


def test_what_is_fetched_leaves_nothing_behind(
    federation: SimulatedFederation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(kept))
    gaa = connector(tmp_path, csv_toml(f'url = "{federation.csv_url}"'))
    with open_source(gaa, now, limits=QUICK) as source:
        rows = source.records(ORGANIZATION, lambda: None)
        next(iter(rows))
        # Not even while it is read: it has no name.
        assert list(kept.iterdir()) == []
        assert len(list(rows)) == 24


def test_beats_while_rows_are_read(tmp_path: Path) -> None:
    (tmp_path / f"{ORGANIZATION}.csv").write_text("memberId\n" + "M1\n" * 3500)
    gaa = connector(tmp_path, FILE)
    beats: list[int] = []
    read(gaa, beat=lambda: beats.append(1))
    assert len(beats) == 2 + 3


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_never_held(tmp_path: Path) -> None:
    def peak(count: int) -> tuple[int, int]:
        text = as_csv(invent(count, "large"), ",")
        (tmp_path / f"{ORGANIZATION}.csv").write_text(text, encoding="utf-8", newline="")
        connector(tmp_path, FILE)
        ran = subprocess.run(
            [sys.executable, "-m", "tests.support.federation", tmp_path / "federations.toml"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        rows, most = ran.stdout.split()
        return int(rows), int(most)

    few, many = peak(10_000), peak(100_000)
    assert (few[0], many[0]) == (10_000, 100_000)
    # The file has 10 MB; as rows it would be 80 MB.
    assert many[1] - few[1] < 4 * 1024 * 1024


def test_any_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(50):
        cells = ["".join(chance.choices("ab é,;\t\"\n'=", k=chance.randrange(1, 8))) for _ in "abc"]
        quoted = ";".join('"' + cell.replace('"', '""') + '"' for cell in ["x", *cells])
        [row] = read_file(tmp_path, f"memberId;a;b;c\n{quoted}\n".encode())
        expected = [cell[1:] if cell[:2] in _NEUTRAL else cell for cell in cells]
        assert [row[name] for name in "abc"] == expected


_NEUTRAL = {"'=", "'\t", "'\n", "''"}
