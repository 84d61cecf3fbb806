"""Reading records: every format, and every fault with its line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.nested import TOO_DEEP
from trcpoints.errors import DataRefused, InvalidRecords, NotFound, TrcpointsError
from trcpoints.records import Record, read_input, scan_records

COLUMNS = ("discord_id", "name", "email")


def read(data: str | bytes) -> list[tuple[int, dict[str, str | None]]]:
    raw = data.encode() if isinstance(data, str) else data
    file = scan_records(raw, "file", COLUMNS)
    file.refuse()
    return [(record.line, record.values) for record in file.records]


def faults(data: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(InvalidRecords) as caught:
        read(data)
    return caught.value.faults


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_of_every_spreadsheet(delimiter: str, newline: str, mark: str) -> None:
    rows = [["Discord_ID", " name "], ["1", "Zoë"], ["2", ""]]
    text = mark + newline.join(delimiter.join(row) for row in rows)
    assert read(text) == [
        (2, {"discord_id": "1", "name": "Zoë"}),
        (3, {"discord_id": "2", "name": None}),
    ]


def test_a_header_of_one_column_needs_no_delimiter() -> None:
    assert read("name\nO'Neill, Ann; or so\n".replace(", ", " ")) == [
        (2, {"name": "O'Neill Ann; or so"})
    ]


def test_lines_are_those_of_the_file() -> None:
    """Cells of several lines and blank lines count as an editor counts them."""
    text = 'name,email\n"a\nb",x\n\n"c\r\nd",y\nlast,z\n'
    assert [(line, values["name"]) for line, values in read(text)] == [
        (2, "a\nb"),
        (5, "c\r\nd"),
        (7, "last"),
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("'=1+1", "=1+1"),
        ("'+353 1", "+353 1"),
        ("'-a", "-a"),
        ("'@a", "@a"),
        ("''t Hooft", "'t Hooft"),
        ("'t Hooft", "'t Hooft"),
        ("'", "'"),
        ("=1+1", "=1+1"),
    ],
)
def test_the_apostrophe_of_our_own_csv_comes_off(cell: str, value: str) -> None:
    assert read(f"name\n{cell}\n") == [(2, {"name": value})]


def test_json_keeps_apostrophes() -> None:
    assert read('[{"name": "\'=1"}]') == [(1, {"name": "'=1"})]


RECORDS = [{"discord_id": "1", "name": "Ann"}, {"discord_id": "2", "name": None}]


def test_a_json_array_is_numbered_by_record() -> None:
    assert read(json.dumps(RECORDS, indent=2)) == [(1, RECORDS[0]), (2, RECORDS[1])]


def test_a_document_of_ours_is_a_list_of_records() -> None:
    document = {"schema": "trcpoints.members.export/1", "total": 2, "members": RECORDS}
    assert read(json.dumps(document)) == [(1, RECORDS[0]), (2, RECORDS[1])]


def test_ndjson_is_numbered_by_line() -> None:
    text = f"\n{json.dumps(RECORDS[0])}\r\n\n{json.dumps(RECORDS[1])}\n"
    assert read(text) == [(2, RECORDS[0]), (4, RECORDS[1])]
    line_separator = '{"name": "a\u2028b"}\n{"name": "c"}'
    assert read(line_separator) == [(1, {"name": "a\u2028b"}), (2, {"name": "c"})]


def test_one_object_is_one_record() -> None:
    assert read('\n{"name": "Ann"}') == [(2, {"name": "Ann"})]


def test_empty_is_none_and_absent_is_absent() -> None:
    assert read('[{"name": "", "email": null}]') == [(1, {"name": None, "email": None})]


def test_numbers_are_digits_until_they_lose_some() -> None:
    assert read('[{"discord_id": 9007199254740992}]') == [(1, {"discord_id": "9007199254740992"})]
    [(line, reason)] = faults('[{"discord_id": 159962941502783488}]')
    assert line == 1
    assert "lost digits" in reason
    assert faults('[{"discord_id": -9007199254740993}]')
    assert faults('[{"discord_id": ' + "9" * 5000 + "}]")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("1.5", "1.5"),
        ("1e3", "1e3"),
        ("NaN", "NaN"),
        ("true", "true"),
        ("false", "false"),
        ("[]", "a list"),
        ("{}", "an object"),
    ],
)
def test_what_is_no_text_is_named(value: str, named: str) -> None:
    [(line, reason)] = faults('{"name": "x"}\n{"name": ' + value + "}")
    assert line == 2
    assert "name should be text" in reason
    assert named in reason


def test_every_fault_is_told_at_once() -> None:
    text = (
        '{"nmae": "x", "name": "y"}\n'
        "nonsense\n"
        '{"name": "a", "name": "b"}\n'
        "[1]\n"
        '{"name": "nul\\u0000", "email": "half \\ud83d"}\n'
        '{"name": "' + "x" * 1001 + '"}\n'
    )
    told = faults(text)
    assert [line for line, _ in told] == [1, 2, 3, 4, 5, 5, 6]
    for (_, reason), words in zip(
        told,
        ["mean name?", "not JSON", "more than once", "an object", "NUL", "surrogate", "1,001"],
        strict=True,
    ):
        assert words in reason


def test_faults_of_csv() -> None:
    told = faults("discord_id,nmae,,nmae\n1,2,3\n1,2,3,4,5\n1,2,3,4\n")
    assert [line for line, _ in told] == [1, 1, 1, 1, 2, 3]
    assert "nmae" in told[0][1]
    assert "without a name" in told[1][1]
    assert "has 3 cells where the header has 4" in told[4][1]
    [(line, reason)] = faults(b"name\nAnn\nB\0b\n")
    assert line == 3
    assert "NUL" in reason


@pytest.mark.parametrize("names", [["name"] * 40_000, [f"c{n}" for n in range(40_000)] + ["name"]])
def test_more_columns_than_anybody_has(names: list[str]) -> None:
    count = f"{len(names):,}"
    told = faults(f"{','.join(names)}\n{','.join(names)}\n{','.join(names)}\n")
    assert told == [(1, f"has {count} columns; at most 100 are read")]
    members = ",".join(f'"{name}": {{}}' for name in names)
    assert faults(f"[{{{members}}}]") == [(1, f"has {count} columns; at most 100 are read")]


def test_as_many_columns_as_are_read() -> None:
    names = [f"c{n}" for n in range(96)] + ["name", "c1", "name", "c2"]
    told = faults(",".join(names))
    assert len(told) == 99
    assert told[-1] == (1, "has 'c1' more than once")


def test_csv_without_a_header() -> None:
    [(line, reason)] = faults("159962941502783488,Ann\n159962941502783489,Bob\n")
    assert line == 1
    assert "discord_id, name, email" in reason


def test_an_open_quote_is_named_by_the_line_it_opens_on() -> None:
    [(line, reason)] = faults('name\nAnn\n"Bob\nCat\n')
    assert line == 3
    assert "not CSV" in reason


@pytest.mark.parametrize(
    "text", ['[{"name": "x"}', '{\n"name": ', "[" * TOO_DEEP], ids=["list", "object", "deep"]
)
def test_json_that_breaks_off(text: str) -> None:
    [(_, reason)] = faults(text)
    assert "not JSON" in reason


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \n\n", b"name\n\x81", b"\xff\xfen"])
def test_a_file_that_is_empty_or_no_text(data: bytes) -> None:
    with pytest.raises(DataRefused) as caught:
        read(data)
    assert caught.value.hint


def test_a_header_alone_is_no_record() -> None:
    assert read("name,email\n") == []
    assert read("[]") == []


def test_many_faults_are_counted_not_listed() -> None:
    told = "\n".join(["name"] + ["a,b"] * 120)
    with pytest.raises(InvalidRecords) as caught:
        read(told)
    assert caught.value.message.startswith("120 lines are wrong in file")
    assert caught.value.message.endswith("and 70 more")
    assert len(caught.value.faults) == 120


def test_columns_of_an_export_are_passed_over_together_only() -> None:
    exported = ("points", "carry")
    whole = scan_records(b"points,name,carry\n1,Ann,2\n", "file", COLUMNS, exported=exported)
    assert whole.records == [Record(2, {"name": "Ann"})]
    assert whole.faults == []
    alone = scan_records(b"points,name\n1,Ann\n", "file", COLUMNS, exported=exported)
    assert alone.faults == [(1, "'points' cannot be imported")]


@pytest.mark.parametrize("name", ["id", "ID", "Id", "user_id", "userId", "User ID", "member id"])
def test_advice_is_found_however_a_name_is_spelt(name: str) -> None:
    advice = {"id": "not ours", "userid": "not ours", "memberid": "not ours"}
    columns = ("member_id", *COLUMNS)
    for data in (f"{name},x\n1,2\n", json.dumps({name: "1"}), json.dumps([{name: 1}])):
        file = scan_records(data.encode(), "file", columns, advice=advice)
        _, reason = file.faults[0]
        assert reason.endswith("; not ours")
    file = scan_records(b"name,nmae,discordid\n1,2,3\n", "file", columns, advice=advice)
    assert [reason.split("; ")[1] for _, reason in file.faults] == [
        "do you mean name?",
        "do you mean discord_id?",
    ]


def test_read_input(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_bytes(b"name\n")
    assert read_input(str(file)) == (b"name\n", str(file))
    for missing, kind in (
        (tmp_path / "nothing", NotFound),
        (file / "below", NotFound),
        (tmp_path, DataRefused),
    ):
        with pytest.raises(TrcpointsError) as caught:
            read_input(str(missing))
        assert type(caught.value) is kind
        assert caught.value.hint


def test_reading_records_loads_nothing_heavy() -> None:
    code = "import sys, trcpoints.records; print('peewee' in sys.modules, 'rich' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False False\n"
