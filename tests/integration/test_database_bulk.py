"""Many rows at once, read and written (design, section 10)."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support import large
from tests.support.cli import Cli
from tests.support.postgres import PostgresServer
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import FETCHED
from trcpoints.db.models import Member

MEMBERS = 2 * FETCHED + 1
JOINS = "SELECT current_setting('enable_hashjoin'), current_setting('enable_mergejoin')"


@pytest.fixture
def crowd(cli: Cli) -> Cli:
    """More members than a driver gives at once."""
    large.write_members(cli.folder / "roster.csv", MEMBERS)
    cli.ok("members", "import", "roster.csv")
    return cli


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A database on PostgreSQL."""
    url = postgres.create_database(postgres_template)
    yield url
    postgres.drop_database(url)


def test_rows_are_read_to_the_last(crowd: Cli) -> None:
    query = Member.select(Member.id, Member.discord_id).order_by(Member.id)
    expected = [(number + 1, large.discord_id(number)) for number in range(MEMBERS)]
    with open_database(crowd.environment["DATABASE_URL"], Access.READ) as engine:
        assert list(engine.raw_rows(query)) == expected
        with engine.snapshot():
            both = zip(engine.stream(query), engine.stream(query), strict=True)
            assert list(both) == list(zip(expected, expected, strict=True))
        # Who stops early leaves whoever comes next alone.
        assert next(engine.raw_rows(query)) == expected[0]
        assert list(engine.raw_rows(query)) == expected


def test_rows_are_read_where_libpq_knows_no_chunks(
    crowd: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.capabilities, "has_stream_chunked", lambda: False)
    test_rows_are_read_to_the_last(crowd)


def test_asking_while_rows_are_read_is_a_bug_on_either_engine(crowd: Cli) -> None:
    query = Member.select(Member.id)
    with open_database(crowd.environment["DATABASE_URL"], Access.WRITE) as engine:
        rows = engine.raw_rows(query)
        next(rows)
        with pytest.raises(RuntimeError, match="rows of a query were being read"):
            Member.select().count()
        assert len(list(rows)) == MEMBERS - 1
        assert Member.select().count() == MEMBERS
        # Who gives up, as when a signal arrives, is no hindrance to the run's last word.
        rows = engine.raw_rows(query)
        next(rows)
        with engine.books():
            assert Member.select().count() == MEMBERS


def test_rows_are_updated_by_their_keys_and_no_others(crowd: Cli) -> None:
    changed = {number: number * 7 for number in range(2, MEMBERS, 3)}
    with open_database(crowd.environment["DATABASE_URL"], Access.WRITE) as engine:
        for _ in range(2):
            with engine.books():
                engine.update_rows("member", ("id", "points"), changed.items())
        points = dict(engine.raw_rows(Member.select(Member.id, Member.points)))
    assert points == {key: changed.get(key, 0) for key in range(1, MEMBERS + 1)}


@pytest.mark.parametrize("before", [("on", "on"), ("off", "on")])
def test_what_a_bulk_update_sets_it_sets_back(postgres_url: str, before: tuple[str, str]) -> None:
    with open_database(postgres_url, Access.WRITE) as engine:
        engine.execute_sql(f"SET enable_hashjoin = {before[0]}")
        engine.execute_sql(f"SET enable_mergejoin = {before[1]}")
        with engine.books():
            engine.update_rows("member", ("id", "points"), [(1, 5)])
            assert engine.execute_sql(JOINS).fetchone() == before
        assert engine.execute_sql(JOINS).fetchone() == before


def test_many_texts_are_one_parameter(crowd: Cli) -> None:
    ids = [large.discord_id(number) for number in range(0, MEMBERS, 2)]
    with open_database(crowd.environment["DATABASE_URL"], Access.READ) as engine:
        condition = engine.is_among(Member.discord_id, [*ids, "nobody's", '"quoted", \\ {it}'])
        query = Member.select(Member.discord_id).where(condition)
        assert len(query.sql()[1]) == 1
        assert {found for (found,) in engine.raw_rows(query)} == set(ids)
