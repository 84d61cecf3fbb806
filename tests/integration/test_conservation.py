"""No XP is lost or invented, whatever the leaderboard does and whatever is decided.

Any sequence of boards, decisions and outages is run through the command and through a model that
spells the rules out, one member and one sync at a time (design, sections 2.1, 12 and A1).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import pytest
import time_machine
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support import books
from tests.support.cli import Cli, Result

pytestmark = pytest.mark.slow_on_postgresql

IDS = [str(number) for number in range(101, 107)]
GUILD = "993536706509885777"
BEGIN = datetime(2026, 1, 20, tzinfo=UTC)

Action = Literal["sync", "rebaseline", "accept", "outage"]


class Step(NamedTuple):
    """Something that is done so many minutes after the step before."""

    minutes: int
    action: Action = "sync"
    board: dict[str, int] = {}  # noqa: RUF012 (nobody changes it)
    options: tuple[str, ...] = ()
    complete: bool = True


options = st.sampled_from(
    [
        *[()] * 4,
        ("--accept-decrease",),
        ("--accept-increase",),
        ("--accept-increase", "--accept-decrease"),
        ("--rebaseline",),
        ("--dry-run",),
    ]
)
minutes = st.sampled_from([0, 15, 15, 90])
syncs = st.builds(
    Step,
    minutes,
    st.just("sync"),
    st.dictionaries(st.sampled_from(IDS), st.integers(0, 2500) | st.integers(0, 12_000)),
    options,
    st.booleans(),
)
decisions = st.builds(Step, minutes, st.sampled_from(["accept", "accept", "rebaseline", "outage"]))
steps = st.lists(syncs | syncs | decisions, min_size=1, max_size=10)


@dataclass
class Held:
    """What waits of a member: the XP seen, and the most that was plausible when it began."""

    kind: str
    seen: int
    ceiling: int
    accepted: bool = False


@dataclass
class Model:
    """What the rules make of one member."""

    xp: int | None = None
    points: int = 0
    carry: int = 0
    anew: bool = False
    known: datetime | None = None
    left: datetime | None = None
    held: Held | None = None
    deltas: list[int] = field(default_factory=list)

    def see(self, xp: int, now: datetime, options: tuple[str, ...]) -> None:
        """The member is on the board."""
        if self.xp is None or self.anew or "--rebaseline" in options:
            self.held = None
        elif (kind := self.implausible(xp, now)) and not self.accepts(kind, xp, now, options):
            ceiling = self.held.ceiling if self.held else self.xp + self.limit(now)
            # What was accepted was something else: it is to be decided on again.
            self.held = Held(kind, xp, ceiling)
            self.known = now
            return
        else:
            self.book(xp - self.xp)
        self.xp, self.anew, self.known, self.left, self.held = xp, False, now, None, None

    def book(self, delta: int) -> None:
        if delta:
            self.deltas.append(delta)
        total = self.carry + delta
        self.points += int(total / 100)
        self.carry = total - 100 * int(total / 100)

    def limit(self, now: datetime) -> int:
        """What may have been gained since the XP was seen, or the member left."""
        since = self.known if self.held else self.left or self.known
        assert since is not None
        return 1000 + int((now - since).total_seconds()) // 60 * 50

    def implausible(self, xp: int, now: datetime) -> str | None:
        assert self.xp is not None
        if xp > (self.held.ceiling if self.held else self.xp + self.limit(now)):
            return "gain"
        lost = int((self.carry + xp - self.xp) / 100)
        return "loss" if xp < self.xp - 1000 and self.points + lost < 0 else None

    def accepts(self, kind: str, xp: int, now: datetime, options: tuple[str, ...]) -> bool:
        """Whether somebody has said that such a change is to be booked."""
        if ("--accept-increase" if kind == "gain" else "--accept-decrease") in options:
            return True
        if self.held is None or not self.held.accepted or kind != self.held.kind:
            return False
        if kind == "loss":
            return xp >= self.held.seen - 1000
        return xp <= self.held.seen + self.limit(now)

    def miss(self, now: datetime, options: tuple[str, ...], *, complete: bool) -> None:
        """The member is not on the board."""
        if "--rebaseline" in options:
            self.anew, self.held = True, None
        if not complete or self.held:
            return
        if self.xp is None:
            self.xp = 0
        if self.xp == 0:
            self.known = now
        elif self.left is None:
            self.left = now


def play(cli: Cli, script: list[Step]) -> dict[str, Model]:
    """Run the script through the command and through the model."""
    model = {player: Model() for player in IDS}
    now = BEGIN
    for step in script:
        now += timedelta(minutes=step.minutes)
        with time_machine.travel(now, tick=False):
            result = run(cli, step, model)
        assert result.code in {0, 65}, result
        if result.code == 65 or "--dry-run" in step.options or step.action == "outage":
            continue
        if step.action != "sync":
            decide(step.action, model)
            continue
        for player, member in model.items():
            if player in step.board:
                member.see(step.board[player], now, step.options)
            else:
                member.miss(now, step.options, complete=step.complete)
        held = {player for player, member in model.items() if member.held}
        assert result.json["members"]["held"] == len(held)
        assert {i for i, m in books.members(cli).items() if m.held_at is not None} == held
    return model


def run(cli: Cli, step: Step, model: dict[str, Model]) -> Result:
    if step.action == "outage":
        return cli("sync", "--from", "gone.json", "--json")
    if step.action == "rebaseline":
        return cli("members", "rebaseline", *(f"discord:{player}" for player in IDS[:2]))
    if step.action == "accept":
        held = [f"discord:{player}" for player, member in model.items() if member.held]
        return cli("members", "accept", *(held or [f"discord:{IDS[0]}"]))
    players = [{"id": i, "xp": xp} for i, xp in step.board.items()] or [{"id": "999", "xp": 1}]
    # A saved file with a gap before its page is not the whole board.
    page = {"guild": {"id": GUILD}, "players": players, "page": 0 if step.complete else 1}
    (cli.folder / "board.json").write_text(json.dumps(page))
    return cli("sync", "--from", "board.json", *step.options, "--json")


def decide(action: Action, model: dict[str, Model]) -> None:
    """What a person's decision makes of the members."""
    for player, member in model.items():
        if action == "rebaseline" and player in IDS[:2]:
            member.anew, member.held = True, None
        if action == "accept" and member.held:
            member.held.accepted = True


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=steps)
@example(script=[Step(0, options=("--rebaseline",)), Step(15, board={"101": 700})])
@example(
    script=[
        Step(0, board={"101": 5000, "102": 5000}),
        Step(15, board={"101": 9000, "102": 20}),
        Step(0, "accept"),
        Step(15, board={"101": 9700, "102": 90}),
        Step(15, board={"101": 9700, "102": 90}),
        Step(90, board={"101": 99, "102": 12_000}),
        Step(15, board={"101": 9800, "102": 500}),
    ]
)
@example(
    script=[
        Step(0, board={"101": 5000}),
        Step(15, board={"102": 1}),
        Step(15, board={"101": 9000}),
        Step(0, "accept"),
        Step(15, board={"102": 1}),
        Step(15, board={"101": 12_000}),
        Step(15, board={"101": 700_000}),
        Step(0, "rebaseline"),
        Step(15, board={"101": 5}),
    ]
)
def test_any_sequence_of_leaderboards_keeps_the_books(
    cli: Cli, new_database: Callable[[], str], script: list[Step]
) -> None:
    cli.environment["DATABASE_URL"] = new_database()
    books.link(cli, IDS)
    model = play(cli, script)
    verdict = cli("points", "verify", "--json")
    assert verdict.code == 0, verdict.out
    for player, member in books.members(cli).items():
        expected = model[player]
        known = (member.xp_total, member.points, member.carry)
        assert known == (expected.xp, expected.points, expected.carry)
        assert 100 * member.points + member.carry == sum(expected.deltas)
        assert sum(books.ledger(cli, player)) == member.points
        assert [delta for delta, _ in books.activity(cli, player) if delta] == expected.deltas
    # Nobody is held without being listed, with what would be booked.
    listed = {
        one["discord_id"]: (one["kind"], one["xp_seen"], one["accepted_by"] is not None)
        for one in cli.ok("members", "held")["members"]
    }
    assert listed == {
        player: (one.held.kind, one.held.seen, one.held.accepted)
        for player, one in model.items()
        if one.held
    }
