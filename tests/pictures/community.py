"""The community of the pictures: the same story at every time and on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import time_machine

from tests.support.cli import Cli
from trcpoints.config import sqlite_url
from trcpoints.db.database import Access
from trcpoints.demo.play import play
from trcpoints.demo.server import GUILD_ID

NOW = datetime(2026, 3, 20, 0, 8, tzinfo=UTC)
DATABASE = "trcpoints.db"
_DAYS = 120
_MEMBERS = 80
_SEED = 7


@contextmanager
def open_community() -> Iterator[Cli]:
    """The program on its books, on a terminal of 80 columns and with the clock at `NOW`."""
    with TemporaryDirectory(prefix="trcpoints-pictures-") as name:
        folder = Path(name)
        play(
            sqlite_url(folder / DATABASE),
            Access.CREATE,
            members=_MEMBERS,
            days=_DAYS,
            seed=_SEED,
            today=NOW,
            on_tick=lambda: None,
        )
        with time_machine.travel(NOW, tick=False):
            environment = {"HOME": name, "COLUMNS": "80", "MEE6_GUILD_ID": GUILD_ID}
            cli = Cli(folder, {**environment, "DATABASE_URL": f"sqlite:///{DATABASE}"})
            cli.ok("streaks")
            yield cli
