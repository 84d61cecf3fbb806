"""The document of `trcpoints crontab`."""

from __future__ import annotations

from trcpoints.documents import Document


class CrontabDocument(Document, kw_only=True, tag="trcpoints.crontab/1"):
    """A crontab that has every job, as `crontab -` takes it."""

    text: str
