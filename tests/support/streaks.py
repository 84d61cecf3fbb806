"""Days of a calendar, and what happens on them, through the command."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import time_machine

from tests.support.cli import Cli

_KEYS = itertools.count()


def at(moment: str) -> time_machine.travel:
    """A UTC time of the form 2026-01-19T12:00, standing still; a date is its noon."""
    text = moment if "T" in moment else f"{moment}T12:00"
    return time_machine.travel(datetime.fromisoformat(text).replace(tzinfo=UTC), tick=False)


def add(cli: Cli, moment: str, *options: str) -> str:
    """Add a member then; their id."""
    with at(moment):
        member: dict[str, str] = cli.ok("members", "add", *(options or ("--name", "Ann")))["member"]
    return member["member_id"]


def award(
    cli: Cli, moment: str, *options: str, member: str = "1", source: str = "benchmark"
) -> None:
    """Award a point then, booked at once unless `--at` is among the options."""
    key = f"k{next(_KEYS)}"
    with at(moment):
        cli.ok(
            *("points", "award", member, "--points", "1", "--source", source, "--key", key),
            *options,
        )


def run(cli: Cli, moment: str) -> dict[str, Any]:
    """Run the streaks job then; its document."""
    with at(moment):
        return cli.ok("streaks")


def shown(cli: Cli, member: str = "1") -> dict[str, Any]:
    """What `members show` says of a member."""
    found: dict[str, Any] = cli.ok("members", "show", member)["member"]
    return found


def streak(cli: Cli, member: str = "1") -> tuple[int, int]:
    """A member's streak and their longest."""
    found = shown(cli, member)
    return found["current_streak"], found["longest_streak"]


def assert_sound(cli: Cli) -> None:
    """The books add up, and computing the streaks anew changes nothing."""
    cli.ok("points", "verify")
    assert cli.ok("streaks", "rebuild")["changed"] == 0
