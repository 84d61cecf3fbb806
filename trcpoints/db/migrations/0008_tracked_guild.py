"""The guild that the books belong to, and an index of members who await a baseline.

The model is a frozen copy: later changes of `trcpoints.db.models` do not reach back here.
"""

import json

from peewee import SQL, Check, Database, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField

# The job remembers its last completed run, whatever a wrong clock has said since.
_LAST_STATS = """
    SELECT stats FROM run WHERE job = 'sync' AND status = 'completed' AND stats IS NOT NULL
    ORDER BY id = (SELECT last_completed_run FROM job WHERE name = 'sync') DESC, started_at DESC
    LIMIT 1
"""


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the table with the guild of the last completed sync, and the index."""

    class TrackedGuild(Model):
        id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
        guild_id = TextField()
        since = TimeField(null=True)
        run_id = TextField(null=True)

        class Meta:
            table_name = "tracked_guild"
            database = db

    db.create_tables([TrackedGuild])
    for (stats,) in db.execute_sql(_LAST_STATS).fetchall():
        guild_id = json.loads(stats).get("guild_id")
        if guild_id:
            TrackedGuild.insert(id=1, guild_id=guild_id).execute()
    migrator.migrate(
        migrator.add_index(
            "member",
            ["id"],
            where=SQL("(rebaseline AND discord_id IS NOT NULL AND active)"),
            name="member_awaiting_baseline",
        )
    )
