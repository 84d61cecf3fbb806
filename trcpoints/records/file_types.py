"""Files of other types under the name of a text file, by how they begin."""

from __future__ import annotations

from trcpoints.errors import DataRefused

_SAVE_AS_CSV = "Save it as CSV in the spreadsheet ('CSV UTF-8'), and give that file."
_TYPES = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx) or another ZIP file", _SAVE_AS_CSV),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", _SAVE_AS_CSV),
    (b"%PDF-", "a PDF document", "Export the list as CSV, and give that file."),
    (b"\x1f\x8b", "compressed (gzip)", "Unpack it first: gunzip FILE"),
)


def refuse_other_types(start: bytes, name: str) -> None:
    """Raise DataRefused for a file that begins like no text; `name` is how messages call it."""
    for signature, what, hint in _TYPES:
        if start.startswith(signature):
            raise DataRefused(f"{name} is {what}, not text.", hint=hint)
