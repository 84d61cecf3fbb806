"""Resolution (design, section 8), over a model of a federation and of our members."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trcpoints.federation.changes import FieldState
from trcpoints.federation.conflicts import (
    STRATEGIES,
    Conflict,
    Decision,
    Strategy,
    create,
    decide,
    resolve,
)
from trcpoints.federation.fields import column_value, is_same

BY_ANN = "cli:ann"
MAPPED = ("first_name", "email", "phone", "discord_id", "subscription_status")

Values = dict[str, str | None]


@pytest.mark.parametrize(
    ("strategy", "modified_by", "resolved"),
    [
        ("federation_wins", BY_ANN, "theirs"),
        ("federation_wins", None, "theirs"),
        ("local_wins", BY_ANN, "ours"),
        ("local_wins", None, "ours"),
        ("merge", BY_ANN, "ours"),
        ("merge", None, "theirs"),
    ],
)
def test_each_strategy(strategy: Strategy, modified_by: str | None, resolved: str) -> None:
    state = FieldState("address", "theirs", "ours", "base", True, modified_by)
    conflict = resolve(state, strategy)
    assert conflict == Conflict(
        field="address",
        base="base",
        federation="theirs",
        ours="ours",
        resolved=resolved,
        strategy=strategy,
        note=f"both sides changed it; ours was set by {modified_by or 'nobody that we know of'}",
    )


def test_a_conflict_at_the_first_match_says_so() -> None:
    note = resolve(FieldState("email", "b@x.ie", "a@x.ie", modified_by=BY_ANN), "merge").note
    assert note == "matched for the first time; ours was set by cli:ann"


@pytest.mark.parametrize(
    ("strategy", "modified_by", "replaced"),
    [
        ("federation_wins", None, ["email"]),
        ("federation_wins", BY_ANN, ["email"]),
        ("merge", None, ["email"]),
        ("merge", BY_ANN, []),
        ("local_wins", BY_ANN, []),
    ],
)
def test_what_a_field_without_a_base_replaces(
    strategy: Strategy, modified_by: str | None, replaced: list[str]
) -> None:
    _, changes = decide(
        {"email": "b@x.ie", "address": "1 Main St", "phone": "2", "subscription_status": "ACTIVE"},
        {"email": "a@x.ie", "address": None, "phone": "1", "subscription_status": "NONE"},
        {"phone": "1"},
        {"email": modified_by},
        region=None,
        strategy=strategy,
    )
    assert (changes.replaced, changes.moved) == (replaced, ["phone"])


def test_merging_goes_field_by_field() -> None:
    decision, _ = decide(
        {"first_name": "Anne", "email": "new@x.ie", "phone": "3"},
        {"first_name": "Annie", "email": "other@x.ie", "phone": "1"},
        {"first_name": "Ann", "email": "old@x.ie", "phone": "1"},
        {"first_name": BY_ANN},
        region=None,
        strategy="merge",
    )
    assert decision.values == {"email": "new@x.ie", "phone": "3"}
    assert [(c.field, c.resolved) for c in decision.conflicts] == [
        ("first_name", "Annie"),
        ("email", "new@x.ie"),
    ]


# How others got it wrong.


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_conflict_does_not_hold_back_the_other_fields(strategy: Strategy) -> None:
    model = Model({"first_name": "Ann", "email": "a@x.ie", "phone": "1"}, strategy)
    model.sync()
    model.edit("email", "ours@x.ie")
    model.federation.update({"first_name": "Anne", "email": "theirs@x.ie", "phone": None})
    decision = model.sync()
    assert [conflict.field for conflict in decision.conflicts] == ["email"]
    assert model.member["first_name"] == "Anne"
    assert model.member["phone"] is None
    assert model.base == model.federation


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_cleared_value_is_cleared_once_and_not_found_again(strategy: Strategy) -> None:
    model = Model({"email": "a@x.ie", "phone": "1"}, strategy)
    model.sync()
    model.federation["phone"] = None
    assert model.sync().values == {"phone": None}
    assert model.member["phone"] is None
    assert model.sync().values == {}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_first_change_of_a_created_record_is_no_conflict(strategy: Strategy) -> None:
    model = Model({"email": "a@x.ie"}, strategy)
    model.sync()
    model.federation["email"] = "b@x.ie"
    decision = model.sync()
    assert not decision.conflicts
    assert decision.values == {"email": "b@x.ie"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_discord_account_that_was_blank_for_a_while_is_no_conflict(strategy: Strategy) -> None:
    model = Model({"discord_id": "1"}, strategy)
    for said, ours in (("1", "1"), (None, "1"), ("2", "2"), (None, "2"), ("2", "2")):
        model.federation["discord_id"] = said
        assert not model.sync().conflicts
        assert model.member["discord_id"] == ours


def test_a_conflict_that_we_won_does_not_come_back() -> None:
    model = Model({"email": "a@x.ie"}, "local_wins")
    model.sync()
    model.edit("email", "ours@x.ie")
    model.federation["email"] = "b@x.ie"
    assert len(model.sync().conflicts) == 1
    decision = model.sync()
    assert not decision.conflicts
    assert not decision.values
    assert model.member["email"] == "ours@x.ie"


# What holds whatever happens.


@dataclass
class Model:
    """One record of a federation and one member, synced by the rules alone."""

    federation: Values
    strategy: Strategy
    ours: Values | None = None
    base: Values | None = None
    modified_by: Values = field(default_factory=dict)

    @property
    def member(self) -> Values:
        """What we have, which is nothing before the member was created."""
        return {} if self.ours is None else self.ours

    def edit(self, name: str, value: str | None, by: str | None = BY_ANN) -> None:
        self.member[name] = column_value(name, value)
        self.modified_by[name] = by

    def sync(self) -> Decision:
        if self.ours is None:
            decision, self.ours = create(self.federation), {}
        else:
            decision, _ = decide(
                self.federation,
                self.ours,
                self.base,
                self.modified_by,
                region="IE",
                strategy=self.strategy,
            )
        self.ours.update(decision.values)
        self.modified_by.update(dict.fromkeys(decision.values))
        self.base = decision.base
        return decision


def values_of(name: str) -> st.SearchStrategy[str | None]:
    words = {
        "first_name": ["Ann", " Ann", "Anne", "Anna"],
        "email": ["a@x.ie", "b@x.ie", "A@X.IE", "c@x.ie"],
        "phone": ["087 123 4567", "+353871234567", "0871234568", "12"],
        "discord_id": ["1", "2", "3"],
        "subscription_status": ["ACTIVE", "NONE", "CANCELLED"],
    }
    return st.one_of(st.none(), st.sampled_from(words[name]))


RECORDS = st.fixed_dictionaries({name: values_of(name) for name in MAPPED})
EDITS = st.dictionaries(st.sampled_from(MAPPED), st.sampled_from([BY_ANN, None]))


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A member with some history: matched for the first time, or synced before, then edited."""
    ours = {name: column_value(name, value) for name, value in draw(RECORDS).items()}
    base = draw(st.one_of(st.none(), RECORDS))
    if base is not None:
        base = {name: base[name] for name in draw(st.sets(st.sampled_from(MAPPED)))}
    return Model(
        federation=draw(RECORDS),
        strategy=draw(st.sampled_from(STRATEGIES)),
        ours=draw(st.sampled_from([None, ours])),
        base=base,
        modified_by=draw(EDITS),
    )


