"""Which saved boards the sync has read before: the same content is no second walk (design, A3)."""

from __future__ import annotations

from dataclasses import replace

from trcpoints.db.models import Job
from trcpoints.jobs.memory import SYNC_JOB
from trcpoints.mee6.leaderboard import Completeness, Leaderboard

MOST_KEPT = 16
"""Boards remembered; somebody may read a few of them in turn."""


def mark_repeated(board: Leaderboard) -> Leaderboard:
    """Return the board, marked where a sync has read this saved board before."""
    return replace(board, is_repeated=board.digest is not None and board.digest in _kept())


def remember(board: Leaderboard) -> None:
    """Write in the caller's transaction that a sync has read a board, if it counts as a walk."""
    if board.digest is None or board.completeness is Completeness.PARTIAL or board.is_empty:
        return
    others = [digest for digest in _kept() if digest != board.digest]
    kept = " ".join([board.digest, *others][:MOST_KEPT])
    Job.insert(name=SYNC_JOB, saved_boards=kept).on_conflict(
        conflict_target=[Job.name], preserve=[Job.saved_boards]
    ).execute()


def _kept() -> list[str]:
    row = Job.get_or_none(Job.name == SYNC_JOB)
    return (row.saved_boards or "").split() if row is not None else []
