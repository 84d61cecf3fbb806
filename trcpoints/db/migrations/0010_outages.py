"""Days that are excused automatically, and days whose excuse was taken back for good."""

from peewee import SQL, BooleanField, Database
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the columns; every day that is excused so far was excused by hand."""
    by_hand = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    migrator.migrate(
        migrator.add_column("grace_day", "automatic", by_hand, allow_not_null=True),
        migrator.add_column("grace_day", "removed_at", TimeField(null=True)),
    )
