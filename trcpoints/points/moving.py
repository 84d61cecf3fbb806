"""Moving the books to another database, and proving that they arrived (design, section 10)."""

from __future__ import annotations

from trcpoints.db import schema
from trcpoints.db.copying import Tick, both_ends, copy_rows
from trcpoints.db.database import Access
from trcpoints.documents import ErrorInfo
from trcpoints.documents.db import DbCopyDocument
from trcpoints.errors import BooksDoNotAddUp
from trcpoints.points.verification import verify


def copy_database(
    source_url: str, target_url: str, target_access: Access, tick: Tick
) -> DbCopyDocument:
    """Copy everything, count it, and verify the books of the copy.

    `target_access` is CREATE, or WRITE to a database that is there. Raises TargetNotEmpty, and
    BooksDoNotAddUp, whose document says what was copied: books that do not add up are copied as
    they are.
    """
    with both_ends(source_url, target_url, target_access) as (source, target):
        tables = copy_rows(source, target, tick)
        document = DbCopyDocument(
            status="completed",
            source=source.public_url,
            target=target.public_url,
            schema_version=schema.inspect(target).version,
            tables=tables,
            verified=True,
        )
        try:
            verify(target)
        except BooksDoNotAddUp as fault:
            raise _failure(document, fault) from fault
    return document


def _failure(document: DbCopyDocument, fault: BooksDoNotAddUp) -> BooksDoNotAddUp:
    failure = BooksDoNotAddUp(
        f"Everything was copied to {document.target}. {fault.message}",
        hint="See whether they add up where they came from: trcpoints points verify",
    )
    document.status, document.verified = "failed", False
    document.error = ErrorInfo(failure.code, failure.message, failure.hint)
    failure.document = document
    return failure
