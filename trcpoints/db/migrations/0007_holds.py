"""Holds: changes of XP that wait for a decision, and when the XP of a member was last seen.

The models are frozen copies: later changes of `trcpoints.db.models` do not reach back here.
"""

from peewee import SQL, BigAutoField, BigIntegerField, Database, ForeignKeyField, Model, TextField
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the table, and what a member keeps of it."""

    class Member(Model):
        id = BigAutoField()

        class Meta:
            table_name = "member"
            database = db

    class Hold(Model):
        id = BigAutoField()
        member = ForeignKeyField(Member, index=True)
        discord_id = TextField()
        kind = TextField()
        began_at = TimeField()
        began_run = TextField()
        xp_tracked = BigIntegerField()
        xp_began = BigIntegerField()
        points_began = BigIntegerField()
        xp_seen = BigIntegerField()
        points = BigIntegerField()
        ceiling = BigIntegerField(null=True)
        accepted_by = TextField(null=True)
        accepted_at = TimeField(null=True)
        ended_at = TimeField(null=True)
        ended_run = TextField(null=True)
        ending = TextField(null=True)
        made_by = TextField(null=True)

        class Meta:
            table_name = "hold"
            indexes = ((("began_run",), False), (("ended_run",), False))
            database = db

    Hold.add_index(
        Hold.index(Hold.member, unique=True, where=SQL("ended_at IS NULL"), name="hold_open")
    )
    moment = TimeField(null=True)
    migrator.migrate(
        migrator.add_column("member", "known_at", moment),
        migrator.add_column("member", "held_at", moment),
    )
    db.create_tables([Hold])
