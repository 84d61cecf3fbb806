"""What the page makes of rows: weeks, days, quarters, hours, names, and the lines of a plot."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trcpoints.points.streaks.ranges import streak_ranges
from trcpoints.report.plots import bars, ticks
from trcpoints.report.quarters import grid
from trcpoints.report.shaping import (
    GRID_CELLS,
    GRID_DAYS,
    by_day,
    by_hour,
    by_quarter,
    by_week,
    heat,
    public_name,
)

NOW = datetime(2027, 1, 2, 0, 40, tzinfo=UTC)  # a Saturday, of week 53 of 2026
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
DAYS = st.dictionaries(
    MOMENTS.map(lambda moment: moment.date().isoformat()),
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
)


@given(DAYS, MOMENTS)
def test_weeks_and_days_lose_nothing(days: dict[str, tuple[int, int]], now: datetime) -> None:
    for found, length in ((by_week(days, now), 7), (by_day(days, now), 1)):
        assert found[0].first <= now.date() - timedelta(days=89)
        last = found[-1].first + timedelta(days=length - 1)
        assert found[-1].first <= now.date() <= last
        within = [
            points
            for day, points in days.items()
            if found[0].first <= date.fromisoformat(day) <= last
        ]
        assert sum(one.awarded for one in found) == sum(points[0] for points in within)
        assert sum(one.net for one in found) == sum(points[0] - points[1] for points in within)


def test_a_week_is_an_iso_week() -> None:
    weeks = by_week({"2026-12-28": (1, 0), "2027-01-01": (2, 5), "2026-12-27": (4, 0)}, NOW)
    assert [(one.week, one.awarded, one.net) for one in weeks[-2:]] == [
        ("2026-W52", 4, 4),
        ("2026-W53", 3, -2),
    ]


def test_a_quarter_is_how_its_worst_sync_ended() -> None:
    at = NOW.replace(minute=14, second=59)
    runs = [(at, "completed"), (at, "failed"), (at, "completed")]
    runs += [(at + timedelta(minutes=15), "skipped"), (NOW, "completed")]
    *_, yesterday, today = by_quarter(runs, NOW - timedelta(hours=1), NOW)
    assert today.day == NOW.date()
    assert today.quarters[:5] == ["failed", "skipped", "completed", None, None]
    # The first sync on record, whose run was in the quarter of an hour from 23:30, is not listed.
    assert yesterday.quarters[-3:] == [None, "missing", "missing"]


@given(st.lists(st.tuples(MOMENTS, st.sampled_from(["completed", "failed"]))), MOMENTS)
def test_quarters_are_complete(runs: list[tuple[datetime, str]], now: datetime) -> None:
    first = min((began for began, _ in runs), default=None)
    days = by_quarter(runs, first, now)
    assert (len(days), days[-1].day) == (GRID_DAYS, now.date())
    assert all(len(day.quarters) == GRID_CELLS for day in days)
    shown = {(began.date(), began.hour, began.minute // 15) for began, _ in runs}
    shown = {one for one in shown if days[0].day <= one[0] <= days[-1].day}
    assert sum(day.count("completed", "failed") for day in days) == len(shown)
    if first is None:
        assert not sum(day.count("missing") for day in days)


def test_a_sync_counts_in_the_hour_that_it_looks_back_on() -> None:
    hours = by_hour([(datetime(2026, 3, 16, 0, 14, tzinfo=UTC), 5), (NOW, 7), (NOW, 1)])
    assert hours[6][23] == 5
    assert hours[5][0] == 8
    assert sum(map(sum, hours)) == 13


def test_heat() -> None:
    assert [heat(value, 100) for value in (0, 1, 20, 21, 99, 100)] == [0, 1, 1, 2, 5, 5]
    assert heat(0, 0) == 0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann", "Ann"),
        ("Ann @ work", "Ann @ work"),
        ("ann@example.org", None),
        ("Ann (ann.b@mail.example.org)", None),
        ("159962941502783488", None),
        ("member 159962941502783488", None),
        ("R2-D2 12345678", "R2-D2 12345678"),
        (None, None),
    ],
)
def test_a_name_for_everybody(name: str | None, shown: str | None) -> None:
    assert public_name(name) == shown


@given(st.integers(-(10**12), 0), st.integers(1, 10**12))
@example(0, 1)
@example(-90, 1000)
def test_the_lines_of_a_plot(lowest: int, highest: int) -> None:
    lines = ticks(lowest, highest)
    assert 0 in lines
    assert 2 <= len(lines) <= 6
    assert lines[-1] >= highest
    assert lines[0] >= lowest
    assert len({after - before for before, after in pairwise(lines)}) == 1


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
def test_a_plot_is_text_without_styles_and_scripts(values: list[int]) -> None:
    labels = [f'<b>{number}"' for number in range(len(values))]
    drawn = bars(labels, [("points", values)], described='a "plot" <of> points')
    assert (
        drawn.count("<svg") == drawn.count('aria-label="a &quot;plot&quot; &lt;of&gt; points"') == 2
    )
    for unwanted in ("<style", "<script", "<defs", "<!--", "style=", "<b", "onclick"):
        assert unwanted not in drawn
    assert drawn.count("<title>") == 2 * len(values)
    for label, value in zip(labels, values, strict=True):
        told = label.replace("<", "&lt;").replace(">", "&gt;")
        assert f"<title>{told}: {value:,}</title>" in drawn


def test_a_grid_has_a_cell_for_each_quarter() -> None:
    drawn = grid(by_quarter([(NOW, "failed")], NOW - timedelta(days=2), NOW), described="<x>")
    assert drawn.count('aria-label="&lt;x&gt;"') == 2
    assert drawn.count('class="failed"') == 2
    assert drawn.count("M") == 2 * (1 + 192) + drawn.count("Mon")


def test_ranges_of_streaks() -> None:
    assert streak_ranges({0: 3, 4: 1, 5: 2, 249: 1, 250: 1, 1000: 1}) == {
        "0": 3, "1-4": 1, "5-9": 2, "100-249": 1, "250+": 2
    }  # fmt: skip
    assert streak_ranges({}) == {}
