"""The schema's version and its upgrades (design, section 10).

A version is the set of migrations that were applied, by name; its number is that of the newest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trcpoints.db.engine import Engine
from trcpoints.errors import DatabaseMissing, SchemaNewer, SchemaOutdated

MIGRATIONS = Path(__file__).parent / "migrations"
TABLE = "schema_migration"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """`applied` and `pending` are names of migrations, in order; `unknown` are applied ones
    that this program does not have. `is_there`: whether the database is one of ours at all."""

    is_there: bool
    applied: list[str]
    pending: list[str]
    unknown: list[str]

    @property
    def version(self) -> int:
        """The number of the newest migration applied; 0 where there is none."""
        return max((int(name[:4]) for name in self.applied), default=0)


def inspect(engine: Engine) -> SchemaState:
    """Compare the database with the program; one small query or two."""
    ours = sorted(path.stem for path in _files())
    applied: list[str] = []
    is_there = engine.table_exists(TABLE)
    if is_there:
        applied = sorted(name for (name,) in engine.execute_sql(f"SELECT name FROM {TABLE}"))
    return SchemaState(
        is_there=is_there,
        applied=applied,
        pending=[name for name in ours if name not in applied],
        unknown=[name for name in applied if name not in ours],
    )


def require_current(engine: Engine) -> None:
    """Raise SchemaNewer, SchemaOutdated or DatabaseMissing unless program and database agree."""
    state = inspect(engine)
    _refuse_newer(engine, state)
    if not state.is_there:
        raise missing(engine)
    if state.pending:
        was = f"at version {state.version}" if state.applied else "empty"
        raise SchemaOutdated(
            f"The database {engine.public_url} is {was}; this program needs "
            f"version {int(state.pending[-1][:4])}.",
            hint="Upgrade it: trcpoints db upgrade",
        )


def upgrade(engine: Engine, *, create: bool) -> list[str]:
    """Apply what is pending, each migration with its record; the names applied.

    Any number of programs may call it at once: the first does the work, the others wait for it.
    Raises SchemaNewer; and DatabaseMissing, unless a database may be created.
    """
    state = inspect(engine)
    _refuse_newer(engine, state)
    if not (state.is_there or create):
        raise missing(engine)
    if not state.pending:
        return []
    from playhouse.migrations import Runner

    with engine.books():
        applied: list[str] = Runner(engine, str(MIGRATIONS), TABLE).up()
    return applied


def is_first(migrations: list[str]) -> bool:
    """Whether these migrations, in order, made a new database."""
    return bool(migrations) and migrations[0] == min(path.stem for path in _files())


def missing(engine: Engine) -> DatabaseMissing:
    """The failure of a command that makes no database and has found none."""
    told = f"There is no database at {engine.place}: {engine.absence()}."
    return DatabaseMissing(
        "\n".join(filter(None, [told, engine.origin])),
        hint=f"{engine.when_missing} To make a new database, type: trcpoints db upgrade",
    )


def _files() -> Iterator[Path]:
    return MIGRATIONS.glob("[0-9]*.py")


def _refuse_newer(engine: Engine, state: SchemaState) -> None:
    if state.unknown:
        raise SchemaNewer(
            f"The database {engine.public_url} was upgraded by a newer trcpoints "
            f"(it has {', '.join(state.unknown)}).",
            hint="Upgrade this program too: pip install --upgrade trcpoints",
        )
