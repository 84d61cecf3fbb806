"""Where a command reads the leaderboard from: a file, or MEE6 with a progress bar."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.session import Session
from trcpoints.config import SNOWFLAKE, Mee6Settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from trcpoints.mee6.leaderboard import Fetch, Known, Leaderboard


def _guild_id(text: str) -> str:
    if not SNOWFLAKE.fullmatch(text):
        raise typer.BadParameter("the digits of a Discord server id, like 159962941502783488")
    return text


FromFile = Annotated[
    str | None,
    typer.Option("--from", metavar="FILE", help="Read a saved leaderboard; - for stdin."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="The saved leaderboard is the whole board.")
]


Guild = Annotated[
    str | None,
    typer.Option(
        "--guild",
        metavar="ID",
        parser=_guild_id,
        help="The guild of a saved leaderboard that does not name it.",
    ),
]


@dataclass(frozen=True, slots=True)
class SavedBoard:
    """What `--from`, `--complete` and `--guild` say; `name` is a file, or `-` for stdin."""

    name: str
    complete: bool
    guild: str | None


def saved_board(from_file: str | None, complete: bool, guild: str | None) -> SavedBoard | None:
    """Return the saved leaderboard that is asked for; None for the live one."""
    if from_file is not None:
        return SavedBoard(from_file, complete, guild)
    for option, is_given in (("--complete", complete), ("--guild", guild is not None)):
        if is_given:
            raise typer.BadParameter(f"{option} goes with --from")
    return None


def saved(settings: Mee6Settings, session: Session, board: SavedBoard) -> Fetch:
    """Return what reads a saved leaderboard, and warns where it may be a part of one."""
    from trcpoints.mee6.saved import read_leaderboard, read_source

    is_stdin = board.name == "-"
    told = "stdin" if is_stdin else board.name

    @functools.cache
    def body() -> bytes:
        # Once: a pipe cannot be read again, and what a person agreed to is what is booked.
        return read_source(sys.stdin.buffer if is_stdin else Path(board.name), told)

    def fetch(known: Known, _beat: Callable[[], None]) -> Leaderboard:
        read = read_leaderboard(
            io.BytesIO(body()),
            told,
            known,
            guild_id=settings.guild_id,
            complete=board.complete,
            unnamed=board.guild,
        )
        _warn(session, read, told)
        return read

    return fetch


def _warn(session: Session, board: Leaderboard, name: str) -> None:
    """Say why the absence of members from a saved leaderboard may mean nothing."""
    count = len(board.missing)
    members = "1 linked member is" if count == 1 else f"{count:,} linked members are"
    if board.shortfall:
        session.notice(
            f"{name} may be only a part of the leaderboard: {board.shortfall}. {members} not on "
            "it, and may still be on the rest.",
            hint="Save all pages up to the empty one, or, if this is the whole board: --complete",
        )
    elif board.is_empty and count:
        session.notice(
            f"{name} is an empty leaderboard, so members without a baseline get none from it.",
            hint="Is MEE6's Levels plugin on for this server? Then save the answer again.",
        )


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
