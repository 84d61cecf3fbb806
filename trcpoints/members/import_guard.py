"""The mass-change guard of a file of members (design, section A4)."""

from __future__ import annotations

from trcpoints.errors import MassChangeRefused
from trcpoints.guards import is_mass_change
from trcpoints.members.fields import FIELDS
from trcpoints.members.matching import ImportPlan

ACCEPT_CHANGES = "--accept-changes"

_DISCORD_ID = FIELDS.index("discord_id")


def count_links(plan: ImportPlan) -> tuple[int, int]:
    """Return how many linked members get another Discord account, and how many get none."""
    lost = [change for change in plan.changed if change.linked_anew and change.before[_DISCORD_ID]]
    unlinked = sum(change.values[_DISCORD_ID] is None for change in lost)
    return len(lost) - unlinked, unlinked


def find_refusal(plan: ImportPlan, file: str, percent: int) -> MassChangeRefused | None:
    """Return the refusal of a file that takes their Discord account from too many members.

    That is: at least AT_LEAST and more than `percent` of the linked ones.
    """
    relinked, unlinked = count_links(plan)
    if not is_mass_change(relinked + unlinked, plan.linked, percent):
        return None
    fates = [
        f"{relinked:,} would get another Discord account" if relinked else "",
        f"{unlinked:,} would lose their Discord account" if unlinked else "",
    ]
    happened = (
        f"{file} changes the Discord account of {relinked + unlinked:,} of {plan.linked:,} linked "
        f"members: {' and '.join(filter(None, fates))}."
    )
    meanings = [
        "The next sync takes a new baseline for a member with another account: points and carry "
        "stay, and XP that was not synced before is not paid."
        if relinked
        else "",
        "A member without an account is not synced." if unlinked else "",
    ]
    meaning = " ".join(filter(None, meanings))
    causes = [
        "A spreadsheet may have rounded the ids, or lines may have moved." if relinked else "",
        "An empty cell clears an id; without the column the ids stay." if unlinked else "",
    ]
    return MassChangeRefused(
        f"{happened} {meaning} Nothing was changed.",
        hint=(
            f"{' '.join(filter(None, causes))} See each change: trcpoints members "
            "import FILE --dry-run. If all are right: trcpoints members import FILE "
            f"{ACCEPT_CHANGES}"
        ),
        option=ACCEPT_CHANGES,
        figures={"relinked": relinked, "unlinked": unlinked},
        question=f"{happened} {meaning} Import it?",
    )
