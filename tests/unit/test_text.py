"""Text from outside: what a terminal, a spreadsheet and an import make of it."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trcpoints.cli.rows import csv_cell, write_csv
from trcpoints.cli.text import escaped, harmless, storable
from trcpoints.records import FORMULA_STARTS, original_cell, scan_records

STORABLE = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë O'Neill", "Zoë O'Neill"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("\x9b31m", "\ufffd31m"),
        ("two\nlines\tand\rmore", "two lines and more"),
        ("a\u202eb\u2066c\u200fd", "a\ufffdb\ufffdc\ufffdd"),
        ("\ud83d", "\ufffd"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("\x00\x7f", "\ufffd\ufffd"),
    ],
)
def test_harmless(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = harmless(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in shown)
    assert harmless(shown) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_storable_text_is_utf8(text: str) -> None:
    assert len(storable(text).encode()) > 0 or text == ""


@pytest.mark.parametrize("start", [*FORMULA_STARTS, "'"])
def test_a_formula_is_a_text_in_a_spreadsheet(start: str) -> None:
    assert csv_cell(f"{start}SUM(A1)") == f"'{start}SUM(A1)"


def test_other_cells_stay_as_they_are() -> None:
    assert [csv_cell(value) for value in (-5, None, "", "a=b", 1.5)] == [-5, None, "", "a=b", 1.5]


@given(STORABLE)
@example("'=1")
@example("''")
def test_a_cell_is_original_again(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert not cell.startswith(FORMULA_STARTS)
    assert original_cell(cell) == text


# A row without anything in it is passed over, for spreadsheets write such rows at the end.
ROW = st.tuples(STORABLE, st.none() | STORABLE).filter(
    lambda row: f"{row[0]}{row[1] or ''}".strip()
)


@given(st.lists(ROW, max_size=5))
@example([("a\rb", "\r"), ("\n", '"'), ("'", ";")])
def test_what_write_csv_writes_is_read_as_it_was(rows: list[tuple[str, str | None]]) -> None:
    file = io.StringIO(newline="")
    write_csv(file, ["name", "note"], rows)
    read = scan_records(file.getvalue().encode(), "file", ["name", "note"])
    assert read.faults == []
    assert [(r.values["name"], r.values["note"]) for r in read.records] == rows


def test_truth_in_csv_is_spelt_as_in_json() -> None:
    file = io.StringIO(newline="")
    write_csv(file, ["a", "b", "c"], [[True, None, -5]])
    assert [*csv.reader(io.StringIO(file.getvalue()))][1] == ["true", "", "-5"]


def test_json_hides_nothing_from_the_eye() -> None:
    document = json.dumps({"name": "a\x9b31m\u202eb\u200bc\x7f é 😀"}, ensure_ascii=False)
    shown = escaped(document)
    assert json.loads(shown) == json.loads(document)
    assert shown == '{"name": "a\\u009b31m\\u202eb\\u200bc\\u007f é 😀"}'
