"""Looks at the books from outside: what is in the tables, row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from tests.support.cli import Cli
from trcpoints.config import sqlite_path
from trcpoints.db import postgres
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import (
    Activity,
    DailyPoints,
    GraceDay,
    Hold,
    Job,
    Lease,
    LedgerEntry,
    Member,
    Milestone,
    Run,
    TrackedGuild,
)

Rows = list[dict[str, Any]]


def link(cli: Cli, discord_ids: Iterable[str]) -> None:
    """Import members with these Discord ids."""
    lines = [f"{discord_id},member {discord_id}" for discord_id in discord_ids]
    cli.ok("members", "import", "-", stdin="\n".join(["discord_id,name", *lines]))


def members(cli: Cli) -> dict[str, Member]:
    """Every linked member, by Discord id."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return {m.discord_id: m for m in Member.select() if m.discord_id is not None}


def change_member(cli: Cli, discord_id: str, **values: object) -> None:
    """Change a member behind the program's back, as a federation will."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        Member.update(**values).where(Member.discord_id == discord_id).execute()


@contextmanager
def locked(cli: Cli) -> Iterator[None]:
    """Another program has the books lock meanwhile; by a driver alone, so that threads may."""
    url = cli.environment["DATABASE_URL"]
    path = sqlite_path(url)
    if path is None:
        with psycopg.connect(url) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", (postgres.BOOKS_LOCK,))
            yield
    else:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield


def bind(cli: Cli, guild_id: str) -> None:
    """Bind the books to a guild behind the program's back."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        TrackedGuild.delete().execute()
        TrackedGuild.insert(id=1, guild_id=guild_id).execute()


def guild(cli: Cli) -> str | None:
    """The guild that the books belong to."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return next((row.guild_id for row in TrackedGuild.select()), None)


def change_runs(cli: Cli, **values: object) -> None:
    """Change every run on record behind the program's back."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        Run.update(**values).execute()


def change_job(cli: Cli, name: str, **values: object) -> None:
    """Change what a job remembers behind the program's back."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        Job.delete().where(Job.name == name).execute()
        Job.insert(name=name, **values).execute()


def change_lease(cli: Cli, **values: object) -> None:
    """Change the one lease that is held behind the program's back."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        assert Lease.update(**values).execute() == 1


def heartbeat(cli: Cli) -> str:
    """When the one holder of a lease was last heard of; by a driver alone, so that threads may."""
    url = cli.environment["DATABASE_URL"]
    path = sqlite_path(url)
    query = "SELECT heartbeat_at FROM lease"
    if path is None:
        with psycopg.connect(url) as other:
            ((at,),) = other.execute(query).fetchall()
    else:
        with closing(sqlite3.connect(path)) as file:
            ((at,),) = file.execute(query).fetchall()
    return str(at)


def activity(cli: Cli, discord_id: str) -> list[tuple[int | None, int]]:
    """A member's activity records as `(xp_delta, xp_total)`, oldest first."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        query = Activity.select().where(Activity.discord_id == discord_id).order_by(Activity.id)
        return [(record.xp_delta, record.xp_total) for record in query]


def ledger(cli: Cli, discord_id: str) -> list[int]:
    """The points of a member's ledger, oldest first."""
    return [entry.points for entry in entries(cli, discord_id)]


def entries(cli: Cli, discord_id: str) -> list[LedgerEntry]:
    """A member's ledger, oldest first."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        query = LedgerEntry.select().join(Member).where(Member.discord_id == discord_id)
        return list(query.order_by(LedgerEntry.id))


def runs(cli: Cli) -> list[Run]:
    """Every run on record, oldest first."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return list(Run.select().order_by(Run.started_at, Run.id))


def job(cli: Cli, name: str = "sync") -> Job | None:
    """What a job remembers."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return Job.get_or_none(Job.name == name)


def everything(cli: Cli) -> dict[str, Rows]:
    """All rows of all tables but the record of the runs, for comparing two databases."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        tables = (
            *((Member, Member.id), (Activity, Activity.id), (LedgerEntry, LedgerEntry.id)),
            (Hold, Hold.id),
        )
        found: dict[str, Rows] = {
            model.__name__: [*model.select().order_by(key).dicts()] for model, key in tables
        }
        found["Job"] = [*Job.select().order_by(Job.name).dicts()]
        found["TrackedGuild"] = [*TrackedGuild.select(TrackedGuild.guild_id).dicts()]
        found["GraceDay"] = [*GraceDay.select().order_by(GraceDay.day).dicts()]
        found["DailyPoints"] = [*DailyPoints.select().order_by(DailyPoints.day).dicts()]
        found["Milestone"] = [*Milestone.select().order_by(Milestone.id).dicts()]
        return found
