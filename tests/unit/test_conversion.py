"""XP to points (design, section 2.1)."""

from __future__ import annotations

from fractions import Fraction
from math import trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trcpoints.points.conversion import convert

carries = st.integers(-99, 99)
deltas = st.integers(-(2**80), 2**80) | st.integers(-1000, 1000)


@pytest.mark.parametrize(
    ("carry", "delta", "points", "left"),
    [
        (0, 150, 1, 50),
        (50, 50, 1, 0),
        (50, -120, 0, -70),
        (0, -250, -2, -50),
        (-50, 20, 0, -30),
        (0, 0, 0, 0),
        (0, 99, 0, 99),
        (0, -99, 0, -99),
        (99, 1, 1, 0),
        (-99, -1, -1, 0),
        (99, -199, -1, 0),
        # Beyond 2**53 a float would round: to 100,000,000,000,001 points here.
        (0, 10_000_000_000_000_099, 100_000_000_000_000, 99),
    ],
)
def test_table(carry: int, delta: int, points: int, left: int) -> None:
    assert convert(carry, delta) == (points, left)


@given(carries, deltas)
def test_no_xp_is_lost_or_invented(carry: int, delta: int) -> None:
    points, left = convert(carry, delta)
    assert 100 * points + left == carry + delta
    assert abs(left) < 100


@given(carries, deltas)
def test_points_are_the_hundredths_truncated_toward_zero(carry: int, delta: int) -> None:
    assert convert(carry, delta)[0] == trunc(Fraction(carry + delta, 100))


@given(carries, deltas)
def test_losses_mirror_gains(carry: int, delta: int) -> None:
    points, left = convert(carry, delta)
    assert convert(-carry, -delta) == (-points, -left)


@given(st.lists(st.integers(0, 10_000), min_size=1), st.sampled_from([1, -1]))
def test_splitting_a_delta_moves_the_same_points(parts: list[int], sign: int) -> None:
    moved, carry = 0, 0
    for part in parts:
        points, carry = convert(carry, sign * part)
        moved += points
    assert (moved, carry) == convert(0, sign * sum(parts))


@given(st.lists(deltas))
def test_any_sequence_is_conserved(sequence: list[int]) -> None:
    moved, carry = 0, 0
    for delta in sequence:
        points, carry = convert(carry, delta)
        moved += points
    assert 100 * moved + carry == sum(sequence)
    assert abs(carry) < 100
