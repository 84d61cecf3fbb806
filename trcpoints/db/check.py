"""Is the database sound? Asked of the engine itself."""

from __future__ import annotations

from trcpoints.db import schema
from trcpoints.db.engine import Engine
from trcpoints.db.models import Activity, LedgerEntry, Member
from trcpoints.documents.db import DbCheckDocument
from trcpoints.errors import DatabaseUnavailable


def check_database(engine: Engine) -> DbCheckDocument:
    """Let the engine check itself and count the rows; raises DatabaseUnavailable."""
    faults = engine.integrity_faults()
    if faults:
        raise DatabaseUnavailable(
            f"The database {engine.public_url} is damaged: {'; '.join(faults)}",
            hint="Put it back from a backup; keep the damaged one.",
        )
    return DbCheckDocument(
        engine=engine.name,
        url=engine.public_url,
        schema_version=schema.inspect(engine).version,
        size_bytes=engine.size_bytes(),
        members=Member.select().count(),
        entries=LedgerEntry.select().count(),
        activities=Activity.select().count(),
    )
