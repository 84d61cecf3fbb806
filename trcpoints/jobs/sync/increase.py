"""The refusal of a sync that would hold most of those whose XP has changed (design, section A1)."""

from __future__ import annotations

from trcpoints.errors import MassIncreaseRefused
from trcpoints.guards import is_mass_change
from trcpoints.jobs.sync.plan import SyncPlan

ACCEPT_INCREASE = "--accept-increase"


def find_refusal(plan: SyncPlan, guild_id: str, percent: int) -> MassIncreaseRefused | None:
    """Return the refusal of a plan in which too many members would be held for a gain at once.

    That is: at least AT_LEAST and more than `percent` of those whose XP has changed. Members who
    were held before count neither way.
    """
    members = plan.holds.gains + plan.accepted.members
    points = plan.holds.to_award + plan.accepted.points
    if not is_mass_change(members, plan.changed, percent):
        return None
    happened = (
        f"{members:,} of the {plan.changed:,} members whose XP has changed have gained more than "
        f"they can have earned since the last sync: the leaderboard of guild {guild_id} is "
        "probably another one."
    )
    price = f"awarding would give {points:,} points"
    return MassIncreaseRefused(
        f"{happened} Nothing was changed: {price}.",
        hint="Check MEE6_GUILD_ID and run trcpoints sync again. If the leaderboard is the right "
        "one, start from its XP: trcpoints sync --rebaseline (gives 0 points), or award it: "
        f"trcpoints sync {ACCEPT_INCREASE} (gives {points:,} points). To see the members first: "
        f"trcpoints sync {ACCEPT_INCREASE} --dry-run --members",
        option=ACCEPT_INCREASE,
        figures={"members": members, "points_awarded": points},
        question=f"{happened} {price[0].upper()}{price[1:]}. Go on?",
    )
