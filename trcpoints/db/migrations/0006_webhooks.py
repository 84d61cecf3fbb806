"""Webhooks: their deliveries, how many were refused, and an index of what waits for a member.

The models are frozen copies: later changes of `trcpoints.db.models` do not reach back here.
"""

from peewee import BigAutoField, BigIntegerField, Database, Model, TextField
from playhouse.migrate import SchemaMigrator

from trcpoints.db.fields import TimeField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the tables and the index."""

    class WebhookDelivery(Model):
        id = BigAutoField()
        connector = TextField()
        form = TextField()
        delivery_id = TextField()
        received_at = TimeField()
        organization = TextField(null=True)
        external_id = TextField(null=True)
        event = TextField(null=True)
        outcome = TextField()
        reason = TextField(null=True)
        job_id = BigIntegerField(null=True)

        class Meta:
            table_name = "webhook_delivery"
            indexes = (
                (("connector", "received_at"), False),
                (("connector", "delivery_id"), False),
                (("connector", "organization", "external_id"), False),
                (("outcome", "received_at"), False),
                (("received_at",), False),
            )
            database = db

    class WebhookRefusal(Model):
        id = BigAutoField()
        connector = TextField()
        reason = TextField()
        minute = TimeField()
        count = BigIntegerField()

        class Meta:
            table_name = "webhook_refusal"
            indexes = ((("connector", "reason", "minute"), True),)
            database = db

    db.create_tables([WebhookDelivery, WebhookRefusal])
    migrator.migrate(
        migrator.add_index("federation_job", ["connector", "organization", "external_id", "status"])
    )
