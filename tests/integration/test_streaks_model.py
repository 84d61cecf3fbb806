"""Streaks against a model that walks day by day, whatever happens and in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import books
from tests.support.cli import Cli
from tests.support.outages import Event, excused_days, sync
from tests.support.streaks import assert_sound

pytestmark = pytest.mark.slow_on_postgresql

START = datetime(2026, 1, 14, 9, 30, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)
PEOPLE = 3
JUDGED = ("ACTIVE", "TRIALING")

people = st.integers(0, PEOPLE - 1)
awards = st.tuples(
    st.just("award"),
    # Who, how many hours ago, and whether it is an adjustment. Mostly of the last two days.
    st.lists(
        st.tuples(people, st.integers(0, 40) | st.integers(0, 300), st.sampled_from([0, 0, 0, 1])),
        min_size=1,
        max_size=12,
    ),
)
actions = st.one_of(
    awards,
    awards,
    st.tuples(st.just("run"), st.integers(1, 2)),
    st.tuples(st.just("run"), st.integers(1, 2)),
    st.tuples(st.just("sync"), st.integers(1, 4)),
    st.tuples(st.just("sync"), st.integers(1, 4)),
    st.tuples(st.just("switch"), st.booleans()),
    st.tuples(st.just("excuse"), st.integers(-8, 3)),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(
        st.just("status"), st.tuples(people, st.sampled_from(["ACTIVE", "TRIALING", "CANCELLED"]))
    ),
)
scripts = st.lists(st.tuples(st.integers(0, 40), actions), min_size=4, max_size=22)


@dataclass
class Person:
    """A member as the rules see them."""

    created: datetime
    status: str = "ACTIVE"
    active: set[date] = field(default_factory=set)
    judged: set[date] = field(default_factory=set)


@dataclass
class Model:
    """Everybody, walked day by day.

    `judged` are the days that the job has judged, `removed` those whose excuse was taken back for
    good, `syncs` what became of each sync.
    """

    people: list[Person] = field(default_factory=list)
    grace: list[date] = field(default_factory=list)
    judged: set[date] = field(default_factory=set)
    removed: set[date] = field(default_factory=set)
    syncs: list[Event] = field(default_factory=list)
    enabled: bool = True

    def run(self, now: datetime) -> list[date]:
        """Judge each weekday that is over, for whom it concerns; the days that are excused."""
        excused = self.excuse(now)
        for person in self.people:
            day = person.created.date()
            while day < now.date():
                if day.weekday() < 5 and person.status in JUDGED:
                    person.judged.add(day)
                day += DAY
        return excused

    def excuse(self, now: datetime) -> list[date]:
        """Excuse what an outage covers of the weekdays that are new to the job."""
        excused = []
        by_outages = excused_days(self.syncs, now, enabled=self.enabled)
        day = min(person.created for person in self.people).date()
        while day < now.date():
            if day.weekday() < 5 and day not in self.judged:
                self.judged.add(day)
                if day in by_outages and day not in {*self.grace, *self.removed}:
                    excused.append(day)
            day += DAY
        self.grace += excused
        return excused

    def streak(self, person: Person) -> tuple[int, int]:
        """The streak and the longest, after the last judged day."""
        current = longest = 0
        for day in sorted(person.judged):
            if day in person.active:
                current += 1
            elif day not in self.grace:
                current = 0
            longest = max(longest, current)
        return current, longest


class Play:
    """A script, played through the command and through the model."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.model = Model()
        self.now = START
        self.keys = 0

    def step(self, hours: int, action: tuple[str, Any]) -> None:
        """Let time pass and do something; then compare."""
        self.now += timedelta(hours=hours)
        with time_machine.travel(self.now, tick=False):
            name, argument = action
            getattr(self, name)(argument)
            self.compare()

    def add(self, name: str) -> None:
        self.cli.ok("members", "add", "--name", name)
        self.model.people.append(Person(self.now))

    def award(self, given: list[tuple[int, int, int]]) -> None:
        lines = ["member,points,source,key,at,note"]
        for who, hours, adjusting in given:
            self.keys += 1
            moment = self.now - timedelta(hours=hours)
            source = "adjustment" if adjusting else "benchmark"
            lines.append(f"{who + 1},2,{source},k{self.keys},{moment:%Y-%m-%dT%H:%M},why")
            person = self.model.people[who]
            if not adjusting and moment >= person.created:
                person.active.add(moment.date())
        self.cli.ok("points", "import", "-", stdin="\n".join(lines))

    def run(self, times: int) -> None:
        excused = [day for _ in range(times) for day in self.cli.ok("streaks")["days_excused"]]
        expected = self.model.run(self.now)
        assert [day["day"] for day in excused] == [f"{day}" for day in expected]

    def sync(self, times: int) -> None:
        """So many syncs, of which this is the last; they are switched off or completed."""
        kind = "completed" if self.model.enabled else "switched_off"
        known = self.model.syncs[-1][0] if self.model.syncs else START - 20 * DAY
        moments = [self.now - back * timedelta(minutes=15) for back in reversed(range(times))]
        for moment in moments:
            if moment > known:
                sync(self.cli, f"{moment:%Y-%m-%dT%H:%M}")
                self.model.syncs.append((moment, kind))

    def switch(self, enabled: bool) -> None:
        self.model.enabled = enabled
        self.cli.environment["MEE6_SYNC_ENABLED"] = "yes" if enabled else "no"

    def excuse(self, offset: int) -> None:
        day = (self.now + offset * DAY).date()
        if day.weekday() < 5:
            self.cli.ok("streaks", "excuse", f"{day}", "--reason", "a holiday")
            self.model.grace.append(day)
            self.model.removed.discard(day)

    def remove(self, index: int) -> None:
        if self.model.grace:
            day = self.model.grace[index % len(self.model.grace)]
            self.cli.ok("streaks", "excuse", f"{day}", "--remove")
            self.model.grace = [other for other in self.model.grace if other != day]
            if day in self.model.judged:
                self.model.removed.add(day)

    def status(self, change: tuple[int, str]) -> None:
        who, status = change
        self.cli.ok("members", "set", str(who + 1), "--status", status)
        self.model.people[who].status = status

    def compare(self) -> None:
        rows = books.everything(self.cli)["Member"]
        known = [(row["current_streak"], row["longest_streak"]) for row in rows]
        assert known == [self.model.streak(person) for person in self.model.people]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=scripts)
def test_any_script_agrees_with_the_model(
    cli: Cli, new_database: Callable[[], str], script: list[tuple[int, tuple[str, Any]]]
) -> None:
    cli.environment |= {"DATABASE_URL": new_database(), "MEE6_SYNC_ENABLED": "yes"}
    play = Play(cli)
    for number in range(PEOPLE):
        play.step(number * 7, ("add", f"member {number}"))
    for hours, action in script:
        play.step(hours, action)
    assert_sound(cli)
    play.step(24, ("run", 2))
    assert_sound(cli)
