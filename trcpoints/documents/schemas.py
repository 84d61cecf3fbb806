"""The documents themselves."""

from __future__ import annotations

from trcpoints.documents import Document


class SchemasDocument(Document, kw_only=True, tag="trcpoints.schemas/1"):
    """The names of all documents."""

    names: list[str]
