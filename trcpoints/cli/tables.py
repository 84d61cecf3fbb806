"""The one look of tables, and of numbers and times in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def table(*headings: str) -> Table:
    """A table under these headings; one that ends in `!` is of numbers, one in `|` never wraps."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for heading in headings:
        is_number = heading.endswith("!")
        made.add_column(
            heading.rstrip("!|"),
            justify="right" if is_number else "left",
            no_wrap=is_number or heading.endswith("|"),
            overflow="fold",
        )
    return made


def grid(rows: Sequence[tuple[str, str]]) -> Table:
    """Labels and what they stand for."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    for label, text in rows:
        made.add_row(label, text)
    return made


def number(value: int | None) -> str:
    """A number in groups of three digits; empty for None."""
    return "" if value is None else f"{value:,}"


def moment(value: datetime | None) -> str:
    """A time to the minute, UTC; empty for None."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M}"
