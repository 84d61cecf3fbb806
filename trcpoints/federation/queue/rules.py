"""What becomes of a job whose try has failed (design, section 8). Decides, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trcpoints.errors import (
    ConfigurationInvalid,
    DataRefused,
    InvalidRecords,
    RateLimited,
    SourceInvalid,
    SourceRefused,
)

MOST_RUNNING = 5
"""Jobs at work at once, in the whole database."""

LONGEST_PAUSE = timedelta(hours=6)
"""A source that asks for a longer pause is asked again before it is over. No wait is longer: one
that is was noted while a clock was wrong, and is over.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a job goes on: `next_retry_at` is None where it has failed for good."""

    retry_count: int
    next_retry_at: datetime | None


def after_failure(
    retry_count: int, max_retries: int, fault: BaseException, now: datetime
) -> Verdict:
    """The next try is 2, 4, 8 … minutes later; never before the pause that a source asked for."""
    if retry_count >= max_retries or not may_pass(fault):
        return Verdict(retry_count, None)
    retries = retry_count + 1
    pause = timedelta(minutes=2**retries)
    if isinstance(fault, RateLimited) and fault.retry_after is not None:
        asked = min(fault.retry_after, LONGEST_PAUSE.total_seconds())
        pause = max(pause, timedelta(seconds=asked))
    return Verdict(retries, now + pause)


def may_pass(fault: BaseException) -> bool:
    """Whether a retry can mend it: not a guard, a refusal or a configuration.

    A page for maintenance, or a file that is being written, passes.
    """
    if isinstance(fault, SourceInvalid | InvalidRecords):
        return True
    if isinstance(fault, DataRefused | SourceRefused):
        return False
    return getattr(fault, "exit_code", None) != ConfigurationInvalid.exit_code
