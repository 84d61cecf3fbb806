"""Values that are nested deeper than any Python reads.

How deep a decoder goes depends on the version: json reads 990 levels on 3.11, 10,000 on 3.13 and
65,000 on 3.14, where only the stack is the limit (of 8 MB, which is usual); msgspec skips 260,000.
"""

from __future__ import annotations

TOO_DEEP = 500_000


def deep_list() -> object:
    """A list in a list in a list."""
    value: object = "x"
    for _ in range(TOO_DEEP):
        value = [value]
    return value
