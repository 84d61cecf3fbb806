"""How the characters of a file are written, as far as the file tells."""

from __future__ import annotations

import codecs
import re
from typing import IO

_CHUNK = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")


def encoding_of(file: IO[bytes]) -> str | None:
    """Python's name of what spreadsheets write: UTF-8, UTF-16 with a mark, or Windows-1252.

    Reads the whole file and leaves it at its beginning. None where it is UTF-8 with damage:
    taken for Windows-1252, every name in it that is not English would be changed.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    wrong = right = 0
    while chunk := file.read(_CHUNK):
        wrong, right = _count(decode(chunk), wrong, right)
    wrong, right = _count(decode(b"", True), wrong, right)
    file.seek(0)
    if not wrong:
        return "utf-8"
    # In a text of Windows-1252 two letters that look like one of UTF-8 are rare.
    return "cp1252" if wrong > right else None


def _count(text: str, wrong: int, right: int) -> tuple[int, int]:
    if text.isascii():
        return wrong, right
    return wrong + len(_NOT_UTF_8.findall(text)), right + len(_BEYOND_ASCII.findall(text))
