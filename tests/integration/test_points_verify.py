"""`points verify`: books that add up, and each way in which they may not (design, 2.1 and 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from peewee import SchemaManager

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.db.models import Activity, LedgerEntry, Member
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT = "101", "102", "103"


@pytest.fixture
def healthy(cli: Cli, mee6: SimulatedMee6) -> Cli:
    """Books with everything in them: gains, losses, quiet, carries, awards, adjustments."""
    books.link(cli, [ANN, BOB, CAT])
    for xp in (1000, 1250, 1250, 1090, 1400):
        show(mee6, {ANN: xp, BOB: 2 * xp, CAT: 50})
        cli.ok("sync", "--sync-id", f"sync-{xp}-{len(books.activity(cli, ANN))}")
    for key, member in enumerate([ANN, BOB, BOB]):
        arguments = ("--points", "7", "--source", "benchmark", "--key", str(key))
        cli.ok("points", "award", f"discord:{member}", *arguments, "--at", "2026-01-19")
    adjust = ("--points", "-3", "--source", "adjustment", "--key", "a", "--note", "slip")
    cli.ok("points", "award", f"discord:{BOB}", *adjust)
    return cli


def test_healthy_books_add_up(healthy: Cli) -> None:
    document = healthy.ok("points", "verify")
    assert document["status"] == "completed"
    assert document["faults"] == []
    assert document["error"] is None
    assert document["members"] == 3
    assert document["entries"] == len(books.everything(healthy)["LedgerEntry"]) > 6
    assert document["activities"] == len(books.everything(healthy)["Activity"]) > 8
    shown = healthy("points", "verify")
    assert shown.out.startswith("The books add up")
    assert healthy("points", "verify", "-q").out == ""


def test_empty_books_add_up(cli: Cli) -> None:
    assert cli.ok("points", "verify")["members"] == 0


def test_a_member_baselined_again_adds_up(healthy: Cli, mee6: SimulatedMee6) -> None:
    healthy.ok("members", "rebaseline", f"discord:{ANN}")
    healthy.ok("members", "set", f"discord:{BOB}", "--discord-id", "104")
    healthy.ok("points", "verify")
    show(mee6, {ANN: 40, "104": 77, CAT: 50})
    healthy.ok("sync")
    healthy.ok("points", "verify")
    show(mee6, {ANN: 540, "104": 377, CAT: 50})
    healthy.ok("sync")
    healthy.ok("points", "verify")


def member_id(discord_id: str) -> int:
    return Member.get(Member.discord_id == discord_id).id


def wrong_balance(_: Engine) -> None:
    Member.update(points=Member.points + 1).where(Member.discord_id == ANN).execute()


def wrong_carry(_: Engine) -> None:
    Member.update(carry=Member.carry + 1).where(Member.discord_id == ANN).execute()


def carry_without_activity(_: Engine) -> None:
    mine = Activity.member == member_id(ANN)
    Activity.delete().where(mine & (Activity.xp_delta == 250)).execute()


def wrong_xp(_: Engine) -> None:
    Member.update(xp_total=1).where(Member.discord_id == ANN).execute()


def xp_without_records(_: Engine) -> None:
    Activity.delete().where(Activity.member == member_id(ANN)).execute()


def broken_chain(_: Engine) -> None:
    mine = Activity.member == member_id(ANN)
    changed = Activity.update(xp_total=Activity.xp_total + 1)
    changed.where(mine & (Activity.xp_delta == -160)).execute()


def no_baseline(_: Engine) -> None:
    mine = Activity.member == member_id(ANN)
    changed = Activity.update(xp_delta=0)
    changed.where(mine & Activity.xp_delta.is_null()).execute()


def lost_entry(_: Engine) -> None:
    """Lost together with its points: balance and ledger agree, XP and points do not."""
    entry = discord_entry()
    entry.delete_instance()
    Member.update(points=Member.points - entry.points).where(Member.discord_id == ANN).execute()


def moved_award(_: Engine) -> None:
    """Totals agree; only the order in which points followed from XP does not."""
    first, last = discord_entries()[::2]
    LedgerEntry.update(points=first.points + 1).where(LedgerEntry.id == first.id).execute()
    LedgerEntry.update(points=last.points - 1).where(LedgerEntry.id == last.id).execute()


def entry_of_no_sync(_: Engine) -> None:
    entry = discord_entry()
    LedgerEntry.update(sync_id="never").where(LedgerEntry.id == entry.id).execute()


def entries_that_cancel_out(_: Engine) -> None:
    for number, points in enumerate((1, -1)):
        LedgerEntry.create(
            member=member_id(ANN),
            source="discord",
            points=points,
            idempotency_key=f"extra-{number}",
            sync_id=f"extra-{number}",
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )


def repeated_key(_: Engine) -> None:
    SchemaManager(LedgerEntry).drop_indexes()  # they would refuse it
    entry = LedgerEntry.get(LedgerEntry.source == "benchmark", LedgerEntry.member == member_id(ANN))
    row = {**entry.__data__, "id": None}
    LedgerEntry.create(**row)
    Member.update(points=Member.points + entry.points).where(Member.discord_id == ANN).execute()


def repeated_sync(_: Engine) -> None:
    SchemaManager(Activity).drop_indexes()  # they would refuse it
    mine = Activity.member == member_id(ANN)
    last = Activity.select().where(mine).order_by(Activity.id.desc()).get()
    Activity.create(**{**last.__data__, "id": None, "xp_delta": 0})


def activity_forgotten(_: Engine) -> None:
    Member.update(last_active_at=None).where(Member.discord_id == ANN).execute()


def activity_too_old(_: Engine) -> None:
    newest = discord_entries()[-1].occurred_at - timedelta(microseconds=1)
    Member.update(last_active_at=newest).where(Member.discord_id == ANN).execute()


def discord_entries() -> list[LedgerEntry]:
    query = LedgerEntry.select().where(
        LedgerEntry.member == member_id(ANN), LedgerEntry.source == "discord"
    )
    return list(query.order_by(LedgerEntry.id))


def discord_entry() -> LedgerEntry:
    return discord_entries()[0]


@pytest.mark.parametrize(
    ("corrupt", "reasons"),
    [
        (wrong_balance, ["the balance is"]),
        (wrong_carry, ["do not account for"]),
        (carry_without_activity, ["do not account for", "make"]),
        (wrong_xp, ["the last activity record says"]),
        (xp_without_records, ["do not account for", "without an activity record"]),
        (broken_chain, ["make"]),
        (no_baseline, ["no baseline"]),
        (lost_entry, ["do not account for", "the ledger has 0"]),
        (moved_award, ["should have moved"]),
        (entry_of_no_sync, ["the ledger has 0"]),
        (entries_that_cancel_out, ["without an activity record"]),
        (repeated_key, ["more than once"]),
        (repeated_sync, ["more than one activity record"]),
        (activity_forgotten, ["last_active_at"]),
        (activity_too_old, ["last_active_at"]),
    ],
)
def test_what_does_not_add_up_is_named(
    healthy: Cli, corrupt: Callable[[Engine], None], reasons: list[str]
) -> None:
    url = healthy.environment["DATABASE_URL"]
    with open_database(url, Access.WRITE) as engine, engine.books():
        ann = str(member_id(ANN))
        corrupt(engine)
    before = books.everything(healthy)
    result = healthy("points", "verify", "--json")
    assert result.code == 65
    document = result.json
    assert document["schema"] == "trcpoints.points.verify/1"
    assert document["status"] == "failed"
    assert document["error"]["code"] == "books_do_not_add_up"
    assert f"member {ann}: " in document["error"]["message"]
    assert {fault["member_id"] for fault in document["faults"]} == {ann}
    found = [fault["fault"] for fault in document["faults"]]
    assert len(found) == len(reasons)
    for reason in reasons:
        assert any(reason in fault for fault in found), found
    assert books.everything(healthy) == before


def test_a_key_that_two_members_have_names_both(healthy: Cli) -> None:
    with open_database(healthy.environment["DATABASE_URL"], Access.WRITE):
        SchemaManager(LedgerEntry).drop_indexes()  # they would refuse it
        LedgerEntry.update(idempotency_key="same").where(
            LedgerEntry.source == "benchmark"
        ).execute()
    faults = healthy("points", "verify", "--json").json["faults"]
    assert len(faults) == len({fault["member_id"] for fault in faults}) == 2


def test_the_message_names_twenty_members_and_the_document_all(cli: Cli) -> None:
    books.link(cli, [str(1000 + i) for i in range(23)])
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE):
        Member.update(points=1).execute()
    shown = cli("points", "verify")
    assert shown.code == 65
    assert shown.out == ""
    assert "The books of 23 members do not add up." in shown.err
    assert shown.err.count("  member ") == 20
    assert "and 3 more" in shown.err
    assert len(cli("points", "verify", "--json").json["faults"]) == 23


def test_it_sees_one_moment_while_awards_go_on(cli: Cli) -> None:
    books.link(cli, [ANN])
    arguments = ("--points", "7", "--source", "benchmark", "--key", "k")
    with open_database(cli.environment["DATABASE_URL"], Access.READ) as engine, engine.snapshot():
        assert LedgerEntry.select().count() == 0
        cli.ok("points", "award", f"discord:{ANN}", *arguments)
        assert LedgerEntry.select().count() == 0
        assert list(engine.stream(Member.select(Member.points))) == [(0,)]
    assert cli.ok("points", "verify")["entries"] == 1


def test_it_reads_only_and_wants_a_current_database(cli: Cli) -> None:
    missing = {"DATABASE_URL": "sqlite:///nowhere.db"}
    assert cli("points", "verify", env=missing).code == 78
    assert not (cli.folder / "nowhere.db").exists()
