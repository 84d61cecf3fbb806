"""The simulated MEE6 as a fixture's value, and boards in a line of code."""

from __future__ import annotations

from collections.abc import Mapping

from trcpoints.demo.server import SimulatedMee6


def show(server: SimulatedMee6, board: Mapping[str, int]) -> None:
    """Make the server's leaderboard hold exactly these players: Discord id -> XP."""
    server.world.replace([(player_id, f"user {player_id}", xp) for player_id, xp in board.items()])


def environment(server: SimulatedMee6) -> dict[str, str]:
    """What points a program at this server."""
    return {"MEE6_API_BASE": server.api_base, "MEE6_GUILD_ID": server.guild_id}
