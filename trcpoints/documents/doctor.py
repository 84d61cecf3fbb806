"""Whether everything is set up."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from trcpoints.documents import Document, ErrorInfo


class DoctorCheck(Struct, kw_only=True):
    """One thing that was looked at. `hint` is the way on; empty where there is nothing to do."""

    name: str
    status: Literal["ok", "warning", "fault", "skipped"]
    message: str
    hint: str


class DoctorDocument(Document, kw_only=True, tag="trcpoints.doctor/1"):
    """All that was looked at, in the order in which to mend it. `error` is the first fault."""

    status: Literal["completed", "failed"]
    healthy: bool
    checks: list[DoctorCheck]
    error: ErrorInfo | None = None
