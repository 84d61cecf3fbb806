"""How the characters of a file are written, as far as the file shows it, and its text."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TextIO

from trcpoints.errors import DataRefused, InvalidRecords
from trcpoints.records.file_types import refuse_other_types

_CHUNK = 1 << 16
_START = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")
_AS_UTF_8 = "Save it as UTF-8; a spreadsheet calls that 'CSV UTF-8'."


def find_encoding(file: IO[bytes]) -> str | None:
    """Return Python's name of what programs write: UTF-8, UTF-16, or else Windows-1252.

    Reads the whole file and leaves it at its beginning. None where it is UTF-8 with damage:
    taken for Windows-1252, every name in it that is not English would be changed.
    """
    start, size = _start_and_size(file)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if unmarked := _utf_16_without_mark(start, size):
        return unmarked
    return "utf-8" if _is_utf_8(file) else _windows_1252(file)


def decode_text(data: bytes, name: str) -> str:
    """Return the text of a file that is in memory, without a mark; `name` is for messages.

    Raises DataRefused for another type of file and for what is not text.
    """
    refuse_other_types(data[:_START], name)
    encoding = find_encoding(io.BytesIO(data))
    if encoding is None:
        raise _not_text(name)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as fault:
        line = data[: fault.start].decode(encoding, "ignore").count("\n") + 1
        raise wrong_encoding(name, line, encoding) from fault


def to_utf_8(data: bytes, name: str) -> bytes:
    """Return the bytes of a file as UTF-8 without a mark: those very bytes where they are.

    Raises what `decode_text` raises.
    """
    refuse_other_types(data[:_START], name)
    if find_encoding(io.BytesIO(data)) == "utf-8":
        return data
    return decode_text(data, name).encode("utf-8")


@contextmanager
def open_text(file: IO[bytes], name: str, encoding: str | None = None) -> Iterator[TextIO]:
    """Open a seekable file as text, with the ends of its lines as they are in the file.

    The encoding is found out where it is not given. The file itself stays open. Raises
    DataRefused for another type of file and for what is not text.
    """
    start, _ = _start_and_size(file)
    refuse_other_types(start, name)
    found = encoding or find_encoding(file)
    if found is None:
        raise _not_text(name)
    # A mark at the beginning is no part of the first name, though an encoding was named.
    text = io.TextIOWrapper(file, encoding="utf-8-sig" if found == "utf-8" else found, newline="")
    try:
        yield text
    finally:
        text.detach()


def wrong_encoding(name: str, line: int, encoding: str) -> InvalidRecords:
    """Return the fault of a file that has, at or below a line, what its encoding does not have."""
    reason = f"is not text from here on: it is not {encoding}"
    return InvalidRecords(name, [(line, reason)], hint=_AS_UTF_8)


def _start_and_size(file: IO[bytes]) -> tuple[bytes, int]:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(_START)
    file.seek(0)
    return start, size


def _utf_16_without_mark(start: bytes, size: int) -> str | None:
    """Return the kind of UTF-16 that is certain: its ASCII has a NUL on one side, always the same.

    The first character of a table or a document is ASCII, and so are its separators.
    """
    first, second = start[0::2], start[1::2]
    for nuls, others, name in ((second, first, "utf-16-le"), (first, second, "utf-16-be")):
        is_one_sided = nuls.startswith(b"\0") and b"\0" not in others
        if is_one_sided and size % 2 == 0 and nuls.count(0) * 4 >= len(nuls):
            return name
    return None


def _is_utf_8(file: IO[bytes]) -> bool:
    decode = codecs.getincrementaldecoder("utf-8")().decode
    try:
        while chunk := file.read(_CHUNK):
            decode(chunk)
        decode(b"", True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _windows_1252(file: IO[bytes]) -> str | None:
    """Return it for what is not UTF-8, unless most of it is UTF-8 after all."""
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    wrong = right = 0
    while chunk := file.read(_CHUNK):
        wrong, right = _count(decode(chunk), wrong, right)
    wrong, right = _count(decode(b"", True), wrong, right)
    file.seek(0)
    # In a text of Windows-1252 two letters that look like one of UTF-8 are rare.
    return "cp1252" if wrong > right else None


def _count(text: str, wrong: int, right: int) -> tuple[int, int]:
    if text.isascii():
        return wrong, right
    return wrong + len(_NOT_UTF_8.findall(text)), right + len(_BEYOND_ASCII.findall(text))


def _not_text(name: str) -> DataRefused:
    return DataRefused(
        f"{name} is not text: it is neither UTF-8 nor Windows-1252, nor UTF-16.", hint=_AS_UTF_8
    )
