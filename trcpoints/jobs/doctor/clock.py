"""Does this machine know what time it is?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from trcpoints.errors import ConfigurationInvalid
from trcpoints.jobs.doctor.check import Case, Check
from trcpoints.monitoring.health import CLOCK_DRIFT

NAME = "clock"


def look(case: Case) -> Iterator[Check]:
    """Compare it with MEE6's clock and the database's, where they have told theirs."""
    others = {
        "MEE6's": case.mee6_offset,
        "the database's": case.books.offset if case.books else None,
    }
    known = {whose: offset for whose, offset in others.items() if offset is not None}
    if not known:
        yield Check(NAME, "skipped", "Neither MEE6 nor the database has told the time.")
        return
    whose, offset = max(known.items(), key=lambda item: abs(item[1]))
    seconds = round(abs(offset.total_seconds()))
    if abs(offset) <= CLOCK_DRIFT:
        yield Check(NAME, "ok", f"It agrees with {' and '.join(known)}, to {seconds} s.")
        return
    direction = "behind" if offset > timedelta(0) else "ahead of"
    yield Check(
        NAME,
        "fault",
        f"This machine's clock is {seconds // 60:,} minutes {direction} {whose}.",
        "Set it: timedatectl set-ntp true",
        "clock_wrong",
        ConfigurationInvalid.exit_code,
    )
