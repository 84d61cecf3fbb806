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

    from trcpoints.documents.sync import (
        SyncDocument,
        SyncHeldMember,
        SyncHolds,
        SyncLeaderboard,
        SyncResult,
    )

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
    accept_increase: Annotated[
        bool,
        typer.Option("--accept-increase", help="Award, even more than can have been earned."),
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
    accepting = accept_decrease or accept_increase
    if accepting and rebaseline:
        option = "--accept-decrease" if accept_decrease else "--accept-increase"
        raise typer.BadParameter(f"{option} and --rebaseline exclude each other")
    board = saved_board(from_file, complete, guild)

    from trcpoints.jobs.record import new_run_id
    from trcpoints.jobs.sync import job
    from trcpoints.jobs.sync.holds import BY_SYNC

    session = session_of(context)
    options = job.SyncOptions(
        sync_id=sync_id or new_run_id(_now()),
        dry_run=dry_run,
        with_results=members,
        saved=board is not None,
        accept_decrease=accept_decrease,
        accept_increase=accept_increase,
        made_by=_decider() if accepting or rebaseline else BY_SYNC,
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
    if not document.dry_run and (news := _describe_holds(document.holds)):
        session.notice(news, hint="trcpoints members held")
    session.show(document, lambda: _render(document))


def _decider() -> str:
    """Return who has decided on the options, for the record."""
    from trcpoints.members.edits import editor

    return editor(None)


def _describe_holds(holds: SyncHolds) -> str:
    """Return what to say of the members that the sync has begun to hold; empty without any."""
    members = holds.gains + holds.losses
    if not members:
        return ""
    stakes = [
        f"{counted(holds.to_award, 'point')} to award" if holds.gains else "",
        f"{counted(holds.to_deduct, 'point')} to deduct" if holds.losses else "",
    ]
    subject = "1 member is" if members == 1 else f"{members:,} members are"
    return (
        f"{subject} held: the XP changed more than it can in this time. At stake: "
        f"{', '.join(filter(None, stakes))}"
    )


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
    tables: list[RenderableType] = []
    if document.results:
        tables += ["", _render_results(document.results)]
    if document.held:
        tables += ["", "held:", _render_held(document.held)]
    return Group(heading, summary, *tables)


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
        (members.held, "held"),
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


def _render_held(members: list[SyncHeldMember]) -> RenderableType:
    headings = ("member!", "name", "Discord id|", "XP!", "XP seen!", "points at stake!")
    rows = table(*headings)
    for one in members:
        rows.add_row(
            one.member_id,
            harmless(one.name or ""),
            one.discord_id,
            number(one.xp_tracked),
            number(one.xp_seen),
            f"{one.points:+,}",
        )
    return rows
