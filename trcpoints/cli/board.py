"""Where a command reads the leaderboard from: a file, or MEE6 with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.session import Session
from trcpoints.config import Mee6Settings

if TYPE_CHECKING:
    from trcpoints.mee6.leaderboard import Leaderboard

FromFile = Annotated[
    str | None,
    typer.Option("--from", metavar="FILE", help="Read a saved leaderboard; - for stdin."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="The saved leaderboard is the whole board.")
]
Fetch = Callable[[Set[str]], "Leaderboard"]


def saved(settings: Mee6Settings, name: str, complete: bool) -> Fetch:
    """The file of `--from`; `-` is stdin."""
    from trcpoints.mee6.saved import read_leaderboard

    def fetch(wanted: Set[str]) -> Leaderboard:
        source, told = (sys.stdin.buffer, "stdin") if name == "-" else (Path(name), name)
        guild_id = settings.guild_id
        return read_leaderboard(source, told, wanted, guild_id=guild_id, complete=complete)

    return fetch


def live(settings: Mee6Settings, session: Session) -> Fetch:
    """MEE6 itself; what it answers is kept for `backfill-dry-run`."""
    from trcpoints.mee6 import cache
    from trcpoints.mee6.client import fetch_leaderboard

    def fetch(wanted: Set[str]) -> Leaderboard:
        with session.progress() as progress:
            if progress is None:
                board = fetch_leaderboard(settings, wanted, now=_now)
            else:
                task = progress.add_task("reading the leaderboard", total=len(wanted))

                def on_page(_pages: int, found: int) -> None:
                    progress.update(task, completed=found)

                board = fetch_leaderboard(settings, wanted, now=_now, on_page=on_page)
        cache.keep(settings, board, _now())
        return board

    return fetch


def _now() -> datetime:
    return datetime.now(UTC)
