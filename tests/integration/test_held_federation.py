"""What a federation says of members ends what is held of them; and what `points verify` proves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from tests.support import books, queue
from tests.support.cli import Cli
from tests.support.holds import Timeline, fates, holds
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, NEW = "101", "102", "103", "501"
BOARD = {ANN: 5_000, BOB: 20_000, CAT: 30_000}
CONNECTOR = """
[connectors.club]
kind = "csv"
path = "{organization}.csv"
[connectors.club.organizations.rovers]
[connectors.club.fields]
external_id = "id"
email = "email"
discord_id = "discord"
"""


@pytest.fixture
def time(cli: Cli, mee6: SimulatedMee6) -> Timeline:
    """Three members of a federation, of whom Ann is held."""
    (cli.folder / "federations.toml").write_text(CONNECTOR)
    cli.environment["FEDERATION_CONFIG"] = "federations.toml"
    export(cli, BOARD)
    cli.ok("federation", "sync")
    timeline = Timeline(cli, mee6)
    timeline.sync(BOARD)
    assert fates(timeline.sync({**BOARD, ANN: 9_000}))["held"] == 1
    return timeline


def export(cli: Cli, accounts: Iterable[str]) -> None:
    """Write the federation's members, with these accounts, into its file."""
    lines = [f"M{n},m{n}@example.org,{account}" for n, account in enumerate(accounts, 1)]
    (cli.folder / "rovers.csv").write_text("\n".join(["id,email,discord", *lines, ""]))


def test_another_account_ends_a_hold(time: Timeline) -> None:
    export(time.cli, [NEW, BOB, CAT])
    time.cli.ok("federation", "sync")
    assert holds(time.cli)[0][5:] == ("relinked", "club/rovers")
    assert fates(time.sync({**BOARD, NEW: 70_000})) == {"baselined": 1, "unchanged": 2}
    assert time.cli("points", "verify").code == 0


def test_other_news_of_a_member_leave_the_hold(time: Timeline) -> None:
    text = (time.cli.folder / "rovers.csv").read_text()
    (time.cli.folder / "rovers.csv").write_text(text.replace("m1@", "ann@"))
    time.cli.ok("federation", "sync")
    assert fates(time.sync({**BOARD, ANN: 9_000}))["held"] == 1


def test_a_member_who_is_made_inactive_is_held_no_more(time: Timeline) -> None:
    queue.tell(time.cli, "rovers", ["M1"], "deleted", datetime.now(UTC))
    (run,) = time.cli.ok("federation", "retry")["runs"]
    assert run["deactivated"] == 1
    assert holds(time.cli)[0][5:] == ("deactivated", "club/rovers")
    assert time.ok("members", "held")["total"] == 0
    assert fates(time.sync({**BOARD, ANN: 9_000})) == {"unchanged": 2}
    # Active again, they get a new baseline.
    time.cli.ok("federation", "sync")
    assert fates(time.sync({**BOARD, ANN: 9_000})) == {"baselined": 1, "unchanged": 2}
    assert time.cli("points", "verify").code == 0


def test_a_member_shows_what_was_held_of_them(time: Timeline) -> None:
    time.ok("members", "accept", f"discord:{ANN}", "--by", "ann")
    time.sync({**BOARD, ANN: 9_000})
    time.sync({**BOARD, ANN: 90_000})
    waits, booked = time.ok("members", "show", f"discord:{ANN}")["holds"]
    assert (waits["xp_tracked"], waits["ending"], waits["ended_at"]) == (9_000, None, None)
    assert (booked["points"], booked["accepted_by"], booked["ending"], booked["made_by"]) == (
        *(40, "ann", "accepted", "ann"),
    )
    shown = time.run("members", "show", f"discord:{ANN}").out
    for part in ("waits", "accepted by ann", "+40", "+810"):
        assert part in shown
    assert time.ok("members", "show", f"discord:{ANN}", "--limit", "0")["holds"] == []


@pytest.mark.parametrize(
    ("discord_id", "changes", "told"),
    [
        (ANN, {"held_at": None}, "a change of their XP waits, but they are not marked as held"),
        (BOB, {"held_at": datetime(2026, 1, 1, tzinfo=UTC)}, "no change of their XP waits"),
    ],
)
def test_holds_and_their_marks_belong_together(
    time: Timeline, discord_id: str, changes: dict[str, object], told: str
) -> None:
    assert time.cli("points", "verify").code == 0
    books.change_member(time.cli, discord_id, **changes)
    result = time.cli("points", "verify")
    assert result.code == 65
    assert told in result.err
