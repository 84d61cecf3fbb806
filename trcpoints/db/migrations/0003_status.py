"""Indexes from which `status` counts members without reading them."""

from peewee import SQL, Database
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Add the indexes."""
    migrator.migrate(
        migrator.add_index("member", ["active", "current_streak"]),
        migrator.add_index("member", ["id"], where=SQL("left_at IS NOT NULL"), name="member_left"),
        migrator.add_index(
            "member",
            ["id"],
            where=SQL("(discord_id IS NULL OR NOT active)"),
            name="member_untracked",
        ),
    )
