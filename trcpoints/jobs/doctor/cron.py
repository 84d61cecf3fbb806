"""Will cron start the jobs, at the hours that are meant, and has it?

Best effort: something else may start them, so nothing here is a fault.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from trcpoints.config import Settings
from trcpoints.jobs.doctor.check import Case, Check, unread
from trcpoints.jobs.memory import SYNC_JOB
from trcpoints.members.judged import STREAKS_JOB
from trcpoints.monitoring.health import STREAKS_LIMIT, SYNC_LIMIT, is_too_long_ago

FEDERATION_SYNC, FEDERATION_RETRY = "federation sync", "federation retry"
SYSTEM = (Path("/etc/crontab"), Path("/etc/cron.d"))
_EXAMPLE = "See a line for each job, and add what is missing by crontab -e: trcpoints crontab"
_PATIENCE = 10.0
_LIMITS = {SYNC_JOB: SYNC_LIMIT, STREAKS_JOB: STREAKS_LIMIT}

_VARIABLE = re.compile(r"""\s*["']?(?P<name>\w+)["']?\s*=\s*(?P<value>.*)""")
_JOB = re.compile(
    r"""
    \s* (?P<times> @\w+ | \S+ \s+ (?P<hour>\S+) (\s+ \S+){3} )
    \s+ (?P<command> .* )
    """,
    re.VERBOSE,
)
_STARTED = re.compile(r"\btrcpoints\s+(sync|streaks|federation\s+(?:sync|retry))\b")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a crontab that starts one of the jobs; `zone` is the CRON_TZ above it.

    `job` is what is typed after trcpoints.
    """

    job: str
    times: str
    zone: str | None

    @property
    def names_an_hour(self) -> bool:
        """Whether it depends on the time zone when a job is started that judges days."""
        if self.job in {FEDERATION_SYNC, FEDERATION_RETRY}:
            return False
        hour = self.times.split()[1:2]
        return self.times not in {"@hourly", "@reboot"} and hour != ["*"]


@dataclass(frozen=True, slots=True)
class Crontabs:
    """The lines that were found, and why nobody can say that there are no others."""

    lines: Sequence[Line]
    unread: str = ""


def look(case: Case) -> Iterator[Check]:
    """Look for a line for each job, at the time zone of its hours, and at the last runs."""
    jobs = _wanted(case.settings)
    crontabs = read_crontabs()
    yield _cron([*jobs, *_of_federations(case.settings)], crontabs)
    yield _time_zone(crontabs.lines)
    if case.books is None:
        yield unread("last_runs")
    else:
        yield _last_runs(jobs, case.books.scheduled, case.clock())


def _wanted(settings: Settings | None) -> list[str]:
    is_synced = settings is None or settings.mee6.enabled
    return [SYNC_JOB, STREAKS_JOB] if is_synced else [STREAKS_JOB]


def _of_federations(settings: Settings | None) -> list[str]:
    is_set_up = settings is not None and settings.federation_config is not None
    return [FEDERATION_SYNC, FEDERATION_RETRY] if is_set_up else []


def read_crontabs() -> Crontabs:
    """Those of this user and of the system, as far as they can be read."""
    text, unread = _own_crontab()
    lines = list(parse(text))
    for place in SYSTEM:
        try:
            for file in sorted(place.iterdir()) if place.is_dir() else [place]:
                if file.is_file():
                    lines += parse(file.read_text(encoding="utf-8", errors="replace"))
        except OSError as fault:
            unread = unread or f"{place}: {fault.strerror}"
    return Crontabs(lines, unread)


def parse(text: str) -> Iterator[Line]:
    """The lines of a crontab that start a job, whatever stands before it in the command."""
    zone = None
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        if variable := _VARIABLE.fullmatch(line):
            if variable["name"] == "CRON_TZ":
                zone = variable["value"].strip(" \"'")
        elif job := _JOB.fullmatch(line):
            started = _STARTED.search(job["command"])
            if started is not None:
                name, times = (" ".join(text.split()) for text in (started[1], job["times"]))
                yield Line(name, times, zone)


def _own_crontab() -> tuple[str, str]:
    """The text of this user's crontab, and why it could not be read."""
    done = _crontab("-l")
    if isinstance(done, str):
        return "", done
    if done.returncode == 0:
        return done.stdout, ""
    if "no crontab for" in done.stderr:
        return "", ""
    return "", f"crontab -l: {done.stderr.strip() or f'it ended with {done.returncode}'}"


def _cron_heeds_zones() -> bool:
    """Whether CRON_TZ is more than a variable: cronie knows it, Debian's cron does not."""
    done = _crontab("-V")
    return not isinstance(done, str) and "cronie" in done.stdout + done.stderr


def _crontab(option: str) -> subprocess.CompletedProcess[str] | str:
    """What the program answers, or why there is no answer."""
    program = shutil.which("crontab")
    if program is None:
        return "there is no crontab command"
    try:
        return subprocess.run(
            [program, option],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return f"crontab {option}: {type(fault).__name__}"


def _cron(jobs: Sequence[str], crontabs: Crontabs) -> Check:
    found = {line.job: line.times for line in crontabs.lines}
    missing = [job for job in jobs if job not in found]
    if not missing:
        told = ", ".join(f"{job} ({found[job]})" for job in jobs)
        return Check("cron", "ok", f"There are lines for {told}.")
    names = " and ".join(missing)
    if crontabs.unread:
        message = f"Whether cron starts {names} could not be looked at: {crontabs.unread}."
        return Check("cron", "warning", message, "See for yourself, as the user of the jobs.")
    message = (
        f"No line starts {names}: neither in this user's crontab nor in /etc/crontab and "
        "/etc/cron.d."
    )
    return Check("cron", "warning", message, _EXAMPLE)


def _time_zone(lines: Sequence[Line]) -> Check:
    zone, here_is_utc = time.tzname[0], not (time.timezone or (time.daylight and time.altzone))
    heeds = any(line.zone for line in lines) and _cron_heeds_zones()
    strange = [
        line
        for line in lines
        if line.names_an_hour and not (_is_utc(line.zone) if heeds and line.zone else here_is_utc)
    ]
    if not strange:
        rest = "" if here_is_utc else "; no line of a crontab depends on it"
        return Check("time_zone", "ok", f"This machine's is {zone}{rest}.")
    told = ", ".join(f"{line.job} ({line.times})" for line in strange)
    return Check(
        "time_zone",
        "warning",
        f"Cron does not take the hours of {told} for UTC, in which days are judged; this "
        f"machine's zone is {zone}.",
        "Write * for the hour: no job does harm when it runs more often (trcpoints crontab)",
    )


def _is_utc(zone: str) -> bool:
    return zone in {"UTC", "Etc/UTC", "UCT", "Etc/UCT", "GMT", "Etc/GMT", "Zulu", "Universal"}


def _last_runs(jobs: Sequence[str], last: Mapping[str, datetime], now: datetime) -> Check:
    never = [job for job in jobs if job not in last]
    if never:
        return Check(
            "last_runs",
            "warning",
            f"No scheduled run of {' and '.join(never)} is on record.",
            "Let the crontab set TRCPOINTS_TRIGGER=scheduled, as `trcpoints crontab` shows, and "
            "wait for the next one: trcpoints history list",
        )
    late = [job for job in jobs if is_too_long_ago(last[job], _LIMITS[job], now)]
    told = ", ".join(f"{job} {_ago(now - last[job])}" for job in late or jobs)
    if late:
        hint = "See whether cron runs: systemctl status cron"
        return Check("last_runs", "warning", f"Scheduled runs are overdue: {told}.", hint)
    return Check("last_runs", "ok", f"The last scheduled runs: {told}.")


def _ago(age: timedelta) -> str:
    minutes = max(int(age.total_seconds()) // 60, 0)
    return f"{minutes} minutes ago" if minutes < 120 else f"{minutes // 60:,} hours ago"
