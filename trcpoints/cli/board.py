"""Where a command reads the leaderboard from: a file, or MEE6 with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.session import Session
from trcpoints.config import Mee6Settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from trcpoints.mee6.leaderboard import Fetch, Known, Leaderboard

FromFile = Annotated[
    str | None,
    typer.Option("--from", metavar="FILE", help="Read a saved leaderboard; - for stdin."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="The saved leaderboard is the whole board.")
]


def saved(settings: Mee6Settings, name: str, complete: bool) -> Fetch:
    """The file of `--from`; `-` is stdin."""
    from trcpoints.mee6.saved import read_leaderboard

    def fetch(known: Known, _beat: Callable[[], None]) -> Leaderboard:
        source, told = (sys.stdin.buffer, "stdin") if name == "-" else (Path(name), name)
        guild_id = settings.guild_id
        return read_leaderboard(source, told, known, guild_id=guild_id, complete=complete)

    return fetch


def live(settings: Mee6Settings, session: Session) -> Fetch:
    """MEE6 itself; what it answers is kept for `backfill-dry-run`."""
    from trcpoints.mee6 import cache
    from trcpoints.mee6.client import fetch_leaderboard

    def fetch(known: Known, beat: Callable[[], None]) -> Leaderboard:
        with session.progress() as progress:
            show = _shown(progress, len(known))

            def on_page(_pages: int, found: int) -> None:
                beat()
                show(found)

            board = fetch_leaderboard(settings, known, now=_now, on_page=on_page)
        cache.keep(settings, board, _now())
        return board

    return fetch


def _shown(progress: Progress | None, total: int) -> Callable[[int], None]:
    if progress is None:
        return lambda _found: None
    task = progress.add_task("reading the leaderboard", total=total)
    return lambda found: progress.update(task, completed=found)


def _now() -> datetime:
    return datetime.now(UTC)
