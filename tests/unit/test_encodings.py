"""How the characters of a file are written: found out from its bytes, or refused."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trcpoints.errors import DataRefused
from trcpoints.records.encodings import decode_text, find_encoding, open_text, to_utf_8

TEXT = "discord_id\tname\r\n159962941502783488\tÁine “Zo” €\r\n"
ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16": b"",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "cp1252": b"",
}


@pytest.mark.parametrize(("encoding", "mark"), ENCODINGS.items())
def test_what_programs_write(encoding: str, mark: bytes) -> None:
    data = mark + TEXT.encode(encoding)
    assert decode_text(data, "file") == TEXT
    assert to_utf_8(data, "file") == TEXT.encode()
    with open_text(io.BytesIO(data), "file") as text:
        assert text.read() == TEXT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [TEXT, '[{"id": "1"}]', "name\nЛуц Ћирић, Љубљана\n" * 50])
def test_utf_16_without_a_mark(encoding: str, text: str) -> None:
    assert decode_text(text.encode(encoding), "file") == text


@pytest.mark.parametrize(
    "data",
    [
        b"name\nAnn\nB\0b\n",  # a NUL by mistake
        b"\0\0\0\0\0\0\0\0",
        b"n\0a\0m\0e\0\n",  # a byte short
        b"n\0a\0m\0\0e\n\0",  # on both sides
        b"n\0" + b"name,name\n" * 100,
    ],
)
def test_nuls_that_do_not_make_it_certain(data: bytes) -> None:
    assert find_encoding(io.BytesIO(data)) == "utf-8"


def test_bytes_that_are_utf_8_are_not_copied() -> None:
    data = TEXT.encode()
    assert to_utf_8(data, "file") is data


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_bytes_that_windows_1252_does_not_have(byte: int) -> None:
    data = b"name\nAnn\n" + bytes([byte]) + b"\n"
    for read in (decode_text, to_utf_8):
        with pytest.raises(DataRefused) as caught:
            read(data, "file")
        assert "line 3: is not text from here on: it is not cp1252" in caught.value.message
        assert caught.value.hint


def test_utf_8_with_damage_is_nothing_else() -> None:
    data = (TEXT * 9).encode().replace("Á".encode(), b"\xc1", 1)
    with pytest.raises(DataRefused, match="file is not text: it is neither UTF-8 nor"):
        decode_text(data, "file")


@pytest.mark.parametrize(
    ("start", "words", "hint"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x08\0", "an Excel workbook (.xlsx)", "Save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "an old Excel workbook (.xls)", "Save it as CSV"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "as CSV"),
        (b"\x1f\x8b\x08\0", "compressed (gzip)", "gunzip"),
    ],
)
def test_other_types_of_files_are_named(start: bytes, words: str, hint: str) -> None:
    for read in (decode_text, to_utf_8):
        with pytest.raises(DataRefused) as caught:
            read(start, "members.csv")
        assert caught.value.message == f"members.csv is {caught.value.message[15:]}"
        assert words in caught.value.message
        assert hint in caught.value.hint
    with (
        pytest.raises(DataRefused, match=r"members\.csv is"),
        open_text(io.BytesIO(start), "members.csv"),
    ):
        pass


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_any_text_in_utf_is_read_as_it_was_written(text: str) -> None:
    # A document or a table begins with a character of ASCII.
    whole = f"name\n{text}"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert decode_text(whole.encode(encoding), "file") == whole


@given(st.binary(max_size=200))
def test_whatever_the_bytes_they_are_text_or_refused(data: bytes) -> None:
    with contextlib.suppress(DataRefused):
        assert to_utf_8(data, "file").decode() == decode_text(data, "file")
