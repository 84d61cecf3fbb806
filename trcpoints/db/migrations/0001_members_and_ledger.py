"""Members, their activity, their ledger, and the runs of jobs.

The models are frozen copies: later changes of `trcpoints.db.models` do not reach back here.
"""

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    Check,
    Database,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the first five tables."""

    class Member(Model):
        id = BigAutoField()
        discord_id = TextField(null=True, unique=True)
        name = TextField(null=True)
        email = TextField(null=True, index=True)
        subscription_status = TextField(
            constraints=[
                SQL("DEFAULT 'ACTIVE'"),
                Check(
                    "subscription_status IN ('NONE', 'TRIALING', 'ACTIVE', 'PAST_DUE', 'CANCELLED')"
                ),
            ],
        )
        active = BooleanField()
        first_name = TextField(null=True)
        last_name = TextField(null=True)
        date_of_birth = TextField(null=True)
        phone = TextField(null=True)
        address = TextField(null=True)
        points = BigIntegerField()
        carry = IntegerField(constraints=[Check("carry BETWEEN -99 AND 99")])
        xp_total = BigIntegerField(null=True)
        quiet = BooleanField()
        left_at = TimeField(null=True)
        absences = IntegerField()
        deferrals = IntegerField()
        rebaseline = BooleanField()
        last_active_at = TimeField(null=True)
        created_at = TimeField()
        updated_at = TimeField()

        class Meta:
            table_name = "member"
            database = db

    class Activity(Model):
        id = BigAutoField()
        member = ForeignKeyField(Member, index=False)
        discord_id = TextField()
        activity_type = TextField()
        xp_delta = BigIntegerField(null=True)
        xp_total = BigIntegerField()
        synced_at = TimeField()
        sync_id = TextField()

        class Meta:
            table_name = "discord_activity"
            indexes = ((("member", "sync_id"), True),)
            database = db

    class LedgerEntry(Model):
        id = BigAutoField()
        member = ForeignKeyField(Member, index=False)
        source = TextField()
        points = BigIntegerField()
        idempotency_key = TextField()
        occurred_at = TimeField()
        created_at = TimeField()
        note = TextField(null=True)
        sync_id = TextField(null=True)

        class Meta:
            table_name = "ledger"
            indexes = (
                (("source", "idempotency_key"), True),
                (("member", "occurred_at"), False),
            )
            database = db

    class Run(Model):
        id = TextField(primary_key=True)
        job = TextField()
        status = TextField()
        trigger = TextField()
        started_at = TimeField()
        finished_at = TimeField()
        stats = TextField(null=True)
        error_code = TextField(null=True)
        error_message = TextField(null=True)

        class Meta:
            table_name = "run"
            indexes = ((("job", "started_at"), False),)
            database = db

    class Job(Model):
        name = TextField(primary_key=True)
        consecutive_failures = IntegerField()
        last_completed_run = TextField(null=True)
        last_completed_at = TimeField(null=True)
        cooldown_until = TimeField(null=True)

        class Meta:
            table_name = "job"
            database = db

    db.create_tables([Member, Activity, LedgerEntry, Run, Job])
