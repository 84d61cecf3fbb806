"""Lengths of streaks in the ranges between milestones, for whoever shows how many have which."""

from __future__ import annotations

from collections.abc import Mapping

_LENGTHS = (0, 1, 5, 10, 20, 50, 100, 250)
"""The shortest streak of each range: none, then from one milestone to the next."""


def streak_ranges(lengths: Mapping[int, int]) -> dict[str, int]:
    """The members of each range, by its name, of the members by the length of their streak.

    Ranges that nobody is in are left out.
    """
    ranges = {}
    for shortest, beyond in zip(_LENGTHS, [*_LENGTHS[1:], None], strict=True):
        members = sum(
            count
            for length, count in lengths.items()
            if length >= shortest and (beyond is None or length < beyond)
        )
        if members:
            ranges[_name(shortest, beyond)] = members
    return ranges


def _name(shortest: int, beyond: int | None) -> str:
    if beyond is None:
        return f"{shortest}+"
    return str(shortest) if beyond == shortest + 1 else f"{shortest}-{beyond - 1}"
