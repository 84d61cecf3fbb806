"""`trcpoints sync`: from the leaderboard to points."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.asking import Yes, asker
from trcpoints.cli.board import Complete, FromFile, Guild, live, saved, saved_board
from trcpoints.cli.session import session_of
from trcpoints.cli.tables import grid, number, table
from trcpoints.cli.text import counted, harmless
from trcpoints.config import GUILD_MISSING, Mee6Settings, read_settings
from trcpoints.env_file import SettingFault

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trcpoints.documents.sync import SyncDocument, SyncLeaderboard, SyncResult

app = single()

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


def _run_id(text: str) -> str:
    if not _RUN_ID.fullmatch(text):
        raise typer.BadParameter("1 to 64 letters, digits and . _ : -, please")
    return text


@command(app, example="trcpoints sync --dry-run --members")
def sync(
    context: typer.Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what a sync would do; write nothing.")
    ] = False,
    members: Annotated[
        bool, typer.Option("--members", help="Name every member whose XP is new.")
    ] = False,
    from_file: FromFile = None,
    complete: Complete = False,
    guild: Guild = None,
    accept_decrease: Annotated[
        bool, typer.Option("--accept-decrease", help="Deduct, even from most members at once.")
    ] = False,
    rebaseline: Annotated[
        bool,
        typer.Option(
            "--rebaseline",
            help="Start from the XP of today, also that of another guild; no points move.",
        ),
    ] = False,
    yes: Yes = False,
    ignore_cooldown: Annotated[
        bool, typer.Option("--ignore-cooldown", help="Ask MEE6 although it asked for a pause.")
    ] = False,
    sync_id: Annotated[
        str | None,
        typer.Option(
            "--sync-id",
            metavar="ID",
            parser=_run_id,
            help="The id of this run: once completed, it does nothing when repeated.",
        ),
    ] = None,
) -> None:
    """Read the MEE6 leaderboard, and award or deduct points for what has changed.

    A member who is seen for the first time gets a baseline: their history is not paid.
    """
    if accept_decrease and rebaseline:
        raise typer.BadParameter("--accept-decrease and --rebaseline exclude each other")
    board = saved_board(from_file, complete, guild)

    from trcpoints.jobs.record import new_run_id
    from trcpoints.jobs.sync import job

    session = session_of(context)
    options = job.SyncOptions(
        sync_id=sync_id or new_run_id(_now()),
        dry_run=dry_run,
        with_results=members,
        saved=board is not None,
        accept_decrease=accept_decrease,
        rebaseline=rebaseline,
        ignore_cooldown=ignore_cooldown,
    )
    settings, faults = read_settings(os.environ, session.env_file)
    if settings.mee6.enabled:
        faults = [*faults, *_guild_faults(settings.mee6, faults, from_file)]
        if faults:
            raise settings.refuse(faults)
    if board is not None:
        fetch = saved(settings.mee6, session, board)
    else:
        fetch = live(settings.mee6, session)
    document = job.sync(settings, options, fetch, _now, ask=asker(yes=yes), is_sound=not faults)
    session.show(document, lambda: _render(document))


def _guild_faults(
    settings: Mee6Settings, faults: list[SettingFault], from_file: str | None
) -> list[SettingFault]:
    """What is missing to ask MEE6, told together with all other faults."""
    known = any("GUILD_ID" in fault.setting for fault in faults)
    if from_file or settings.guild_id or known:
        return []
    return [SettingFault("MEE6_GUILD_ID", GUILD_MISSING)]


def _now() -> datetime:
    return datetime.now(UTC)


def _render(document: SyncDocument) -> RenderableType:
    from rich.console import Group

    if document.status == "skipped":
        return f"Sync skipped: {_REASONS[document.reason or '']}"
    title = "Dry run: this is what a sync would do now; nothing was written."
    heading = title if document.dry_run else "Sync completed."
    summary = grid(_summary(document))
    if not document.results:
        return Group(heading, summary)
    return Group(heading, summary, "", _render_results(document.results))


_REASONS = {
    "disabled": "MEE6_SYNC_ENABLED is false.",
    "already_completed": "a run of this id has completed before.",
}


def _summary(document: SyncDocument) -> list[tuple[str, str]]:
    members, points, board = document.members, document.points, document.leaderboard
    fates = [
        (members.gained, "gained XP"),
        (members.lost, "lost XP"),
        (members.baselined, "baselined (no points)"),
        (members.unchanged, "unchanged"),
        (members.left, "left the server"),
        (members.away, "away"),
        (members.returned, "came back"),
        (members.deferred - members.awaiting_baseline, "deferred to the next sync"),
        (members.awaiting_baseline, "awaiting a baseline"),
    ]
    told = ", ".join(f"{count:,} {fate}" for count, fate in fates if count)
    took = f"{document.duration_seconds:.1f} s"
    moved = f"from guild {document.moved_from} to guild {document.guild_id}"
    return [
        *([("books moved", moved)] if document.moved_from else []),
        ("members", told or "none is linked yet: trcpoints members import FILE"),
        ("XP", f"+{document.xp.gained:,} -{document.xp.lost:,}"),
        ("points", f"{points.awarded:,} awarded, {points.deducted:,} deducted"),
        ("leaderboard", _describe_board(board)),
        *(("", note) for note in _notes(document)),
        ("took", took) if document.dry_run else ("run", f"{document.sync_id}, {took}"),
    ]


def _describe_board(board: SyncLeaderboard) -> str:
    parts = [f"{board.players:,} players read"]
    if board.invalid_players:
        parts.append(f"{board.invalid_players:,} malformed and left out")
    parts.append(counted(board.requests, "request") if board.requests else "from a file")
    if board.partial:
        parts.append("perhaps only a part of the leaderboard")
    return ", ".join(parts)


def _notes(document: SyncDocument) -> Iterator[str]:
    """Why members are deferred, where it is not that their record or their rank was in doubt."""
    board = document.leaderboard
    if not document.members.deferred:
        return
    if not board.players:
        yield "The leaderboard is empty, so members without a baseline get none from it."
    elif board.repeated:
        yield "This saved leaderboard was read before, so it says nothing new of who is missing."


def _render_results(results: list[SyncResult]) -> RenderableType:
    rows = table("member!", "name", "Discord id|", "XP before!", "XP now!", "points!", "carry!")
    for result in results:
        rows.add_row(
            result.member_id,
            harmless(result.name or ""),
            result.discord_id,
            number(result.xp_before) or "baseline",
            number(result.xp_after),
            f"{result.points:+,}",
            str(result.carry),
        )
    return rows
