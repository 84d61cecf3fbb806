"""The mass-change guard of an organization (design, sections 2.5 and 8)."""

from __future__ import annotations

import pytest

from trcpoints.errors import MassChangeRefused
from trcpoints.federation.changes import Changes
from trcpoints.federation.guard import Upheaval, check, count


@pytest.mark.parametrize(
    ("known", "gone", "changed", "percent", "refused"),
    [
        (0, 0, 0, 50, False),
        (2, 2, 0, 50, False),
        (3, 3, 0, 50, True),
        (3, 0, 2, 50, False),
        (6, 3, 0, 50, False),
        (6, 4, 0, 50, True),
        (6, 0, 4, 50, True),
        (6, 2, 2, 50, True),
        (100, 50, 0, 50, False),
        (100, 50, 1, 50, True),
        (100, 80, 0, 80, False),
        (100, 80, 1, 80, True),
        (100, 2, 0, 1, False),
        (100, 2, 1, 1, True),
        (100, 100, 0, 100, False),
    ],
)
def test_at_least_three_and_more_than_the_share(
    known: int, gone: int, changed: int, percent: int, refused: bool
) -> None:
    upheaval = Upheaval(known, gone, 0, changed, {}, {})
    if not refused:
        check(upheaval, "gaa", "st-judes", percent)
        return
    with pytest.raises(MassChangeRefused) as caught:
        check(upheaval, "gaa", "st-judes", percent)
    assert caught.value.exit_code == 65


def test_the_message_counts_and_names_the_way_on() -> None:
    losing = {"email": 1200, "phone": 7, "address": 7, "first_name": 1}
    with pytest.raises(MassChangeRefused) as caught:
        check(Upheaval(2000, 1, 0, 1200, losing, {"email": 2}), "gaa", "st-judes", 50)
    assert caught.value.message == (
        "1,201 of 2,000 known records of gaa/st-judes would change at once (1 gone, "
        "1,200 changed, 1,200 losing their email, 7 losing their address, 7 losing their phone, "
        "2 by their email, which is mapped for the first time). "
        "Nothing was changed."
    )
    assert (
        "trcpoints federation sync --accept-changes --connector gaa --organization st-judes"
    ) in caught.value.hint


def test_what_is_counted_is_the_federations_word_against_the_base() -> None:
    records = [
        Changes(base={}),
        Changes(base={}, taken={"email": "new@x.ie"}),
        Changes(base={}, moved=["email"]),
        Changes(base={}, moved=["email", "phone"], lost=["email", "phone"]),
        Changes(base={}, moved=["email"], lost=["email"]),
        Changes(base={}, moved=["email"], replaced=["address"]),
        Changes(base={}, replaced=["address"]),
    ]
    assert count(9, 2, 1, records) == Upheaval(9, 2, 1, 5, {"email": 2, "phone": 1}, {"address": 2})