@given(models())
def test_after_a_sync_the_next_finds_nothing(model: Model) -> None:
    account = (model.base or {}).get("discord_id") if model.ours is not None else None
    model.sync()
    before = dict(model.member)
    decision = model.sync()
    assert not decision.values
    assert not decision.conflicts
    assert model.ours == before
    assert model.base == {
        **model.federation,
        "discord_id": model.federation["discord_id"] or account,
    }


@given(models())
def test_no_value_of_ours_is_replaced_without_a_record_of_it(model: Model) -> None:
    before, base = dict(model.member), dict(model.base or {})
    by = dict(model.modified_by)
    decision = model.sync()
    recorded = {conflict.field: conflict for conflict in decision.conflicts}
    assert all(recorded[name].ours == before[name] for name in recorded)
    for name in set(decision.values) & set(before) - set(recorded):
        if name in base:
            assert is_same(name, before[name], base[name], "IE")
        else:
            assert not before[name] or by.get(name) != BY_ANN


@given(models())
def test_resolution_touches_only_conflicting_fields(model: Model) -> None:
    """What is not in conflict comes out the same whatever the strategy."""
    outcomes = []
    for strategy in STRATEGIES:
        ours, base = dict(model.member), model.base
        if model.ours is None:
            return
        decision, changes = decide(
            model.federation, ours, base, model.modified_by, region="IE", strategy=strategy
        )
        in_conflict = {state.field for state in changes.conflicts}
        assert {conflict.field for conflict in decision.conflicts} == in_conflict
        outcomes.append({k: v for k, v in decision.values.items() if k not in in_conflict})
    assert outcomes[0] == outcomes[1] == outcomes[2]


@given(models())
def test_a_discord_account_is_never_cleared(model: Model) -> None:
    linked = model.member.get("discord_id")
    model.sync()
    assert model.member.get("discord_id") is not None or linked is None


@given(models(), st.permutations(MAPPED))
def test_the_order_of_the_fields_does_not_matter(model: Model, order: list[str]) -> None:
    if model.ours is None:
        return
    shuffled = {name: model.federation[name] for name in order}
    results = []
    for record in (model.federation, shuffled):
        decision, _ = decide(
            record,
            model.ours,
            model.base,
            model.modified_by,
            region="IE",
            strategy=model.strategy,
        )
        results.append((decision.values, decision.base, set(decision.conflicts)))
    assert results[0] == results[1]


@given(st.lists(models(), max_size=5))
def test_the_order_of_the_records_does_not_matter(records: list[Model]) -> None:
    """Each record is decided by itself: the engine may read them in any order."""
    told = [(m.federation, m.ours, m.base, m.modified_by, m.strategy) for m in records]
    forward = [_result(*entry) for entry in told]
    backward = [_result(*entry) for entry in reversed(told)]
    assert forward == backward[::-1]


def _result(
    federation: Values, ours: Values | None, base: Values | None, by: Values, strategy: Strategy
) -> Decision:
    model = Model(dict(federation), strategy, None if ours is None else dict(ours), base, dict(by))
    return model.sync()
