"""Which changes of XP are held, and how a hold ends: pure rules (design, section A1).

What a member can have gained is limited by time, what they can lose by what Discord ever gave
them. A change beyond that is no activity but a fault, or something that a person must decide.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, structs

from trcpoints.config import MaxGain
from trcpoints.db.fields import from_driver, to_text
from trcpoints.documents import HoldEnding
from trcpoints.documents import HoldKind as Kind
from trcpoints.points.conversion import convert

ALWAYS_PLAUSIBLE = 1_000
"""XP that may be gained or lost at once, whatever the time and the points."""

BOOSTS = 2
"""By how much boosts may raise what MEE6 says that a minute can bring."""

BY_SYNC = "sync"
"""Who ended a hold that no person has decided on."""


class Hold(Struct, frozen=True, gc=False):
    """A hold that is open (`trcpoints.db.models.Hold`); `hold_id` is None where it begins now."""

    hold_id: int | None
    kind: Kind
    xp_seen: int
    points: int
    ceiling: int | None
    accepted_by: str | None = None


class Ending(NamedTuple):
    """How a hold ended, and who made it so."""

    how: HoldEnding
    made_by: str


class Known(NamedTuple):
    """What the rules ask of a member: `seen_at` is when their XP was last seen, by the books."""

    xp: int
    carry: int
    seen_at: object


class Weighed(NamedTuple):
    """What becomes of a change: it waits as `hold`, or it is booked (None).

    `ending` is that of the hold that there was, where it ends. `is_accepted` says that an option of
    the sync accepts what would wait else.
    """

    hold: Hold | None = None
    ending: Ending | None = None
    is_accepted: bool = False


class HoldRules(Struct, frozen=True):
    """What a sync goes by.

    `previous` is the start of the last sync that completed. `xp_per_minute` is what MEE6 gives at
    most. `accept_increase` and `accept_decrease` book what would be held; `made_by` says so.
    """

    started_at: datetime
    previous: datetime | None = None
    xp_per_minute: float = 25.0
    max_gain: MaxGain = "auto"
    accept_increase: bool = False
    accept_decrease: bool = False
    made_by: str = BY_SYNC

    def limit(self, seen_at: datetime | None) -> int | None:
        """The XP that may have been gained since the XP was last seen; None: any.

        Clocks may have been set back: no time is shorter than none, and nobody was seen later
        than the last sync began.
        """
        if self.max_gain == "off":
            return None
        if isinstance(self.max_gain, int):
            return self.max_gain
        known = [moment for moment in (seen_at, self.previous) if moment is not None]
        if not known:
            return ALWAYS_PLAUSIBLE
        seconds = max((self.started_at - min(known)).total_seconds(), 0.0)
        return ALWAYS_PLAUSIBLE + int(seconds * BOOSTS * self.xp_per_minute / 60)

    def ceiling(self, known: Known, hold: Hold | None) -> int | None:
        """The most XP that is plausible now; None: any.

        While a member is held it is what was plausible when the hold began: time does not raise
        it. A limit that is set does, for it says what is plausible at any time.
        """
        limit = self.limit(from_driver(known.seen_at))
        if limit is None:
            return None
        # A hold that began while any gain was plausible has no ceiling: it gets the one of today.
        if hold is None or hold.ceiling is None:
            return known.xp + limit
        if self.max_gain == "auto":
            return hold.ceiling
        return max(hold.ceiling, known.xp + limit)

    def previous_text(self) -> str | None:
        """When the XP of a member was last seen whom only the last sync saw, as it is stored."""
        return None if self.previous is None else to_text(self.previous)


def needs_ledger(delta: int) -> bool:
    """Whether `weigh` must know what Discord gave the member whose XP changes so."""
    return delta < -ALWAYS_PLAUSIBLE


def weigh(
    known: Known, xp: int, hold: Hold | None, rules: HoldRules, discord_points: int = 0
) -> Weighed:
    """Decide whether the change to `xp` is booked or waits.

    `discord_points` is the sum of the member's entries from Discord, where `needs_ledger`.
    """
    kind = _implausible(known, xp, hold, rules, discord_points)
    if kind is None:
        return Weighed(ending=None if hold is None else Ending("passed", BY_SYNC))
    if rules.accept_increase if kind == "gain" else rules.accept_decrease:
        ending = None if hold is None else Ending("accepted", rules.made_by)
        return Weighed(ending=ending, is_accepted=True)
    points, _ = convert(known.carry, xp - known.xp)
    if hold is None:
        return Weighed(Hold(None, kind, xp, points, rules.ceiling(known, None)))
    if hold.accepted_by is None:
        return Weighed(structs.replace(hold, kind=kind, xp_seen=xp, points=points))
    if kind == hold.kind and _is_covered(known, xp, hold, rules):
        return Weighed(ending=Ending("accepted", hold.accepted_by))
    # What was accepted is not what is there now: it is to be decided on again.
    anew = Hold(None, kind, xp, points, hold.ceiling)
    return Weighed(anew, Ending("superseded", BY_SYNC))


def _implausible(
    known: Known, xp: int, hold: Hold | None, rules: HoldRules, discord_points: int
) -> Kind | None:
    """The kind of change that cannot be: beyond the ceiling, or more than Discord ever gave."""
    delta = xp - known.xp
    if delta > 0:
        ceiling = rules.ceiling(known, hold)
        return "gain" if ceiling is not None and xp > ceiling else None
    if not needs_ledger(delta):
        return None
    points, _ = convert(known.carry, delta)
    return "loss" if discord_points + points < 0 else None


def _is_covered(known: Known, xp: int, hold: Hold, rules: HoldRules) -> bool:
    """Whether what was accepted of a held member goes for the XP that is seen now.

    It covers the XP that was seen then, and what is plausible after it.
    """
    if hold.kind == "loss":
        return xp >= hold.xp_seen - ALWAYS_PLAUSIBLE
    limit = rules.limit(from_driver(known.seen_at))
    return limit is None or xp <= hold.xp_seen + limit
