"""Can the database be reached, read and written, by this program and by nobody else?"""

from __future__ import annotations

import os
import pwd
import secrets
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from trcpoints.config import Settings, sqlite_path
from trcpoints.db import schema
from trcpoints.db.database import Access, connected
from trcpoints.db.engine import Engine
from trcpoints.db.models import Job, Member, Run
from trcpoints.errors import DatabaseMissing, DatabaseUnavailable, TrcpointsError
from trcpoints.jobs.doctor.check import Books, Case, Check, fault_of, unset
from trcpoints.jobs.leases import list_leases
from trcpoints.jobs.memory import SYNC_JOB, pause_until, recall
from trcpoints.jobs.owner import this_process
from trcpoints.jobs.tracked_guild import tracked_guild
from trcpoints.members.judged import STREAKS_JOB
from trcpoints.monitoring.health import CLOCK_DRIFT

ROOM = 50_000_000
"""Bytes that a disk should have free at least; and as many as the database has."""

NAMES = ("disk", "database", "schema", "permissions", "writing")


def look(case: Case) -> Iterator[Check]:
    """Open it as a reader first, and as a writer only where a writer would change nothing.

    The disk goes before: one that is full is why the others fail.
    """
    settings = case.usable("DATABASE_URL")
    if settings is None:
        yield from map(unset, NAMES)
        return
    file = sqlite_path(settings.database_url)
    yield _disk(file)
    reached, current = _read(case, settings)
    yield from (reached, current)
    yield _permissions(file)
    yield _writing(settings) if current.status == "ok" else _not_current("writing")


def _read(case: Case, settings: Settings) -> tuple[Check, Check]:
    """Whether it can be reached, and whether its schema is this program's."""
    try:
        with connected(settings.database_url, Access.READ) as engine:
            reached = Check("database", "ok", f"{engine.public_url}, {_mb(engine.size_bytes())}.")
            current = _schema(engine)
            if current.status == "ok":
                case.books = _books(case, settings, engine)
    except DatabaseMissing as fault:
        case.books = Books(case.clock())
        return fault_of("database", fault), Check("schema", "skipped", "There is no database yet.")
    except TrcpointsError as fault:
        return fault_of("database", fault), Check("schema", "skipped", "See database.")
    return reached, current


def _schema(engine: Engine) -> Check:
    """Whether the schema is this program's; raises DatabaseMissing."""
    try:
        schema.require_current(engine)
    except DatabaseMissing:
        raise
    except TrcpointsError as fault:
        return fault_of("schema", fault)
    return Check("schema", "ok", f"Version {schema.inspect(engine).version}, which is current.")


def _books(case: Case, settings: Settings, engine: Engine) -> Books:
    now = case.clock()
    shared = engine.clock(now)
    linked = Member.select(Member.discord_id).where(
        Member.discord_id.is_null(False) & (Member.active == True)  # noqa: E712 (SQL, not Python)
    )
    last = {}
    for job in (SYNC_JOB, STREAKS_JOB):
        runs = Run.select().where(
            (Run.job == job)
            & (Run.trigger == "scheduled")
            # What a wrong clock dated ahead would pass for the newest for days.
            & (Run.started_at <= now + CLOCK_DRIFT)
        )
        newest = runs.order_by(Run.started_at.desc()).first()
        if newest is not None:
            last[job] = newest.started_at
    return Books(
        now=shared,
        # SQLite has no clock of its own and gives ours back.
        offset=None if shared is now else shared - now,
        guild_id=tracked_guild(),
        wanted=frozenset(int(discord_id) for (discord_id,) in engine.raw_rows(linked)),
        paused_until=pause_until(recall(SYNC_JOB), now),
        scheduled=last,
        leases=list_leases(engine, this_process(settings.host_id), now).leases,
    )


def _permissions(file: Path | None) -> Check:
    """Whether the owner may write, and nobody else read: judged by the modes, which root passes."""
    if file is None:
        return Check("permissions", "skipped", "PostgreSQL has its own: see pg_hba.conf.")
    try:
        book, folder = file.stat(), file.parent.stat()
    except OSError:
        return _not_there("permissions")
    mode = stat.S_IMODE(book.st_mode)
    owner = _name(book.st_uid)
    if mode & 0o677 != 0o600:
        return _refused(
            "permissions",
            f"{file} has the mode {mode:04o}; with 0600 its owner, {owner}, reads and writes it, "
            "and nobody else.",
            f"chmod 600 {shlex.quote(str(file))}",
        )
    if book.st_uid and not _may_write(folder, book.st_uid):
        return _refused(
            "permissions",
            f"{owner}, who owns {file}, may not write in its folder (mode "
            f"{stat.S_IMODE(folder.st_mode):04o}), where SQLite keeps two files beside it.",
            f"chown {shlex.quote(owner)} {shlex.quote(str(file.parent))}; "
            f"chmod 700 {shlex.quote(str(file.parent))}",
        )
    if book.st_uid != os.geteuid():
        return Check(
            "permissions",
            "warning",
            f"{file} belongs to {owner}, and you are {_name(os.geteuid())}: what is found here is "
            "not what the jobs would find.",
            f"Look as the owner: runuser -u {shlex.quote(owner)} -- trcpoints doctor",
        )
    return Check("permissions", "ok", "Only its owner may read and write it.")


def _may_write(folder: os.stat_result, user: int) -> bool:
    """As far as the mode says: which groups somebody else is in is not looked up."""
    if folder.st_uid == user:
        return folder.st_mode & 0o300 == 0o300
    return bool(folder.st_mode & 0o022)


def _disk(file: Path | None) -> Check:
    if file is None:
        return Check("disk", "skipped", "The disk of a PostgreSQL server cannot be seen from here.")
    try:
        free, size = shutil.disk_usage(file.parent).free, file.stat().st_size
    except OSError:
        return _not_there("disk")
    needed = max(ROOM, size)
    if free < needed:
        return _refused(
            "disk",
            f"{_mb(free)} are free in {file.parent}; it should be {_mb(needed)} at least.",
            f"Make room: df -h {shlex.quote(str(file.parent))}",
        )
    return Check("disk", "ok", f"{_mb(free)} are free.")


def _writing(settings: Settings) -> Check:
    """Write a row, read it, and take it away in one transaction.

    It is committed: a full disk is met then, and not before.
    """
    name = f"doctor {secrets.token_hex(8)}"
    try:
        with connected(settings.database_url, Access.WRITE) as engine, engine.books():
            Job.insert(name=name).execute()
            written = Job.select().where(Job.name == name).count()
            removed = Job.delete().where(Job.name == name).execute()
    except TrcpointsError as fault:
        return fault_of("writing", fault)
    if (written, removed) != (1, 1):
        return _refused(
            "writing",
            "A row that was written could not be read back.",
            "Check the database: trcpoints db check",
        )
    return Check("writing", "ok", "A row was written, read, and taken away again.")


def _refused(name: str, message: str, hint: str) -> Check:
    return fault_of(name, DatabaseUnavailable(message, hint=hint))


def _not_there(name: str) -> Check:
    return Check(name, "skipped", "There is no file that could be looked at.")


def _not_current(name: str) -> Check:
    return Check(name, "skipped", "There is no database with a current schema.")


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
