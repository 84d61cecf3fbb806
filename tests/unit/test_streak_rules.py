"""The rules of streaks (design, section 2.6) over long histories, against walking day by day."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from trcpoints.points.streaks.rules import (
    MILESTONES,
    Calendar,
    Reached,
    Streak,
    advance,
    after_first_break,
    is_weekday,
    last_complete_weekday,
    next_weekday,
    weekdays,
    window_start,
)

FIRST = date(2026, 1, 1)
LENGTH = 200
DAYS = [day for n in range(LENGTH) if is_weekday(day := FIRST + timedelta(days=n))]
LAST = DAYS[-1]

shares = st.sampled_from([0.5, 0.8, 0.9, 0.97, 1.0])
blocks = st.tuples(st.integers(0, len(DAYS)), st.integers(0, 20)).map(
    lambda block: set(DAYS[block[0] : sum(block)])
)
grace_days = st.sets(st.sampled_from(DAYS), max_size=8) | blocks


@st.composite
def histories(draw: st.DrawFn) -> list[date]:
    """The days on which a member was active."""
    chance = draw(st.randoms(use_true_random=False))
    share = draw(shares)
    return [day for day in DAYS if chance.random() < share]


def walked(active: set[date], grace: set[date]) -> tuple[Streak, list[Reached], list[date]]:
    """The streak, the milestones and the first days of streaks, one day after the other."""
    current, longest, since = 0, 0, None
    reached, begun = [], []
    for day in DAYS:
        if day in active:
            if since is None:
                since = day
                begun.append(day)
            current += 1
            if current in MILESTONES:
                reached.append(Reached(since, current, day))
        elif day not in grace:
            current, since = 0, None
        longest = max(longest, current)
    return Streak(current, longest, since), reached, begun


@given(active=histories(), grace=grace_days)
def test_judging_all_at_once_is_walking_day_by_day(active: list[date], grace: set[date]) -> None:
    judged = advance(Streak(), None, active, LAST, Calendar(grace))
    assert (judged.streak, judged.reached, judged.begun) == walked(set(active), grace)


@given(active=histories(), grace=grace_days, stops=st.sets(st.sampled_from(DAYS)))
def test_it_does_not_matter_when_one_judges(
    active: list[date], grace: set[date], stops: set[date]
) -> None:
    calendar = Calendar(grace)
    streak, judged = Streak(), None
    reached: list[Reached] = []
    begun: list[date] = []
    for through in sorted({*stops, LAST}):
        days = [day for day in active if (judged is None or day > judged) and day <= through]
        part = advance(streak, judged, days, through, calendar)
        streak, judged = part.streak, through
        reached += part.reached
        begun += part.begun
    assert (streak, reached, begun) == walked(set(active), grace)


@given(active=histories(), grace=grace_days, late=st.sampled_from(DAYS))
@example(active=DAYS[10:13], grace=set(DAYS[13:40]), late=DAYS[40])
def test_a_window_is_enough_to_repair_what_a_late_day_changes(
    active: list[date], grace: set[date], late: date
) -> None:
    calendar = Calendar(grace)
    before, recorded, _ = walked(set(active), grace)
    start = window_start(late, before.longest, calendar)
    seen = [day for day in sorted({*active, late}) if day >= start]
    if start > FIRST:
        days = after_first_break(seen, start, calendar)
        folded = advance(Streak(longest=before.longest), None, days, LAST, calendar)
    else:
        folded = advance(Streak(), None, seen, LAST, calendar)
    streak, reached, begun = walked({*active, late}, grace)
    assert folded.streak == streak
    assert late >= folded.begun[0]
    assert set(folded.begun) <= set(begun)
    # What is not told anew was so before.
    assert set(folded.reached) <= set(reached) <= {*folded.reached, *recorded}


def test_weekdays() -> None:
    friday, saturday, monday = date(2026, 1, 23), date(2026, 1, 24), date(2026, 1, 26)
    assert [is_weekday(day) for day in (friday, saturday, monday)] == [True, False, True]
    assert next_weekday(friday) == next_weekday(saturday) == monday
    assert last_complete_weekday(monday) == last_complete_weekday(saturday) == friday
    assert last_complete_weekday(friday) == date(2026, 1, 22)
    assert [*weekdays(date(2026, 1, 21), saturday)] == [date(2026, 1, 22), friday]
    assert [*weekdays(friday, saturday)] == []


def test_a_weekend_is_never_a_grace_day_that_counts() -> None:
    saturday = date(2026, 1, 24)
    assert Calendar([saturday]).grace == []
    assert Calendar([saturday]).counts(saturday) == Calendar().counts(saturday)
