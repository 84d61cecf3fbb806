"""What becomes of one member in a sync, decided without I/O (design, sections 2.1-2.4)."""

from __future__ import annotations

import enum

from msgspec import Struct, structs

from trcpoints.db.fields import to_text
from trcpoints.jobs.sync.holds import Ending, Hold, HoldRules, Known, Weighed
from trcpoints.mee6.leaderboard import Completeness, Leaderboard
from trcpoints.points.conversion import convert

MAX_DEFERRALS = 4
"""Syncs in a row for which members are deferred while ranks move (design, section 3)."""

WALKS_BEFORE_ZERO = 2
"""Complete walks in a row without a member before they are baselined at zero (section 2.2)."""


# gc=False here and below: they refer to nothing that could refer back to them, and there are too
# many of them for the garbage collector to look through again and again.
class MemberState(Struct, frozen=True, gc=False):
    """What the books say of one member before the sync (`trcpoints.db.models.Member`).

    `left_at`, `last_active_at`, `known_at` and `held_at` are as the database's driver gives and
    takes them.
    """

    member_id: int
    discord_id: str
    name: str | None
    xp_total: int | None
    carry: int
    points: int
    quiet: bool
    left_at: object
    absences: int
    deferrals: int
    rebaseline: bool
    last_active_at: object
    known_at: object = None
    held_at: object = None


class Outcome(enum.Enum):
    """What became of a member; the values are the counts of the sync's document."""

    BASELINED = "baselined"
    UNCHANGED = "unchanged"
    GAINED = "gained"
    LOST = "lost"
    LEFT = "left"
    AWAY = "away"
    DEFERRED = "deferred"
    HELD = "held"


class Verdict(Struct, frozen=True, gc=False):
    """The outcome for one member, and their state after it.

    `recorded` asks for an activity record, whose delta is `xp_delta` (None: a baseline).
    `awarded` are the points of the ledger entry; 0 for none. `absent` says that the baseline is
    zero because the member is not on the board; `leaving` asks for the mark `left_at`. `hold` is
    the hold that is open after the sync, `hold_before` the one before it, `ending` how that ended.
    `is_accepted` says that the change is booked because an option of the sync accepts it.
    """

    outcome: Outcome
    before: MemberState
    after: MemberState
    recorded: bool = False
    xp_delta: int | None = None
    awarded: int = 0
    absent: bool = False
    leaving: bool = False
    hold_before: Hold | None = None
    hold: Hold | None = None
    ending: Ending | None = None
    is_accepted: bool = False


BOOKED = Weighed()

# Looked up once: an Enum takes longer to give its members than they take to be compared.
_GAINED, _LOST = Outcome.GAINED, Outcome.LOST


def known_of(member: MemberState, hold: Hold | None) -> Known:
    """A member as the rules of holds look at them; one who was away was seen until they left."""
    seen_at = member.known_at if hold is not None else member.left_at or member.known_at
    return Known(member.xp_total or 0, member.carry, seen_at)


def _seen(member: MemberState, xp: int, *, carry: int, points: int, quiet: bool) -> MemberState:
    """Return the member, on the leaderboard with `xp`."""
    return structs.replace(
        member,
        xp_total=xp,
        carry=carry,
        points=points,
        quiet=quiet,
        left_at=None,
        absences=0,
        deferrals=0,
        rebaseline=False,
        known_at=None,
        held_at=None,
    )


def baseline(member: MemberState, xp: int, rules: HoldRules, hold: Hold | None) -> Verdict:
    """A member whose XP is taken as it is."""
    after = _seen(member, xp, carry=member.carry, points=member.points, quiet=False)
    return Verdict(
        Outcome.BASELINED,
        member,
        after,
        recorded=True,
        hold_before=hold,
        ending=_rebaselined(hold, rules),
    )


def _rebaselined(hold: Hold | None, rules: HoldRules) -> Ending | None:
    return None if hold is None else Ending("rebaselined", rules.made_by)


