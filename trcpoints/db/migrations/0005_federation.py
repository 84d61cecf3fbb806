"""Federations: links of members, edits by hand, conflicts, and the queue.

The models are frozen copies: later changes of `trcpoints.db.models` do not reach back here.
"""

from peewee import (
    SQL,
    BigAutoField,
    BooleanField,
    Database,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the tables."""

    class Member(Model):
        id = BigAutoField()

        class Meta:
            table_name = "member"
            database = db

    class MemberEdit(Model):
        id = BigAutoField()
        member = ForeignKeyField(Member, index=False)
        field = TextField()
        modified_by = TextField()
        modified_at = TimeField()

        class Meta:
            table_name = "member_edit"
            indexes = ((("member", "field"), True),)
            database = db

    class MemberLink(Model):
        id = BigAutoField()
        member = ForeignKeyField(Member, index=True)
        connector = TextField()
        organization = TextField()
        external_id = TextField()
        digest = TextField()
        base = TextField()
        synced_at = TimeField()
        missing_since = TimeField(null=True)

        class Meta:
            table_name = "member_link"
            indexes = ((("connector", "organization", "external_id"), True),)
            database = db

    class FederationSource(Model):
        scope = TextField(primary_key=True)
        last_synced_at = TimeField()
        last_run = TextField()

        class Meta:
            table_name = "federation_source"
            database = db

    class Conflict(Model):
        id = BigAutoField()
        run_id = TextField()
        member = ForeignKeyField(Member, index=True)
        connector = TextField()
        organization = TextField()
        field = TextField()
        base = TextField(null=True)
        federation = TextField(null=True)
        ours = TextField(null=True)
        resolved = TextField(null=True)
        strategy = TextField()
        note = TextField(null=True)
        created_at = TimeField()
        kept = TextField(null=True)
        kept_at = TimeField(null=True)
        kept_by = TextField(null=True)

        class Meta:
            table_name = "conflict"
            indexes = ((("run_id",), False), (("kept",), False))
            database = db

    class FederationJob(Model):
        id = BigAutoField()
        connector = TextField()
        organization = TextField()
        external_id = TextField(null=True)
        event = TextField(null=True)
        status = TextField()
        trigger = TextField()
        strategy = TextField()
        accept_changes = BooleanField(default=False)
        created_at = TimeField()
        started_at = TimeField(null=True)
        finished_at = TimeField(null=True)
        retry_count = IntegerField(default=0)
        max_retries = IntegerField(default=3)
        next_retry_at = TimeField(null=True)
        run_id = TextField(null=True)
        error_code = TextField(null=True)
        error_message = TextField(null=True)
        error_hint = TextField(null=True)

        class Meta:
            table_name = "federation_job"
            indexes = ((("status", "next_retry_at"), False),)
            database = db

    for name, where in (
        ("federation_job_running", "status = 'running'"),
        ("federation_job_open", "external_id IS NULL AND status IN ('pending', 'running')"),
    ):
        FederationJob.add_index(
            FederationJob.index(
                FederationJob.connector,
                FederationJob.organization,
                unique=True,
                where=SQL(where),
                name=name,
            )
        )
    db.create_tables([MemberEdit, MemberLink, FederationSource, Conflict, FederationJob])
