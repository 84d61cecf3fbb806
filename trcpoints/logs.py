"""Which run a line of the log belongs to, and how lines are written (design, section 9)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Literal, NamedTuple

Format = Literal["text", "json"]

NOTICE = logging.ERROR + 5
"""The level of what is no failure, and is said even with --quiet."""

logging.addLevelName(NOTICE, "NOTICE")


class Run(NamedTuple):
    """The run that this process does."""

    job: str
    run_id: str


class _State:
    run: Run | None = None


def begin_run(job: str, run_id: str) -> None:
    """From now on every line names this run, to the end of the command."""
    _State.run = Run(job, run_id)


def begin_command() -> None:
    """From now on no line names a run."""
    _State.run = None


def line(record: logging.LogRecord, log_format: Format) -> str:
    """One line: time, level, job, run id, message.

    The message is as it came: whoever shows text makes it harmless.
    """
    at = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"
    level, message, run = record.levelname.lower(), record.getMessage(), _State.run
    if log_format == "text":
        about = f" {run.job} {run.run_id}" if run else ""
        return f"{at} {level}{about}: {message}"
    import json

    job, run_id = run or (None, None)
    return json.dumps(
        {"time": at, "level": level, "job": job, "run_id": run_id, "message": message}
    )
