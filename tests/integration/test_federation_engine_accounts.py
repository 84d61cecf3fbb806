"""Who has which Discord account once a read is over (design, section 8)."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.cli import Cli
from tests.support.engine import Federation, Record
from tests.support.mee6 import show as show_board
from trcpoints.config import sqlite_url
from trcpoints.demo.server import SimulatedMee6
from trcpoints.federation.conflicts import STRATEGIES, Strategy

pytestmark = pytest.mark.slow_on_postgresql

ANN: Record = {"id": "M1", "first_name": "Ann", "discord_id": "101"}
BO: Record = {"id": "M2", "first_name": "Bo", "discord_id": "102"}
CY: Record = {"id": "M3", "first_name": "Cy", "discord_id": "103"}


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    return Federation(cli, tmp_path)


def having(record: Record, account: str | None) -> Record:
    return {**record, "discord_id": account}


def accounts(federation: Federation) -> dict[str, str | None]:
    """The account of each record's member."""
    members = federation.members()
    return {one["external_id"]: members[one["member"]]["discord_id"] for one in federation.links()}


def test_two_exchange_their_accounts(federation: Federation, mee6: SimulatedMee6) -> None:
    federation.sync(ANN, BO)
    show_board(mee6, {"101": 1000, "102": 5000})
    federation.cli.ok("sync")
    plan = federation.sync(having(ANN, "102"), having(BO, "101"))
    assert (plan.counts.updated, plan.rejections) == (2, [])
    assert accounts(federation) == {"M1": "102", "M2": "101"}
    # Each is linked anew: what the other has written is no gain and no loss.
    assert federation.cli.ok("sync")["members"]["baselined"] == 2
    assert [one["points"] for one in federation.members().values()] == [0, 0]
    assert federation.cli.ok("points", "verify")["faults"] == []
    assert federation.sync(having(ANN, "102"), having(BO, "101")).counts.unchanged == 2


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_account_is_passed_on(federation: Federation, order: tuple[int, ...]) -> None:
    federation.sync(ANN, BO)
    new = {"id": "M4", "first_name": "Di", "discord_id": "101"}
    records = [having(ANN, "102"), having(BO, "109"), new]
    plan = federation.sync(*(records[n] for n in order))
    assert (plan.counts.created, plan.counts.updated, plan.rejections) == (1, 2, [])
    assert accounts(federation) == {"M1": "102", "M2": "109", "M4": "101"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_account_that_was_blank_for_a_while_gives_way_to_the_next(
    federation: Federation, strategy: Strategy
) -> None:
    federation.strategy = strategy
    federation.sync(ANN, BO, CY)
    blank = [having(one, None) for one in (ANN, BO, CY)]
    # Nobody loses anything, whatever the guard thinks of three at once; and nobody is news again.
    assert federation.sync(*blank, accept_changes=False).counts.updated == 0
    assert not federation.sync(*blank, accept_changes=False).decided
    assert accounts(federation) == {"M1": "101", "M2": "102", "M3": "103"}
    plan = federation.sync(having(ANN, "109"), having(BO, "102"), blank[2])
    assert (plan.counts.updated, plan.counts.conflicts) == (1, 0)
    assert accounts(federation) == {"M1": "109", "M2": "102", "M3": "103"}


def test_who_does_not_give_an_account_up_holds_the_others_back(federation: Federation) -> None:
    federation.sync(ANN, BO, CY)
    # A federation never clears an account: Cy keeps hers, so Bo keeps his, and Ann hers.
    plan = federation.sync(having(ANN, "102"), having(BO, "103"), having(CY, None))
    assert sorted(plan.rejections) == [
        ("M1", "its discord_id 102 is that of member 2, who is record 'M2'"),
        ("M2", "its discord_id 103 is that of member 3, who is record 'M3'"),
    ]
    assert accounts(federation) == {"M1": "101", "M2": "102", "M3": "103"}


def test_what_two_want_neither_has_and_nobody_moves_up(federation: Federation) -> None:
    federation.sync(ANN, BO, CY)
    plan = federation.sync(having(ANN, "109"), having(BO, "109"), having(CY, "101"))
    both = "its discord_id 109 is that of the records 'M1', 'M2'"
    assert sorted(plan.rejections) == [
        ("M1", both),
        ("M2", both),
        ("M3", "its discord_id 101 is that of member 1, who is record 'M1'"),
    ]


def test_an_account_that_was_set_by_hand_is_given_up_where_the_strategy_says_so(
    federation: Federation,
) -> None:
    swap = having(ANN, "102"), having(BO, "108")
    federation.sync(ANN, BO)
    federation.by_hand(1, discord_id="107")
    federation.by_hand(2, discord_id="106")
    federation.by_hand(1, discord_id="102")
    # Both have 102 set by now, or are to have it: ours is that of Ann, by hand.
    federation.strategy = "local_wins"
    assert federation.sync(*swap).rejections == []
    assert accounts(federation) == {"M1": "102", "M2": "106"}
    federation.strategy = "federation_wins"
    federation.sync(having(ANN, "106"), having(BO, "102"))
    assert accounts(federation) == {"M1": "106", "M2": "102"}


def test_of_one_who_is_asked_for_alone_nobody_knows_what_the_others_do(
    federation: Federation,
) -> None:
    federation.sync(ANN, BO)
    swapped = having(ANN, "102"), having(BO, "101")
    plan = federation.sync(*swapped, external_id="M1")
    assert plan.rejections == [("M1", "its discord_id 102 is that of member 2, who is record 'M2'")]
    federation.sync(*swapped)
    assert accounts(federation) == {"M1": "102", "M2": "101"}


KNOWN = ("101", "102", "103", "104")
"""The accounts of records M1 to M4 before."""

Wanted = tuple[str | None, ...]
_account = st.sampled_from((*KNOWN, "109", None))
_wanted = st.tuples(*[_account] * 6)
"""What M1 to M4, and two new ones, say now."""


def expected(wanted: Wanted) -> dict[str, str | None]:
    """Who ends up with what: the most who can move together, of those whom no other rivals."""
    names = [f"M{n}" for n in range(1, 7)]
    before = dict(zip(names, KNOWN, strict=False))
    claims = {
        name: account
        for name, account in zip(names, wanted, strict=True)
        if account is not None and account != before.get(name)
    }
    # Whoever stays keeps theirs, whatever others say.
    fixed = {account for name, account in before.items() if name not in claims}
    free = Counter(account for account in claims.values() if account not in fixed)
    able = [name for name, account in claims.items() if free[account] == 1]
    for size in range(len(able), -1, -1):
        for moving in itertools.combinations(able, size):
            after = {**before, **{name: claims[name] for name in moving}}
            if len(set(after.values())) == len(after):
                new = {n: None for n, a in zip(names[4:], wanted[4:], strict=True) if a is None}
                return {**after, **new}
    raise AssertionError


def play(url: str, folder: Path, wanted: Wanted, order: list[int]) -> None:
    (folder / "work").mkdir()
    cli = Cli(folder / "work", {"DATABASE_URL": url, "HOME": str(folder)})
    federation = Federation(cli, folder)
    federation.sync(*({"id": f"M{n}", "discord_id": a} for n, a in enumerate(KNOWN, start=1)))
    records: list[Record] = [
        {"id": f"M{n}", "discord_id": account, "first_name": "Ann"}
        for n, account in enumerate(wanted, start=1)
    ]
    shuffled = [records[n] for n in order]
    plan = federation.sync(*shuffled)
    found = accounts(federation)
    assert found == expected(wanted)
    assert {name for name, _ in plan.rejections} == {
        name
        for name, account in ((f"M{n}", a) for n, a in enumerate(wanted, start=1))
        if account is not None and found.get(name) != account
    }
    # All that could be done is done.
    before = federation.members()
    federation.sync(*reversed(shuffled))
    assert federation.members() == before


_SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)


@settings(max_examples=40, deadline=None, suppress_health_check=_SLOW)
@given(wanted=_wanted, order=st.permutations(range(6)))
@example(wanted=("102", "103", "104", "101", None, None), order=[5, 4, 3, 2, 1, 0])
@example(wanted=("102", "103", "109", "101", "104", None), order=[0, 1, 2, 3, 4, 5])
@example(wanted=("102", "101", "101", "103", "104", None), order=[2, 0, 1, 5, 4, 3])
def test_as_many_move_as_can(sqlite_template: Path, wanted: Wanted, order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "books.db"
        shutil.copyfile(sqlite_template, path)
        play(sqlite_url(path), Path(name), wanted, order)


@settings(max_examples=8, deadline=None, suppress_health_check=_SLOW)
@given(wanted=_wanted, order=st.permutations(range(6)))
@example(wanted=("102", "103", "104", "101", None, None), order=[0, 1, 2, 3, 4, 5])
def test_as_many_move_on_either_engine(
    new_database: Callable[[], str], wanted: Wanted, order: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        play(new_database(), Path(name), wanted, order)
