"""The three-way comparison: each row of the table of section 8."""

from __future__ import annotations

import pytest

from trcpoints.federation.changes import (
    FieldState,
    Outcome,
    find_changes,
    is_person,
    outcome,
)

BY_ANN = "cli:ann"


@pytest.mark.parametrize(
    ("base", "federation", "ours", "result"),
    [
        ("a", "a", "a", Outcome.NOTHING),
        ("a", "b", "a", Outcome.TAKE),
        ("a", None, "a", Outcome.TAKE),
        (None, "b", None, Outcome.TAKE),
        ("a", "a", "b", Outcome.KEEP),
        ("a", "a", None, Outcome.KEEP),
        (None, None, "b", Outcome.KEEP),
        ("a", "b", "b", Outcome.BASE_MOVES),
        ("a", None, None, Outcome.BASE_MOVES),
        ("a", "b", "c", Outcome.CONFLICT),
        ("a", None, "c", Outcome.CONFLICT),
        ("a", "b", None, Outcome.CONFLICT),
        (None, "b", "c", Outcome.CONFLICT),
        ("a", " a\n", "a", Outcome.NOTHING),
        (None, "", None, Outcome.NOTHING),
    ],
)
@pytest.mark.parametrize("modified_by", [None, BY_ANN])
def test_with_a_base(
    base: str | None,
    federation: str | None,
    ours: str | None,
    result: Outcome,
    modified_by: str | None,
) -> None:
    state = FieldState("first_name", federation, ours, base, True, modified_by)
    assert outcome(state, None) is result


@pytest.mark.parametrize(
    ("federation", "ours", "modified_by", "result"),
    [
        ("a", "a", BY_ANN, Outcome.NOTHING),
        ("b", "a", BY_ANN, Outcome.CONFLICT),
        ("b", "a", None, Outcome.TAKE),
        ("b", "a", "", Outcome.TAKE),
        ("b", None, BY_ANN, Outcome.TAKE),
        (None, "a", BY_ANN, Outcome.NOTHING),
        (None, "a", None, Outcome.NOTHING),
        (None, None, None, Outcome.NOTHING),
    ],
)
def test_without_a_base(
    federation: str | None, ours: str | None, modified_by: str | None, result: Outcome
) -> None:
    assert outcome(FieldState("email", federation, ours, modified_by=modified_by), None) is result


@pytest.mark.parametrize("ours", ["1", "2", None])
@pytest.mark.parametrize("base", [None, {"discord_id": "1"}, {"discord_id": None}])
def test_a_federation_never_clears_a_discord_account(
    base: dict[str, str | None] | None, ours: str | None
) -> None:
    changes = find_changes({"discord_id": None}, {"discord_id": ours}, base, {}, None)
    assert (changes.taken, changes.conflicts, changes.moved) == ({}, [], [])
    # Nor has it said anything new: what it says next is compared with what it said before.
    assert changes.base == (base or {"discord_id": None})


def test_a_subscription_that_was_cleared_is_none_on_both_sides() -> None:
    ours = {"subscription_status": "ACTIVE"}
    base = {"subscription_status": "ACTIVE"}
    changes = find_changes({"subscription_status": None}, ours, base, {}, None)
    assert changes.taken == {"subscription_status": "NONE"}
    again = find_changes({"subscription_status": None}, changes.taken, changes.base, {}, None)
    assert not again.taken
    assert not again.kept
    back = find_changes({"subscription_status": "ACTIVE"}, changes.taken, changes.base, {}, None)
    assert back.taken == {"subscription_status": "ACTIVE"}


def test_a_subscription_that_is_said_to_be_none_is_not_an_empty_value() -> None:
    changes = find_changes(
        {"subscription_status": "NONE"}, {"subscription_status": "ACTIVE"}, None, {}, None
    )
    assert changes.taken == {"subscription_status": "NONE"}


def test_a_field_that_is_mapped_later_has_no_base_of_its_own() -> None:
    federation: dict[str, str | None] = {"email": "b@x.ie", "phone": "2"}
    ours = {"email": "a@x.ie", "phone": "1", "address": "here"}
    changes = find_changes(federation, ours, {"email": "a@x.ie"}, {"phone": BY_ANN}, None)
    assert changes.taken == {"email": "b@x.ie"}
    assert [conflict.field for conflict in changes.conflicts] == ["phone"]
    assert changes.moved == ["email"]
    assert changes.base == federation


def test_fields_without_a_mapping_are_not_compared() -> None:
    changes = find_changes(
        {"email": "a@x.ie"}, {"email": "a@x.ie", "phone": "1"}, {"phone": "2"}, {}, None
    )
    assert not changes.taken
    assert not changes.conflicts


def test_what_moved_and_what_was_lost_is_counted_where_ours_is_another() -> None:
    changes = find_changes(
        {"email": None, "phone": "2", "address": None, "discord_id": None},
        {"email": "b@x.ie", "phone": "2", "address": None, "discord_id": "1"},
        {"email": "a@x.ie", "phone": "1", "address": None, "discord_id": "1"},
        {},
        None,
    )
    assert changes.moved == ["email"]
    assert changes.lost == ["email"]


@pytest.mark.parametrize(("name", "person"), [(BY_ANN, True), (None, False), ("", False)])
def test_who_is_a_person(name: str, person: bool) -> None:
    assert is_person(name) is person
    assert not is_person(None)
