"""Linked members on a simulated MEE6, and a database of them to make copies of."""

from __future__ import annotations

from tests.benchmarks.bench import Bench
from tests.support import large
from trcpoints.demo.server import SimulatedMee6

SYNC = ("trcpoints", "sync", "--quiet")


class Community:
    """So many members; in the database at `url`, the board of the beginning is old news."""

    def __init__(self, bench: Bench, mee6: SimulatedMee6, members: int) -> None:
        self.members = members
        self.bench = bench
        self.mee6 = mee6
        self.url = bench.databases.new()
        self.settings = {
            "MEE6_API_BASE": mee6.api_base,
            "MEE6_GUILD_ID": mee6.guild_id,
            "MEE6_REQUEST_INTERVAL": "0",
        }
        roster = bench.folder / f"{members}.csv"
        large.write_members(roster, members)
        bench.run(self.url, "trcpoints", "members", "import", str(roster))
        self.change(0)
        for _ in range(2):
            self.sync()
        self.settle()

    def change(self, every: int) -> None:
        """Show the board on which every so-manieth has changed."""
        self.mee6.world.replace(large.board(self.members, every))

    def sync(self) -> None:
        """Have the database know the board."""
        self.bench.run(self.url, *SYNC, settings=self.settings)

    def settle(self) -> None:
        """Bring the database into the state that one in use is in."""
        self.bench.databases.settle(self.url)

    def drop(self) -> None:
        """Remove the database."""
        self.bench.databases.drop(self.url)
