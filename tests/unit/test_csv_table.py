"""CSV as spreadsheets write it: what is passed over, and how far a fault reaches."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trcpoints.errors import DataRefused, InvalidRecords
from trcpoints.records import BadRow, CsvTable, Row


def table(
    text: str,
    known: Collection[str] = (),
    delimiter: str | None = None,
    skip_lines: int = 0,
) -> CsvTable:
    source = io.StringIO(text, newline="")
    return CsvTable(source, "file", known=known, delimiter=delimiter, skip_lines=skip_lines)


def rows(text: str, skip_lines: int = 0) -> list[Row | BadRow]:
    return list(table(text, skip_lines=skip_lines).rows())


def cells(text: str, skip_lines: int = 0) -> list[list[str]]:
    found = rows(text, skip_lines)
    assert not [row for row in found if isinstance(row, BadRow)]
    return [row.cells for row in found if isinstance(row, Row)]


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("sep=;", ";"),
        ("sep=,", ","),
        ("sep=\t", "\t"),
        ('"sep=;"', ";"),
        ("SEP=|", "|"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_line_that_names_the_separator(line: str, delimiter: str, newline: str) -> None:
    body = newline.join([line, delimiter.join("ab"), delimiter.join("12"), ""])
    found = table(body)
    assert (found.line, found.header) == (2, ["a", "b"])
    assert list(found.rows()) == [Row(3, ["1", "2"])]


def test_the_line_that_names_the_separator_counts() -> None:
    assert table("sep=;\na;b,c,d\n1;2\n").header == ["a", "b,c,d"]
    assert table("sep=,\na;b;c\n1\n").header == ["a;b;c"]
    assert table("sep=;\na|b\n1|2\n", delimiter="|").header == ["a", "b"]


@pytest.mark.parametrize("header", ["sep", "separator;b", "sep=", "sep=x"])
def test_a_header_that_only_looks_like_one(header: str) -> None:
    assert table(f"{header}\n1;2\n").line == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_is_found_by_the_header(delimiter: str) -> None:
    names = ["member; no", "first, last", "mail"]
    text = delimiter.join(f'"{name}"' for name in names)
    assert table(f"{text}\n").header == names
    # A name that is known counts more than many that are not.
    odd = {",": ";", ";": ",", "\t": ","}[delimiter] * 9
    assert table(f"name{delimiter}x{odd}y\n", known=["name"]).header[0] == "name"


def test_titles_above_the_header() -> None:
    titled = 'Members of "St Jude\'s",,,\n\n,,,\na,b,,\n1,2,,\n'
    assert table(titled, skip_lines=1).header == ["a", "b"]
    assert rows(titled, skip_lines=1) == [Row(5, ["1", "2"])]
    assert cells("sep=;\nMembers, all of them\na;b\n1;2\n", skip_lines=1) == [["1", "2"]]
    for enough in (3, 9):
        with pytest.raises(DataRefused, match="file is empty"):
            table("a title\nanother\n\n", skip_lines=enough)


@pytest.mark.parametrize("end", ["", "\n"])
def test_empty_columns_and_rows_at_the_end(end: str) -> None:
    text = f"a,b,,\n1,2,,\n3,,,\n4,5\n6,7,\n,,,\n ,\t\n\n,,,,,,{end}"
    assert cells(text) == [["1", "2"], ["3", ""], ["4", "5"], ["6", "7"]]


def test_an_empty_row_between_others_is_there() -> None:
    assert rows("a,b\n1,2\n,\n\n,,\n3,4\n,\n") == [
        Row(2, ["1", "2"]),
        Row(3, ["", ""]),
        Row(5, ["", ""]),
        Row(6, ["3", "4"]),
    ]


def test_a_cell_without_a_column() -> None:
    assert rows("a,b,,\n1,2,,x\n1,2,y,\n1,2, ,\n1,2,,,z\n") == [
        BadRow(2, "has 'x' under a column without a name"),
        BadRow(3, "has 'y' under a column without a name"),
        Row(4, ["1", "2"]),
        BadRow(5, "has 5 cells where the header has 2"),
    ]
    assert rows("a,b\n1,2,\n") == [BadRow(2, "has 3 cells where the header has 2")]


def test_a_fault_of_one_line_reaches_no_other() -> None:
    text = 'a,b\n1,"Bob\n2,"Cat" x\n3\n4,5,6\n7,"x\ny"\n8,"never closed\n9,"Dan"\n10,11\n'
    assert rows(text) == [
        BadRow(2, 'not CSV: it opens a quote (") that is not closed'),
        BadRow(3, "not CSV: ',' expected after '\"'"),
        BadRow(4, "has 1 cell where the header has 2"),
        BadRow(5, "has 3 cells where the header has 2"),
        Row(6, ["7", "x\ny"]),
        BadRow(8, 'not CSV: it opens a quote (") that is not closed'),
        Row(9, ["9", "Dan"]),
        Row(10, ["10", "11"]),
    ]
    assert rows('a,b\n1,"Bob\n2,3\n4,5') == [
        BadRow(2, 'not CSV: it opens a quote (") that is not closed'),
        Row(3, ["2", "3"]),
        Row(4, ["4", "5"]),
    ]
    assert rows(f"a\n{'x' * 200_000}\ny\n")[1:] == [Row(3, ["y"])]


@pytest.mark.parametrize("last", ["3", '3,"Bo', '"3'])
def test_a_file_that_breaks_off(last: str) -> None:
    with pytest.raises(InvalidRecords, match=r"line 3: .*: the file breaks off there") as caught:
        rows(f"a,b\n1,2\n{last}")
    assert "exported again" in caught.value.hint
    # With an end it is a line like any other.
    assert isinstance(rows(f"a,b\n1,2\n{last}\n")[1], BadRow)


def test_the_lines_of_a_long_cell_are_no_rows() -> None:
    """Else what a member writes into an address could become a record."""
    long = "x\n" * 70_000
    with pytest.raises(InvalidRecords, match="line 2: not CSV: it opens a quote"):
        rows(f'a,b\n1,"{long}9,evil\n"\n2,3\n')


@pytest.mark.parametrize("text", ["<!DOCTYPE html>\n", "  <html>,x\n", '\n<?xml version="1.0"?>\n'])
def test_a_web_page(text: str) -> None:
    with pytest.raises(InvalidRecords, match=r"like a web page \(HTML\)") as caught:
        table(text)
    assert "browser" in caught.value.hint


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(
    st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(0, 3),
    st.booleans(),
)
def test_whatever_a_program_writes_is_read_as_it_was_written(
    written: list[list[str]], delimiter: str, newline: str, spare: int, says_so: bool
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL)
    more = [""] * spare
    # A number before each row, so that none is empty and no cell begins with an apostrophe.
    body = [[str(number), *(f"x{cell}" for cell in row)] for number, row in enumerate(written)]
    writer.writerows([*row, *more] for row in [["a", "b", "c", "d"], *body, [], ["", ""]])
    text = (f"sep={delimiter}{newline}" if says_so else "") + file.getvalue()
    assert cells(text) == body


LINES = st.lists(st.sampled_from(["a,b", "x", '"', '""', '"a', 'b"', ",", '"c","d"', "e,f,g"]))


@given(LINES)
def test_no_file_is_read_for_ever_and_each_row_has_its_place(lines: list[str]) -> None:
    places = [row.line for row in rows("\n".join(["h,i", *lines, ""]))]
    assert places == sorted(set(places))
    assert all(2 <= place <= len(lines) + 1 for place in places)


def test_quotes_that_each_open_the_rest_of_the_file_are_given_up() -> None:
    """Each row that is no CSV takes all the lines after it, which are then read again."""
    text = "a,b\n" + 'x","\n' * 20_000
    with pytest.raises(InvalidRecords, match="as many lines before it do"):
        rows(text)
