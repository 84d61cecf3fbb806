"""Whom a record is, and what happens to who is linked anew or active again (section 8, 2.2)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.engine import Federation, Listed, Record
from tests.support.mee6 import show as show_board
from trcpoints.db.engine import Engine
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN: Record = {"id": "M1", "first_name": "Ann", "discord_id": "101", "email": "ann@example.org"}
BO: Record = {"id": "M2", "first_name": "Bo", "discord_id": "102", "email": "bo@example.org"}
HOME = "home@example.org"


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    return Federation(cli, tmp_path)


def add(federation: Federation, **values: str) -> int:
    """Add a member by hand; the id."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    document = federation.cli.ok("members", "add", *options)
    return int(document["member"]["member_id"])


def rejected(
    new_database: Callable[[], str], tmp_path: Path, prepare: Any, *records: Record
) -> set[tuple[str | None, str]]:
    """What is rejected of some records, which is the same in whatever order they come."""
    outcomes = []
    orders = list(itertools.permutations(records))
    for order, federation in zip(orders, worlds(new_database, tmp_path, len(orders)), strict=True):
        prepare(federation)
        plan = federation.sync(*order)
        assert plan.counts.rejected == len(plan.rejections)
        names = sorted(str(member["first_name"]) for member in federation.members().values())
        outcomes.append((sorted(plan.rejections), names))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    return {(external_id, reason) for external_id, reason in outcomes[0][0]}


def worlds(new_database: Callable[[], str], tmp_path: Path, number: int) -> Iterator[Federation]:
    """Federations that have nothing to do with each other."""
    for n in range(number):
        folder = tmp_path / str(n)
        (folder / "work").mkdir(parents=True)
        cli = Cli(folder / "work", {"DATABASE_URL": new_database(), "HOME": str(folder)})
        yield Federation(cli, folder)


def nobody(_: Federation) -> None:
    """Nobody is there before."""


def test_who_has_the_account_is_adopted_before_who_has_the_e_mail(federation: Federation) -> None:
    by_mail = add(federation, email="ann@example.org")
    by_account = add(federation, discord_id="101")
    federation.sync(ANN)
    assert federation.member("M1")["id"] == by_account
    assert by_mail in federation.members()
    assert len(federation.members()) == 2


def test_who_has_the_e_mail_is_adopted(federation: Federation) -> None:
    ours = add(federation, email="ann@example.org", phone="+353 1 1")
    federation.sync(ANN)
    member = federation.member("M1")
    assert (member["id"], member["discord_id"], member["first_name"]) == (ours, "101", "Ann")
    assert member["phone"] == "+353 1 1"
    assert len(federation.members()) == 1


def test_a_family_shares_an_address(federation: Federation) -> None:
    parent = add(federation, email=HOME, discord_id="101")
    federation.sync({**ANN, "email": HOME}, {**BO, "email": HOME})
    assert federation.member("M1")["id"] == parent
    # Neither another account, nor a second record of one who has one there.
    assert federation.member("M2")["id"] != parent
    federation.sync({"id": "M3", "email": HOME}, {**ANN, "email": HOME}, {**BO, "email": HOME})
    assert len(federation.members()) == 3


def test_a_child_with_the_address_of_a_parent_is_somebody_else(federation: Federation) -> None:
    parent: Record = {
        "id": "P", "first_name": "Ada", "email": HOME, "date_of_birth": "1980-01-31"
    }  # fmt: skip
    federation.sync(parent)
    child: Record = {**parent, "id": "C", "first_name": "Con", "date_of_birth": "2012-05-05"}
    assert federation.sync(child, organization="na-fianna").counts.created == 1
    assert federation.member("P")["first_name"] == "Ada"
    # The same person there, though by another name.
    again: Record = {**parent, "id": "A", "first_name": "Adela"}
    assert federation.sync(child, again, organization="na-fianna").counts.created == 0
    assert federation.member("A", "na-fianna") == federation.member("P")


def test_a_birthday_that_somebody_typed_may_be_wrong(federation: Federation) -> None:
    typed = add(federation, email=HOME, first_name="Ada", date_of_birth="1980-01-13")
    found: Record = {"id": "P", "email": HOME, "date_of_birth": "1980-01-31"}
    plan = federation.sync(found)
    assert [one.field for one in plan.conflicts] == ["date_of_birth"]
    assert federation.member("P")["id"] == typed


