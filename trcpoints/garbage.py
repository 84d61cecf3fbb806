"""How often Python looks for garbage."""

from __future__ import annotations

import gc

_OBJECTS = 200_000
"""That are made before it is looked for garbage among them."""


def collect_seldom() -> None:
    """For the length of this process, which is short: most of what is loaded stays to the end.

    To look it through again and again took a twentieth of a sync's time.
    """
    gc.set_threshold(_OBJECTS)
