"""Streaks, grace days, milestones, and the points of each day.

The models are frozen copies: later changes of `trcpoints.db.models` do not reach back here.
"""

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    Database,
    ForeignKeyField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add what the streaks keep; sum up the ledger by day."""

    class Member(Model):
        id = BigAutoField()

        class Meta:
            table_name = "member"
            database = db

    class GraceDay(Model):
        day = TextField(primary_key=True)
        reason = TextField()
        created_at = TimeField()

        class Meta:
            table_name = "grace_day"
            database = db

    class Milestone(Model):
        id = BigAutoField()
        member = ForeignKeyField(Member, index=False)
        streak_since = TextField()
        days = IntegerField()
        reached_on = TextField()
        run_id = TextField(null=True)

        class Meta:
            table_name = "milestone"
            indexes = ((("member", "streak_since", "days"), True),)
            database = db

    class DailyPoints(Model):
        day = TextField(primary_key=True)
        awarded = BigIntegerField()
        deducted = BigIntegerField()

        class Meta:
            table_name = "daily_points"
            database = db

    none_yet = IntegerField(constraints=[SQL("DEFAULT 0")])
    date = TextField(null=True)
    migrator.migrate(
        migrator.add_column("member", "current_streak", none_yet, allow_not_null=True),
        migrator.add_column("member", "longest_streak", none_yet, allow_not_null=True),
        migrator.add_column("member", "streak_since", date),
        migrator.add_column("member", "judged_through", date),
        migrator.add_column("job", "judged_through", date),
    )
    db.create_tables([GraceDay, Milestone, DailyPoints])
    is_sqlite = isinstance(db, SqliteDatabase)
    day = (
        "substr(occurred_at, 1, 10)"
        if is_sqlite
        else "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
    )
    db.execute_sql(
        "INSERT INTO daily_points (day, awarded, deducted) "
        f"SELECT {day}, SUM(CASE WHEN points > 0 THEN points ELSE 0 END), "
        "SUM(CASE WHEN points < 0 THEN -points ELSE 0 END) FROM ledger GROUP BY 1"
    )