def test_an_e_mail_of_several_members(new_database: Callable[[], str], tmp_path: Path) -> None:
    def prepare(federation: Federation) -> None:
        for name in ("one", "two"):
            add(federation, email=HOME, first_name=name)

    records = {"id": "M1", "email": HOME}, BO
    assert rejected(new_database, tmp_path, prepare, *records) == {
        ("M1", f"its e-mail '{HOME}' is shared by the members 1, 2")
    }


def test_who_has_the_account_is_adopted_whoever_has_the_e_mail(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    def prepare(federation: Federation) -> None:
        add(federation, email=HOME, discord_id="101", first_name="Ann")
        add(federation, email=HOME, discord_id="105", first_name="Dot")

    by_mail, by_account = {"id": "M1", "email": HOME}, {"id": "M3", "discord_id": "101"}
    for number, federation in enumerate(worlds(new_database, tmp_path, 6)):
        prepare(federation)
        order = list(itertools.permutations([by_mail, by_account, BO]))[number]
        assert federation.sync(*order).rejections == []
        assert federation.member("M3")["id"] == 1
        # One is left who has the e-mail.
        assert federation.member("M1")["id"] == 2
        assert len(federation.members()) == 3


def test_whoever_is_left_without_a_member_is_new(federation: Federation) -> None:
    add(federation, email=HOME, discord_id="101")
    plan = federation.sync({"id": "M1", "email": HOME}, {"id": "M3", "discord_id": "101"})
    assert (plan.counts.created, plan.counts.updated, plan.counts.rejected) == (1, 1, 0)
    assert (federation.member("M3")["id"], federation.member("M1")["id"]) == (1, 2)


def test_two_records_for_one_member(new_database: Callable[[], str], tmp_path: Path) -> None:
    def prepare(federation: Federation) -> None:
        add(federation, email=HOME, first_name="Ann")

    reason = "member 1 could be any of the records 'M1', 'M3'"
    records = {"id": "M1", "email": HOME}, {"id": "M3", "email": HOME, "discord_id": "101"}, BO
    assert rejected(new_database, tmp_path, prepare, *records) == {("M1", reason), ("M3", reason)}

    def prepare_linked(federation: Federation) -> None:
        add(federation, email=HOME, discord_id="101", first_name="Ann")

    # Two have the account: who has the e-mail cannot tell whether the member is left.
    reason = "member 1 could be any of the records 'M1', 'M3', 'M4'"
    by_account = {"id": "M3", "discord_id": "101"}, {"id": "M4", "discord_id": "101"}
    found = rejected(
        new_database, tmp_path / "linked", prepare_linked, {"id": "M1", "email": HOME}, *by_account
    )
    assert found == {(name, reason) for name in ("M1", "M3", "M4")}


def test_two_records_with_one_external_id(new_database: Callable[[], str], tmp_path: Path) -> None:
    reason = "its external_id is that of several records"
    wrong = {**ANN, "subscription_status": "perhaps"}
    twice = ("M1", reason)
    found = rejected(new_database, tmp_path, nobody, ANN, {**ANN, "first_name": "An"}, wrong, BO)
    assert found == {twice}
    # Known before, and once as it was.
    before: Record = {"id": "M1", "first_name": "Ann"}
    changed = {**before, "first_name": "An"}

    def prepare(federation: Federation) -> None:
        federation.sync(before)

    assert rejected(new_database, tmp_path / "known", prepare, before, changed) == {twice}


def test_two_new_records_with_one_account(new_database: Callable[[], str], tmp_path: Path) -> None:
    reason = "its discord_id 101 is that of the records 'M1', 'M2'"
    records = ANN, {**BO, "discord_id": "101"}, {"id": "M3", "first_name": "Cy"}
    assert rejected(new_database, tmp_path, nobody, *records) == {("M1", reason), ("M2", reason)}


def test_a_known_and_a_new_record_with_one_account(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    def prepare(federation: Federation) -> None:
        federation.sync(ANN)

    reason = "its discord_id 103 is that of the records 'M1', 'M2'"
    records = {**ANN, "discord_id": "103"}, {**BO, "discord_id": "103"}
    assert rejected(new_database, tmp_path, prepare, *records) == {("M1", reason), ("M2", reason)}


def test_accounts_that_other_members_have(new_database: Callable[[], str], tmp_path: Path) -> None:
    def prepare(federation: Federation) -> None:
        federation.sync(ANN, BO)
        add(federation, discord_id="103")

    theirs = {**ANN, "discord_id": "102"}, BO, {"id": "M3", "discord_id": "102"}
    assert rejected(new_database, tmp_path, prepare, *theirs) == {
        ("M1", "its discord_id 102 is that of member 2, who is record 'M2'"),
        ("M3", "its discord_id 102 is that of member 2, who is record 'M2'"),
    }
    # Who may have it has it, whatever another record claims.
    rivals = {**ANN, "discord_id": "103"}, {"id": "M3", "discord_id": "103"}, BO
    assert rejected(new_database, tmp_path / "rivals", prepare, *rivals) == {
        ("M1", "its discord_id 103 is that of member 3")
    }


def test_an_account_that_is_not_taken_holds_nothing_back(federation: Federation) -> None:
    federation.sync(ANN)
    # The record has a wrong account, which is that of somebody else; an operator put it right.
    federation.by_hand(1, discord_id="109")
    add(federation, discord_id="101", name="Dot")
    plan = federation.sync({**ANN, "email": "new@example.org"})
    assert plan.rejections == []
    assert federation.member("M1")["email"] == "new@example.org"
    assert federation.member("M1")["discord_id"] == "109"


def test_another_account_is_baselined_anew(federation: Federation, mee6: SimulatedMee6) -> None:
    federation.sync(ANN)
    show_board(mee6, {"101": 1000, "109": 5000})
    federation.cli.ok("sync")
    show_board(mee6, {"101": 1250, "109": 5000})
    federation.cli.ok("sync")
    books.change_member(federation.cli, "101", left_at=None, absences=1)
    federation.sync({**ANN, "discord_id": "109"})
    member = federation.member("M1")
    assert (member["xp_total"], member["absences"], member["rebaseline"]) == (None, 0, False)
    assert (member["points"], member["carry"]) == (2, 50)
    assert federation.cli.ok("sync")["members"]["baselined"] == 1
    member = federation.member("M1")
    assert (member["xp_total"], member["points"], member["carry"]) == (5000, 2, 50)
    assert federation.cli.ok("points", "verify")["faults"] == []


def test_who_is_active_again_is_baselined_again(
    federation: Federation, mee6: SimulatedMee6
) -> None:
    federation.sync(ANN)
    show_board(mee6, {"101": 1000})
    federation.cli.ok("sync")
    federation.sync(source=Listed(), external_id="M1")
    show_board(mee6, {"101": 9000})
    assert federation.cli.ok("sync")["members"]["tracked"] == 0
    federation.sync(ANN)
    assert federation.cli.ok("sync")["members"]["baselined"] == 1
    assert federation.member("M1")["points"] == 0
    show_board(mee6, {"101": 9100})
    federation.cli.ok("sync")
    assert federation.member("M1")["points"] == 1
    assert federation.cli.ok("points", "verify")["faults"] == []


def test_one_who_is_adopted_is_active_again_too(federation: Federation) -> None:
    add(federation, discord_id="101")
    books.change_member(federation.cli, "101", active=False)
    assert federation.sync(ANN).counts.updated == 1
    assert federation.member("M1")["active"] is True
    assert federation.member("M1")["rebaseline"] is True


def test_new_members_follow_those_who_were_added(federation: Federation) -> None:
    add(federation, name="Zoe")
    federation.sync(ANN)
    assert add(federation, name="Yan") == 3
    federation.sync(ANN, BO)
    assert add(federation, name="Xia") == 5
    assert federation.member("M2")["id"] == 4


def test_as_many_queries_for_few_as_for_many(
    new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for kind in Engine.__subclasses__():
        monkeypatch.setattr(kind, "execute_sql", counting(kind.execute_sql, asked))
    queries = []
    for number in (10, 60):
        (tmp_path / str(number) / "work").mkdir(parents=True)
        url = new_database()
        cli = Cli(tmp_path / str(number) / "work", {"DATABASE_URL": url, "HOME": str(tmp_path)})
        federation = Federation(cli, tmp_path)
        for n in range(0, number, 5):
            add(federation, email=f"{n}@x.ie", first_name="by hand")
        asked.clear()
        federation.sync(*crowd("A", number))
        federation.sync(*crowd("B", number))
        federation.sync(*crowd("B", number // 2))
        federation.sync(*({**one, "id": f"N{one['id']}"} for one in crowd("C", number)))
        queries.append(len(asked))
    assert queries[0] == queries[1]


def crowd(name: str, number: int) -> list[Record]:
    return [
        {"id": f"M{n}", "first_name": name, "email": f"{n}@x.ie", "discord_id": str(900 + n)}
        for n in range(number)
    ]


def counting(execute: Any, asked: list[str]) -> Any:
    def execute_sql(self: Engine, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(self, sql, *rest)

    return execute_sql
