"""The page people look at."""

from __future__ import annotations

from typing import Literal

from trcpoints.documents import Document, Moment


class ReportDocument(Document, kw_only=True, tag="trcpoints.report/1"):
    """A page that was written. `public`: it is for everybody. `members` are those with a rank."""

    status: Literal["completed"] = "completed"
    output: str
    public: bool
    generated_at: Moment
    members: int
    size_bytes: int
