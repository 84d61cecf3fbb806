"""To which day a sync's awards belong: what it sees after midnight was earned before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trcpoints.jobs.sync.plan import MIDNIGHT_GAP, occurrence

MIDNIGHT = datetime(2026, 1, 20, tzinfo=UTC)
LAST_MOMENT = datetime(2026, 1, 19, 23, 59, 59, 999999, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("previous", "now"),
    [
        (MIDNIGHT - 15 * MINUTE, MIDNIGHT),
        (MIDNIGHT - 15 * MINUTE, MIDNIGHT + timedelta(seconds=5)),
        (MIDNIGHT - MIDNIGHT_GAP, MIDNIGHT),
        (MIDNIGHT - timedelta(microseconds=1), MIDNIGHT + MIDNIGHT_GAP - timedelta(microseconds=1)),
    ],
)
def test_the_first_sync_after_midnight_credits_the_day_before(
    previous: datetime, now: datetime
) -> None:
    assert occurrence(now, previous) == LAST_MOMENT


@pytest.mark.parametrize(
    ("previous", "now"),
    [
        (None, MIDNIGHT),
        # Too long ago.
        (MIDNIGHT - MIDNIGHT_GAP - timedelta(microseconds=1), MIDNIGHT),
        (MIDNIGHT - 30 * MINUTE, MIDNIGHT + 6 * MINUTE),
        (MIDNIGHT - timedelta(days=1), MIDNIGHT),
        # Not the first sync of its day.
        (MIDNIGHT, MIDNIGHT + 15 * MINUTE),
        (MIDNIGHT - 30 * MINUTE, MIDNIGHT - 15 * MINUTE),
        # By a clock that was set back, the sync before is still to come.
        (MIDNIGHT + 30 * MINUTE, MIDNIGHT),
        (MIDNIGHT + timedelta(days=1), MIDNIGHT),
    ],
)
def test_any_other_sync_credits_its_own_moment(previous: datetime | None, now: datetime) -> None:
    assert occurrence(now, previous) == now


def test_midnight_is_that_of_utc() -> None:
    # 00:05 in Dublin's summer is 23:05 UTC: the day is not over.
    assert occurrence(MIDNIGHT - 55 * MINUTE, MIDNIGHT - 70 * MINUTE) == MIDNIGHT - 55 * MINUTE
