"""The one look of tables, and of numbers and times in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trcpoints.cli.text import counted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Fitting:
    """What is shown as `wide` where that fits on a line of the terminal, and else as `narrow`."""

    wide: RenderableType
    narrow: RenderableType

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """What rich shows: the look that is chosen."""
        yield self._chosen(console, options)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """How wide that is."""
        return console.measure(self._chosen(console, options), options=options)

    def _chosen(self, console: Console, options: ConsoleOptions) -> RenderableType:
        needed = console.measure(self.wide, options=options.update_width(_ENDLESS)).maximum
        return self.wide if needed <= options.max_width else self.narrow


_ENDLESS = 10_000


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


def no_such_page(page: int, limit: int, total: int, noun: str) -> str | None:
    """What is said of a page beyond the last one; None where there is nothing at all."""
    if total == 0:
        return None
    pages = -(-total // limit)
    return f"There is no page {page:,} of {pages:,}, {counted(total, noun)}."


def number(value: int | None) -> str:
    """A number in groups of three digits; empty for None."""
    return "" if value is None else f"{value:,}"


def moment(value: datetime | None) -> str:
    """A time to the minute, UTC; empty for None."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M}"