def judge_seen(
    member: MemberState, xp: int, rules: HoldRules, hold_before: Hold | None, weighed: Weighed
) -> Verdict:
    """A member whose XP was known, and is on the leaderboard with `xp`."""
    hold, ending, is_accepted = weighed
    if hold is not None:
        held_at = to_text(rules.started_at) if hold.hold_id is None else member.held_at
        after = structs.replace(member, known_at=None, held_at=held_at)
        return Verdict(
            Outcome.HELD, member, after, hold_before=hold_before, hold=hold, ending=ending
        )
    delta = xp - (member.xp_total or 0)
    if delta == 0:
        return Verdict(
            Outcome.UNCHANGED,
            member,
            _seen(member, xp, carry=member.carry, points=member.points, quiet=True),
            recorded=not member.quiet,
            xp_delta=0,
            hold_before=hold_before,
            ending=ending,
        )
    points, carry = convert(member.carry, delta)
    return Verdict(
        _GAINED if delta > 0 else _LOST,
        member,
        _seen(member, xp, carry=carry, points=member.points + points, quiet=False),
        recorded=True,
        xp_delta=delta,
        awarded=points,
        hold_before=hold_before,
        ending=ending,
        is_accepted=is_accepted,
    )


def judge_missing(
    member: MemberState,
    discord_id: int,
    board: Leaderboard,
    rules: HoldRules,
    hold: Hold | None,
    *,
    rebaseline: bool,
) -> Verdict:
    """A member who was not found: not there, or not known whether there."""
    if hold is not None and not rebaseline:
        return Verdict(Outcome.HELD, member, _unseen(member, rules), hold_before=hold, hold=hold)
    after = member
    if rebaseline or member.rebaseline:
        # They await a baseline: they have not left what they were never seen on (section A4).
        after = structs.replace(member, rebaseline=True, left_at=None, held_at=None)
    verdict = _judge_unheld(member, after, discord_id, board, rules)
    if hold is None:
        return verdict
    return structs.replace(verdict, hold_before=hold, ending=_rebaselined(hold, rules))


def _unseen(member: MemberState, rules: HoldRules) -> MemberState:
    """The member, with the time at which their XP was last seen."""
    if member.xp_total is None:
        return member
    return structs.replace(member, known_at=member.known_at or rules.previous_text())


def _judge_unheld(
    member: MemberState, after: MemberState, discord_id: int, board: Leaderboard, rules: HoldRules
) -> Verdict:
    """A member who was not found and is not held."""
    unseen = _unseen(after, rules)
    if discord_id in board.unreadable:
        unread = structs.replace(unseen, absences=0, deferrals=0)
        return Verdict(Outcome.DEFERRED, member, unread)
    # Who was linked after the walk began was not looked for.
    if board.completeness is Completeness.PARTIAL or discord_id not in board.known:
        return Verdict(Outcome.DEFERRED, member, unseen)
    if member.xp_total is None and (board.is_empty or board.is_repeated):
        return Verdict(Outcome.DEFERRED, member, after)
    if board.completeness is Completeness.RANKS_MOVED:
        if board.is_repeated:
            return Verdict(Outcome.DEFERRED, member, unseen)
        if member.deferrals < MAX_DEFERRALS:
            deferred = structs.replace(unseen, deferrals=member.deferrals + 1)
            return Verdict(Outcome.DEFERRED, member, deferred)
        return _judge_absent(member, after, board)
    return _judge_absent(member, structs.replace(after, deferrals=0), board)


def _judge_absent(member: MemberState, after: MemberState, board: Leaderboard) -> Verdict:
    """A member who counts as absent from the leaderboard (sections 2.2 and 2.3)."""
    if member.xp_total is None:
        absences = member.absences + 1
        if board.paged and absences < WALKS_BEFORE_ZERO:
            return Verdict(Outcome.DEFERRED, member, structs.replace(after, absences=absences))
        after = structs.replace(after, xp_total=0, quiet=False, absences=0)
        return Verdict(Outcome.BASELINED, member, after, recorded=True, absent=True)
    if after.rebaseline:
        return Verdict(Outcome.DEFERRED, member, after)
    if member.xp_total == 0:
        # Not to be on the board is to have no XP, as they had.
        return Verdict(Outcome.UNCHANGED, member, structs.replace(after, known_at=None))
    if member.left_at is not None:
        return Verdict(Outcome.AWAY, member, after)
    return Verdict(Outcome.LEFT, member, after, leaving=True)
