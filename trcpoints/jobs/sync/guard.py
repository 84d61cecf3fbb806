"""The mass-change guard (design, section 2.5)."""

from __future__ import annotations

from trcpoints.errors import MassChangeRefused
from trcpoints.jobs.sync.plan import SyncPlan
from trcpoints.mee6.leaderboard import Leaderboard

AT_LEAST = 3


def check(plan: SyncPlan, board: Leaderboard) -> None:
    """Raise MassChangeRefused where too many members would lose XP or vanish at once.

    That is: at least AT_LEAST and more than half of those tracked with XP and not away; or an
    empty board while there is one of them.
    """
    empty = board.players == 0 and board.invalid_players == 0
    if empty and plan.at_risk:
        raise MassChangeRefused(
            f"The leaderboard of guild {board.guild_id} is empty, but {plan.at_risk} of our "
            "members have XP. Nothing was changed.",
            hint=_WAYS_ON,
        )
    if plan.losing >= AT_LEAST and plan.losing * 2 > plan.at_risk:
        vanishing = plan.members.left
        raise MassChangeRefused(
            f"{plan.losing} of {plan.at_risk} members with XP would lose it at once "
            f"({plan.losing - vanishing} have less than before, {vanishing} are gone from the "
            "leaderboard). Nothing was changed.",
            hint=_WAYS_ON,
        )


_WAYS_ON = (
    "If the XP was really taken away: trcpoints sync --accept-decrease (deducts the points), or "
    "after a reset: trcpoints sync --rebaseline (keeps all points). Else mend the cause and run "
    "trcpoints sync again."
)
