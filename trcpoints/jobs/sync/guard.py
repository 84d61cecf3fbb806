"""The mass-change guard (design, sections 2.5 and A4)."""

from __future__ import annotations

from collections.abc import Callable

from trcpoints.errors import MassChangeRefused
from trcpoints.guards import is_mass_change
from trcpoints.jobs.sync.plan import SyncPlan
from trcpoints.mee6.leaderboard import Leaderboard

ACCEPT_DECREASE = "--accept-decrease"


def find_refusal(
    plan: SyncPlan, board: Leaderboard, percent: int, count_awarded: Callable[[], int]
) -> MassChangeRefused | None:
    """Return the refusal of a plan in which too many members would lose XP or vanish at once.

    That is: at least AT_LEAST and more than `percent` of those tracked with XP; or an empty board
    while there is one of them. `count_awarded` counts the points ever awarded by syncs.
    """
    if board.players == 0 and board.invalid_players == 0 and plan.at_risk:
        affected = plan.at_risk
        they = "1 member has" if plan.at_risk == 1 else f"{plan.at_risk:,} members have"
        happened = f"The leaderboard of guild {board.guild_id} is empty, but {they} XP."
    elif is_mass_change(plan.losing, plan.at_risk, percent):
        affected = plan.losing
        less, gone = plan.losing - plan.members.left, plan.members.left
        happened = (
            f"{plan.losing:,} of {plan.at_risk:,} members with XP would lose it at once "
            f"({less:,} {'has' if less == 1 else 'have'} less than before, "
            f"{gone:,} {'is' if gone == 1 else 'are'} gone from the leaderboard)."
        )
    else:
        return None
    return _refuse(plan, affected, happened, count_awarded())


def _refuse(plan: SyncPlan, affected: int, happened: str, awarded: int) -> MassChangeRefused:
    """Return the refusal with the price of each way on, the safe one first."""
    deducted = plan.points.deducted + _held_deductions(plan)
    were = "was" if awarded == 1 else "were"
    price = f"deducting would take {_points(deducted)}; {awarded:,} {were} ever awarded"
    return MassChangeRefused(
        f"{happened} Nothing was changed: {price}.",
        hint=(
            "If the XP was reset, keep all points and start from the XP of today: trcpoints sync "
            f"--rebaseline (takes 0 points). If the XP was really taken away: trcpoints sync "
            f"{ACCEPT_DECREASE} (takes {_points(deducted)}{_marking(plan.members.left)}). Else "
            "remove the cause and run trcpoints sync again."
        ),
        option=ACCEPT_DECREASE,
        figures={
            "members": affected,
            "left": plan.members.left,
            "points_deducted": deducted,
        },
        question=f"{happened} {price[0].upper()}{price[1:]}. Go on?",
    )


def _held_deductions(plan: SyncPlan) -> int:
    """Return the points that the held losses would take, if they were accepted."""
    return -sum(
        verdict.hold.points
        for verdict in plan.held
        if verdict.hold is not None and verdict.hold.kind == "loss"
    )


def _marking(left: int) -> str:
    members = "1 member" if left == 1 else f"{left:,} members"
    return f", and marks {members} as left" if left else ""


def _points(number: int) -> str:
    return "1 point" if number == 1 else f"{number:,} points"
