"""Any changes on both sides, against a model that knows each field alone (design, section 8)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.cli import Cli
from tests.support.engine import NOW, Federation
from trcpoints.config import sqlite_url
from trcpoints.db.database import Access, open_database
from trcpoints.errors import DataRefused
from trcpoints.federation.conflicts import STRATEGIES, Strategy
from trcpoints.federation.engine import keep
from trcpoints.federation.engine.keeping import Side
from trcpoints.federation.fields import FIELDS

pytestmark = pytest.mark.slow_on_postgresql

WORDS: dict[str, tuple[str, ...]] = {
    "address": ("", "1 Main St", "2 Main St", "3 Main St"),
    "email": ("", "a@x.ie", "b@x.ie", "c@x.ie"),
    "discord_id": ("", "101", "102", "103"),
}


@dataclass
class Disputed:
    """A conflict as it stands."""

    field: str
    ours: str | None
    theirs: str | None
    resolved: str | None


@dataclass
class Model:
    """One member: what the federation says, said last, and what we have, by field."""

    says: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(WORDS))
    base: dict[str, str | None] | None = None
    ours: dict[str, str | None] = field(default_factory=dict)
    by_hand: set[str] = field(default_factory=set)
    conflicts: list[Disputed] = field(default_factory=list)

    def sync(self, strategy: Strategy) -> None:
        if self.base is None:
            self.ours = dict(self.says)
        known = self.base or {}
        # In the order in which the conflicts of one record are noted.
        for name in (name for name in FIELDS if name in known):
            base, theirs, ours = known[name], self.says[name], self.ours[name]
            if theirs in (base, ours) or (name == "discord_id" and theirs is None):
                continue
            take = True
            if ours != base:
                is_ours = strategy == "local_wins" or (strategy == "merge" and name in self.by_hand)
                take = not is_ours
                self.conflicts.append(Disputed(name, ours, theirs, theirs if take else ours))
            if take:
                self.ours[name] = theirs
                self.by_hand.discard(name)
        # A blank account is no word about it: the last one stands.
        account = self.says["discord_id"] or known.get("discord_id")
        self.base = {**self.says, "discord_id": account}

    def edit(self, name: str, value: str | None) -> None:
        if value != self.ours[name]:
            self.ours[name] = value
            self.by_hand.add(name)

    def keep(self, number: int, side: Side) -> bool:
        one = self.conflicts[number]
        is_newest = all(later.field != one.field for later in self.conflicts[number + 1 :])
        says = (self.base or {})[one.field]
        if not is_newest or self.ours[one.field] != one.resolved or says != one.theirs:
            return False
        one.resolved = self.ours[one.field] = one.ours if side == "ours" else one.theirs
        (self.by_hand.add if side == "ours" else self.by_hand.discard)(one.field)
        return True


_names = st.sampled_from(list(WORDS))
_changes = _names.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(WORDS[name])))
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("says"), _changes),
        st.tuples(st.just("edit"), _changes),
        st.tuples(st.just("sync"), st.sampled_from(STRATEGIES)),
        st.tuples(
            st.just("keep"), st.tuples(st.integers(0, 5), st.sampled_from(["ours", "theirs"]))
        ),
    ),
    max_size=14,
)


def play(url: str, folder: Path, steps: list[tuple[str, object]]) -> None:
    """Do all of it, and compare after each step."""
    (folder / "work").mkdir()
    federation = Federation(
        Cli(folder / "work", {"DATABASE_URL": url, "HOME": str(folder)}), folder
    )
    model = Model()
    for kind, what in [("sync", "merge"), *steps, ("sync", "merge"), ("sync", "merge")]:
        act(federation, model, kind, what)
        assert_as_in_model(federation, model)


def act(federation: Federation, model: Model, kind: str, what: object) -> None:
    match kind, what:
        case "says", (str(name), str(value)):
            model.says[name] = value or None
        case "edit", (str(name), str(value)):
            model.edit(name, value or None)
            federation.by_hand(1, **{name: value})
        case "keep", (int(number), ("ours" | "theirs") as side) if number < len(model.conflicts):
            is_kept = model.keep(number, side)
            with open_database(federation.cli.environment["DATABASE_URL"], Access.WRITE) as engine:
                if is_kept:
                    keep(engine, number + 1, side, "ann", NOW)
                else:
                    with pytest.raises(DataRefused):
                        keep(engine, number + 1, side, "ann", NOW)
        case "sync", strategy if strategy in STRATEGIES:
            federation.strategy = next(one for one in STRATEGIES if one == strategy)
            model.sync(federation.strategy)
            before = federation.everything()
            plan = federation.sync({"id": "M1", "first_name": "Ann", **model.says})
            if not plan.counts.updated and not plan.counts.created:
                assert federation.everything()[0] == before[0]


def assert_as_in_model(federation: Federation, model: Model) -> None:
    [member] = federation.members().values()
    assert {name: member[name] for name in WORDS} == model.ours
    assert {name for _, name, _ in federation.edits()} == model.by_hand
    assert [
        Disputed(one["field"], one["ours"], one["federation"], one["resolved"])
        for one in sorted(federation.conflicts(), key=lambda one: one["id"])
    ] == model.conflicts


_BOTH: list[tuple[str, object]] = [
    ("says", ("address", "2 Main St")),
    ("says", ("email", "b@x.ie")),
    ("edit", ("address", "1 Main St")),
    ("edit", ("email", "a@x.ie")),
]

_BLANK: list[tuple[str, object]] = [
    ("says", ("discord_id", "101")),
    ("sync", "merge"),
    ("says", ("discord_id", "")),
    ("sync", "merge"),
    ("says", ("discord_id", "102")),
    ("sync", "local_wins"),
]

# One step of the database for each of the model's is slow enough that Hypothesis would complain.
_SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)


@settings(max_examples=30, deadline=None, suppress_health_check=_SLOW)
@given(steps=_steps)
@example(steps=_BOTH)
@example(steps=_BLANK)
def test_any_changes_on_both_sides(sqlite_template: Path, steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "books.db"
        shutil.copyfile(sqlite_template, path)
        play(sqlite_url(path), Path(name), steps)


@settings(max_examples=8, deadline=None, suppress_health_check=_SLOW)
@given(steps=_steps)
@example(steps=_BLANK)
def test_on_either_engine(new_database: Callable[[], str], steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        play(new_database(), Path(name), steps)
