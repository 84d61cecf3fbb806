"""No XP is lost or invented, whatever the leaderboard does (design, sections 2.1 and 12)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support import books
from tests.support.cli import Cli

IDS = [str(number) for number in range(101, 107)]
GUILD = "993536706509885777"

boards = st.dictionaries(st.sampled_from(IDS), st.integers(0, 2500))
options = st.sampled_from(
    [(), (), ("--accept-decrease",), ("--rebaseline",), ("--dry-run",), ("members", "rebaseline")]
)
steps = st.lists(st.tuples(boards, options, st.booleans()), min_size=1, max_size=8)


@dataclass
class Model:
    """What the rules make of one member, spelled out one observation at a time."""

    xp: int | None = None
    points: int = 0
    carry: int = 0
    anew: bool = False
    deltas: list[int] = field(default_factory=list)

    def see(self, xp: int) -> None:
        """The member is on the board."""
        if self.xp is not None and not self.anew:
            self.deltas.append(xp - self.xp)
            total = self.carry + xp - self.xp
            whole = int(total / 100)
            self.points += whole
            self.carry = total - 100 * whole
        self.xp, self.anew = xp, False

    def miss(self) -> None:
        """The member is not on a complete board."""
        if self.xp is None:
            self.xp = 0


def play(cli: Cli, script: list[tuple[dict[str, int], tuple[str, ...], bool]]) -> dict[str, Model]:
    """Run the script through the command and through the model."""
    model = {player: Model() for player in IDS}
    for board, option, complete in script:
        if option[:1] == ("members",):
            cli.ok(*option, f"discord:{IDS[0]}")
            model[IDS[0]].anew = True
            option = ()
        players = [{"id": i, "xp": xp} for i, xp in board.items()] or [{"id": "999", "xp": 1}]
        # A saved file with a gap before its page is not the whole board.
        page = {"guild": {"id": GUILD}, "players": players, "page": 0 if complete else 1}
        (cli.folder / "board.json").write_text(json.dumps(page))
        result = cli("sync", "--from", "board.json", *option)
        assert result.code in {0, 65}, result
        if result.code == 65 or "--dry-run" in option:
            continue
        for player, member in model.items():
            member.anew = member.anew or "--rebaseline" in option
            if player in board:
                member.see(board[player])
            elif complete:
                member.miss()
    return model


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=steps)
@example(script=[({}, ("--rebaseline",), True), ({"101": 700}, (), True)])
def test_any_sequence_of_leaderboards_keeps_the_books(
    cli: Cli,
    new_database: Callable[[], str],
    script: list[tuple[dict[str, int], tuple[str, ...], bool]],
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
