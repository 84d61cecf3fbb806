"""Leases, and runs that are recorded from their beginning and tell what they made.

The model is a frozen copy: later changes of `trcpoints.db.models` do not reach back here.
"""

from peewee import SQL, BigIntegerField, Database, Model, TextField
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the table of leases; what a run keeps of its place, its entries and its end."""

    class Lease(Model):
        name = TextField(primary_key=True)
        token = TextField()
        run_id = TextField()
        host = TextField()
        namespace = TextField()
        pid = BigIntegerField()
        process_started = TextField()
        machine = TextField()
        acquired_at = TimeField()
        heartbeat_at = TimeField()

        class Meta:
            table_name = "lease"
            database = db

    text, number = TextField(null=True), BigIntegerField(null=True)
    migrator.migrate(
        migrator.drop_not_null("run", "finished_at"),
        migrator.add_column("run", "scope", text),
        migrator.add_column("run", "machine", text),
        migrator.add_column("run", "entries_after", number),
        migrator.add_column("run", "entries_through", number),
        migrator.add_column("run", "records_after", number),
        migrator.add_column("run", "records_through", number),
        migrator.add_column("run", "error_hint", text),
        migrator.add_index("run", ["started_at"]),
        migrator.add_index("run", ["status", "started_at"]),
        migrator.add_index("run", ["job", "status", "started_at"]),
        migrator.add_index("milestone", ["run_id"]),
        migrator.drop_index("member", "member_left"),
        migrator.add_index(
            "member", ["left_at"], where=SQL("left_at IS NOT NULL"), name="member_left"
        ),
    )
    db.create_tables([Lease])
    for table, rows in (("ledger", "entries"), ("discord_activity", "records")):
        # Without UPDATE … FROM, which SQLite has since 3.33 only.
        db.execute_sql("CREATE TEMPORARY TABLE made (id TEXT PRIMARY KEY, low BIGINT, high BIGINT)")
        db.execute_sql(
            f"INSERT INTO made SELECT sync_id, min(id) - 1, max(id) FROM {table} "
            "WHERE sync_id IS NOT NULL GROUP BY sync_id"
        )
        db.execute_sql(
            f"UPDATE run SET {rows}_after = (SELECT low FROM made WHERE made.id = run.id), "
            f"{rows}_through = (SELECT high FROM made WHERE made.id = run.id)"
        )
        db.execute_sql("DROP TABLE made")
