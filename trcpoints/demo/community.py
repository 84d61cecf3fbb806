"""The demo's community: its members, the strangers around them, and what befalls them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from trcpoints.demo.crowd import Person, invent

_REMOVED_XP = 1500


class Community:
    """People who write, and four things that happen to some of them while time passes.

    A newcomer writes for the first time, a member leaves and comes back, an admin removes XP,
    and MEE6 wants a pause: each at its share of the whole time, once.
    """

    def __init__(self, members: int, seed: int, start: datetime, length: timedelta) -> None:
        people = invent(members * 3, seed)
        self.members = people[:members]
        writers = sorted(self.members, key=lambda person: person.pace, reverse=True)
        self._people = people
        self._newcomer, self._leaver, self._punished = (writers[i % members] for i in (3, 1, 2))
        self._arrives = start + length * 0.15
        self._leaves, self._returns = start + length * 0.3, start + length * 0.7
        self._removal = start + length * 0.5
        self._pause = start + length * 0.6
        self._last = start - timedelta(microseconds=1)

    def live(self, now: datetime) -> Iterator[str]:
        """Let time pass until `now`; what happens meanwhile, in words."""
        happenings = {
            self._arrives: f"{self._newcomer.name} writes for the first time",
            self._leaves: f"{self._leaver.name} leaves the server",
            self._removal: f"an admin removes {_REMOVED_XP:,} XP from {self._punished.name}",
            self._returns: f"{self._leaver.name} comes back",
        }
        yield from (text for at, text in happenings.items() if self._last < at <= now)
        self._last = now

    def wants_pause(self, now: datetime) -> bool:
        """Whether MEE6 wants its pause now, which it says once."""
        due = self._pause <= now
        if due:
            self._pause = datetime.max.replace(tzinfo=now.tzinfo)
        return due

    def board(self, now: datetime) -> Iterator[tuple[str, str, int]]:
        """The leaderboard at a moment: Discord id, name, XP."""
        for person in self._people:
            if person is self._leaver and self._leaves <= now < self._returns:
                continue
            if person is self._newcomer and now < self._arrives:
                continue
            yield (person.discord_id, person.name, self._xp(person, now))

    def _xp(self, person: Person, now: datetime) -> int:
        xp = person.xp_at(now)
        if person is self._newcomer:
            xp -= person.xp_at(self._arrives)
        if person is self._punished and now >= self._removal:
            xp = max(xp - _REMOVED_XP, 0)
        return xp
