"""What the sync remembers of the saved leaderboards that it has read.

The models are frozen copies: later changes of `trcpoints.db.models` do not reach back here.
"""

from peewee import Database, TextField
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the column."""
    migrator.migrate(migrator.add_column("job", "saved_boards", TextField(null=True)))
