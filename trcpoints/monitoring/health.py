"""What is wrong, and which command mends it (design, sections 5 and 9). Pure: `now` is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trcpoints.documents import ErrorInfo

SYNC_LIMIT = timedelta(minutes=35)
"""Two syncs every 15 minutes may fail before the third is missed."""

CLOCK_DRIFT = timedelta(minutes=5)
"""What two clocks may differ by, and both be right; what lies beyond it is still to come."""

STREAKS_LIMIT = timedelta(hours=26)
FEDERATION_LIMIT = timedelta(hours=26)
_NAMED = 5
MALFORMED_RUNS = 3
"""So many runs in a row with malformed players are a problem."""


@dataclass(frozen=True, slots=True)
class JobHealth:
    """What the database knows of a job. Both times are starts of runs, None where there is none.

    `cooldown_until` is the end of a cool-down in force. `last_error` is the code and message of
    the last run that failed; it is looked at where there are failures in a row only.
    """

    first_run_at: datetime | None = None
    last_success_at: datetime | None = None
    consecutive_failures: int = 0
    cooldown_until: datetime | None = None
    last_error: tuple[str, str] | None = None

    @property
    def has_run(self) -> bool:
        """Whether there is a trace of any run; the record of an old one may be pruned."""
        return (self.first_run_at or self.last_success_at) is not None


@dataclass(frozen=True, slots=True)
class Rejections:
    """What the last full read of an organization could not take, of so many records `read`."""

    scope: str
    run_id: str
    rejected: int
    read: int


def is_overdue(job: JobHealth, limit: timedelta, now: datetime) -> bool:
    """Whether nothing succeeded for longer than `limit`. A job that never ran is not overdue."""
    since = job.last_success_at or job.first_run_at
    return since is not None and is_too_long_ago(since, limit, now)


def is_too_long_ago(moment: datetime, limit: timedelta, now: datetime) -> bool:
    """Whether it was longer ago than `limit`.

    A moment that is still to come was noted by a wrong clock, and says nothing.
    """
    return not -CLOCK_DRIFT <= now - moment <= limit


def sync_problems(
    job: JobHealth, *, guild_id: str | None, invalid_players: Sequence[int], now: datetime
) -> Iterator[ErrorInfo]:
    """What is wrong with a sync that is enabled, the worst first.

    `invalid_players` are the malformed players of the last completed runs, the newest first.
    """
    if not job.has_run:
        if guild_id is None:
            yield ErrorInfo(
                "guild_not_set",
                "No Discord server is set, so no leaderboard can be read.",
                "Put MEE6_GUILD_ID=… into .env",
            )
        else:
            yield _never_ran("sync")
    if job.consecutive_failures:
        yield _failing("sync", job, _sync_remedy(job))
    if is_overdue(job, SYNC_LIMIT, now):
        yield _overdue("sync", job, SYNC_LIMIT)
    newest = invalid_players[:MALFORMED_RUNS]
    if len(newest) == MALFORMED_RUNS and all(newest):
        yield ErrorInfo(
            "malformed_players",
            f"The last {MALFORMED_RUNS} syncs left out malformed players of the leaderboard, "
            f"{newest[0]:,} of them at last.",
            "See how many there are: trcpoints sync --dry-run; if MEE6 changed its answers: "
            "pip install --upgrade trcpoints",
        )


def held_problems(
    members: int, accepted: int, to_award: int, to_deduct: int
) -> Iterator[ErrorInfo]:
    """What waits for a decision: so many members who are held, and the points at stake.

    `accepted` of them are decided on: the next sync that sees them books what is held.
    """
    if not members:
        return
    subject = "1 member is" if members == 1 else f"{members:,} members are"
    decided = f", {accepted:,} of them accepted" if accepted else ""
    yield ErrorInfo(
        "members_held",
        f"{subject} held{decided}: the XP changed more than it can. At stake: "
        f"{to_award:,} points to award, {to_deduct:,} to deduct.",
        "See them: trcpoints members held; book it: trcpoints members accept REF; or keep the "
        "points: trcpoints members rebaseline REF",
    )


def streaks_problems(
    job: JobHealth, *, judged_through: str | None, now: datetime
) -> Iterator[ErrorInfo]:
    """What is wrong with the judging of streaks, the worst first.

    `judged_through` is the last day that was judged (ISO), None before any.
    """
    if not job.has_run:
        yield _never_ran("streaks")
    if job.consecutive_failures:
        yield _failing("streaks", job, "Run it and see: trcpoints streaks")
    if is_overdue(job, STREAKS_LIMIT, now):
        yield _overdue("streaks", job, STREAKS_LIMIT)
    today = (now + CLOCK_DRIFT).astimezone(UTC).date().isoformat()
    if judged_through is not None and judged_through >= today:
        yield ErrorInfo(
            "streaks_ahead",
            f"Streaks are judged through {judged_through}, which is not over yet: a clock was "
            "wrong.",
            "Set the clock right (trcpoints doctor), then run: trcpoints streaks; it judges anew "
            "what is days ahead, and the rest mends itself when those days are over",
        )


def federation_problems(
    overdue: Sequence[str],
    failed: Sequence[tuple[str, str]],
    rejected: Sequence[Rejections],
    *,
    never_ran: bool,
) -> Iterator[ErrorInfo]:
    """What is wrong with the federations that are enabled, the worst first.

    `overdue` are organizations (connector/organization), `failed` those whose last job has failed
    for good, with the message of its last failure.
    """
    if never_ran:
        yield ErrorInfo(
            "federation_never_ran",
            "No federation was synced yet.",
            "See whether it can be: trcpoints federation check; then: trcpoints federation sync",
        )
    if failed:
        told = "; ".join(f"{scope}: {message}" for scope, message in failed[:_NAMED])
        rest = "" if len(failed) <= _NAMED else f"; and {len(failed) - _NAMED:,} more"
        yield ErrorInfo(
            "federation_failed",
            f"Organizations that could not be synced, and are not tried again: {told}{rest}",
            "See the jobs: trcpoints federation queue --status failed; then: trcpoints federation "
            "sync",
        )
    if overdue:
        names = ", ".join(overdue[:_NAMED])
        rest = "" if len(overdue) <= _NAMED else f" and {len(overdue) - _NAMED:,} more"
        hours = int(FEDERATION_LIMIT.total_seconds()) // 3600
        yield ErrorInfo(
            "federation_overdue",
            f"Organizations without a successful sync for more than {hours} hours: {names}{rest}.",
            "Run it: trcpoints federation sync; then see whether cron does: crontab -l",
        )
    if rejected:
        counts = ", ".join(
            f"{one.scope}: {one.rejected:,} of {one.read:,}" for one in rejected[:_NAMED]
        )
        rest = "" if len(rejected) <= _NAMED else f" and {len(rejected) - _NAMED:,} more"
        shown = "; ".join(f"trcpoints history show {one.run_id}" for one in rejected[:_NAMED])
        yield ErrorInfo(
            "federation_rejected",
            f"Records that the last sync rejected: {counts}{rest}.",
            f"See which, and why: {shown}; mend them there, or the connector's fields and values; "
            "then: trcpoints federation sync",
        )


def _never_ran(job: str) -> ErrorInfo:
    return ErrorInfo(
        f"{job}_never_ran",
        f"{job} has not run yet.",
        f"Run it: trcpoints {job}; then put it in cron",
    )


def _overdue(job: str, health: JobHealth, limit: timedelta) -> ErrorInfo:
    last = health.last_success_at
    told = "no run has succeeded yet" if last is None else f"the last was at {_moment(last)}"
    minutes = int(limit.total_seconds()) // 60
    allowed = f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
    return ErrorInfo(
        f"{job}_overdue",
        f"{job} had no success for more than {allowed}: {told}.",
        f"Run it: trcpoints {job}; then see whether cron does: crontab -l",
    )


def _failing(job: str, health: JobHealth, remedy: str) -> ErrorInfo:
    times = health.consecutive_failures
    runs = "The last run" if times == 1 else f"The last {times:,} runs"
    reason = "" if health.last_error is None else f": {health.last_error[1]}"
    return ErrorInfo(f"{job}_failing", f"{runs} of {job} failed{reason}", remedy)


def _sync_remedy(job: JobHealth) -> str:
    if job.cooldown_until is not None:
        return (
            f"MEE6 asked for a pause until {_moment(job.cooldown_until)}; sync goes on by itself "
            "then. To ask now: trcpoints sync --ignore-cooldown"
        )
    if job.last_error is not None and job.last_error[0] == "mass_change":
        return (
            "See what would change: trcpoints sync --dry-run --accept-decrease --members; then, "
            "after a reset, keep all points: trcpoints sync --rebaseline; or deduct: "
            "trcpoints sync --accept-decrease"
        )
    return "Run it and see: trcpoints sync"


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC"
