"""The JSON documents that commands print (design, section 5).

A document is a struct; its tag is its schema and version, and comes first. Keys may be added,
never renamed or removed within a version. Times are aware UTC datetimes, ids are strings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Moment = Annotated[datetime, Meta(tz=True)]
"""An aware UTC datetime; the constraint makes it a `date-time` in the JSON Schema."""

RunStatus = Literal["completed", "skipped", "failed", "interrupted"]
Trigger = Literal["scheduled", "manual", "retry", "webhook"]
HoldKind = Literal["gain", "loss"]
HoldEnding = Literal["accepted", "passed", "rebaselined", "relinked", "deactivated", "superseded"]


class ErrorInfo(Struct, frozen=True):
    """A failure: its word, what happened, and the way on."""

    code: str
    message: str
    hint: str


class Document(Struct, kw_only=True, tag_field="schema"):
    """The base of every document."""


class ErrorDocument(Document, kw_only=True, tag="trcpoints.error/1"):
    """What a command prints that failed before it had a document of its own."""

    status: Literal["failed", "interrupted"] = "failed"
    error: ErrorInfo


class OutputDocument(Document, kw_only=True, tag="trcpoints.output/1"):
    """A file that was written, in place of what would else be on stdout."""

    status: Literal["completed"] = "completed"
    output: str
    format: Literal["csv", "json", "prometheus"]
    records: int
