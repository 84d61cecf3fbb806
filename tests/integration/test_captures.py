"""Real leaderboards give exactly the figures that are noted beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import time_machine

from tests.conftest import CAPTURES
from tests.support import books
from tests.support.cli import Cli
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason="the captures are not part of the project"
)

# baselined, unchanged, gained, left, away, points awarded: from the captures' own README
SERIES = [
    (300, 0, 0, 0, 0, 0),
    (0, 221, 79, 0, 0, 689),
    (0, 177, 120, 3, 0, 2494),
    (0, 187, 108, 2, 3, 1410),
    (0, 225, 70, 0, 5, 436),
    (0, 286, 9, 0, 5, 8),
    (0, 285, 10, 0, 5, 11),
]


def capture(name: str) -> Any:
    return json.loads((CAPTURES / name).read_bytes())


def test_a_saved_page_baselines_200_of_its_players(cli: Cli) -> None:
    page = CAPTURES / "page-999-players.json"
    players = capture(page.name)["players"]
    # Every fifth: from the first to the last, with ties and odd names among them.
    linked = [player["id"] for player in players[::5]][:200]
    books.link(cli, linked)

    document = cli.ok("sync", "--from", str(page), "--complete")

    assert document["guild_id"] == capture(page.name)["guild"]["id"]
    assert document["members"]["tracked"] == 200
    assert document["members"]["baselined"] == 200
    assert document["members"]["absent"] == 0
    assert document["points"] == {"awarded": 0, "deducted": 0, "net": 0}
    # It stops at the page of the last member, and the page is the only one there is.
    assert document["leaderboard"]["players"] == 999
    expected = {player["id"]: player["xp"] for player in players if player["id"] in linked}
    assert {i: m.xp_total for i, m in books.members(cli).items()} == expected
    again = cli.ok("sync", "--from", str(page), "--complete")
    assert again["members"]["unchanged"] == 200


def test_the_series_replayed_gives_its_figures(cli: Cli, mee6: SimulatedMee6) -> None:
    # The figures are those of the conversion alone: one member gains more than 25 XP a minute.
    cli.environment["MEE6_MAX_GAIN"] = "off"
    series = capture("series-top-300.json")
    books.link(cli, [player["id"] for player in series["snapshots"][0]["players"]])

    for snapshot, figures in zip(series["snapshots"], SERIES, strict=True):
        mee6.world.replace(snapshot["players"])
        with time_machine.travel(snapshot["captured_at"], tick=False):
            document = cli.ok("sync")
        counts = document["members"]
        names = ("baselined", "unchanged", "gained", "left", "away")
        assert (*(counts[name] for name in names), document["points"]["awarded"]) == figures
        assert (counts["absent"], counts["lost"], counts["returned"]) == (0, 0, 0)
        assert document["points"]["deducted"] == 0

    linked = books.members(cli).values()
    assert sum(member.points for member in linked) == 5048
    assert sum(member.carry for member in linked) == 6134
    assert len(linked) == 300
    assert sum(member.left_at is not None for member in linked) == 5
    assert cli("points", "verify").code == 0


def test_of_the_series_one_change_is_held(cli: Cli, mee6: SimulatedMee6) -> None:
    series = capture("series-top-300.json")
    books.link(cli, [player["id"] for player in series["snapshots"][0]["players"]])
    for snapshot in series["snapshots"]:
        mee6.world.replace(snapshot["players"])
        with time_machine.travel(snapshot["captured_at"], tick=False):
            cli.ok("sync")
    held = cli.ok("members", "held")
    (one,) = held["members"]
    # 5,274 XP in 75 minutes, and a little since.
    assert (one["xp_tracked"], one["xp_seen"], one["points"]) == (211_104, 216_605, 55)
    cli.ok("members", "accept", one["member_id"])
    with time_machine.travel(series["snapshots"][-1]["captured_at"], tick=False):
        assert cli.ok("sync")["members"]["gained"] == 1
    assert sum(member.points for member in books.members(cli).values()) == 5048
    assert cli("points", "verify").code == 0
