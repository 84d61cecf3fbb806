"""What all mass-change guards share: the rule, and what a person agreed to (design, section A4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trcpoints.errors import MassChangeRefused, TrcpointsError

AT_LEAST = 3
"""Fewer than these are never a mass change."""

Agreed = Mapping[str, Mapping[str, int]]

Ask = Callable[[MassChangeRefused], bool]
"""Shows a person what a guard refuses, and returns whether it may be done all the same."""


def is_mass_change(affected: int, total: int, percent: int) -> bool:
    """Return whether so many of a total are at least AT_LEAST and more than a share of it.

    No number is more than 100 percent of its total, so 100 switches this rule off.
    """
    return affected >= AT_LEAST and affected * 100 > total * percent


@dataclass(frozen=True, slots=True)
class Consent:
    """What may go past a guard: whatever these options of the command accept.

    `agreed` has, by option, the figures that a person has seen and agreed to, which must not be
    exceeded; None: no person was asked, and there is no limit.
    """

    options: Sequence[str] = ()
    agreed: Agreed | None = None

    def covers(self, refusal: MassChangeRefused) -> bool:
        """Return whether what a guard refuses may be done."""
        if refusal.option not in self.options:
            return False
        if self.agreed is None:
            return True
        agreed = self.agreed.get(refusal.option, {})
        return all(count <= agreed.get(name, -1) for name, count in refusal.figures.items())


NO_CONSENT = Consent()


def ask_first(
    preview: Callable[[Consent], object], options: Sequence[str], ask: Ask | None
) -> Consent:
    """Return the consent of a person who has seen what each guard refuses; nothing is written.

    `preview` decides as the command would with a consent, and raises MassChangeRefused. It must
    not hold a lock: the person is asked after it has ended. Without `ask`, the options alone are
    the consent. Raises the MassChangeRefused that was not agreed to.
    """
    if ask is None:
        return Consent(options)
    agreed: dict[str, Mapping[str, int]] = {}
    # Each option goes past one guard.
    for _ in options:
        try:
            preview(Consent(options, agreed))
        except MassChangeRefused as refusal:
            if refusal.option not in options:
                break
            if not ask(refusal):
                raise
            agreed[refusal.option] = refusal.figures
        except TrcpointsError:
            # The command itself will meet it too, and record it.
            break
        else:
            break
    return Consent(options, agreed)
