"""The syncs of the last days as a grid of quarters of an hour, in inline SVG. Pure.

No library has this plot. States differ in their shape and not in their colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from trcpoints.report.shaping import GridDay

_SHAPES = {
    # where in its cell a shape begins, and how high it is, in parts of the cell's height
    "completed": (0.2, 0.6),
    "failed": (0.0, 1.0),
    "abandoned": (0.0, 1.0),
    "interrupted": (0.4, 0.6),
    "skipped": (0.6, 0.4),
    "running": (0.6, 0.4),
    "missing": (0.85, 0.15),
}
_CLASSES = {"abandoned": "failed", "interrupted": "other", "skipped": "other", "running": "other"}
_TOP = 18


@dataclass(frozen=True, slots=True)
class _Layout:
    """How wide the picture and its labels of days are, how high a day is, and how large a cell.

    `place` is where the cell of a quarter is, from the corner of its day.
    """

    name: str
    width: int
    label: str
    labels: int
    day: int
    cell: tuple[float, float]
    place: Callable[[int], tuple[float, float]]
    every_hours: int


# A line of 96 quarters a day; or, where that is too narrow, a line for each quarter of the hour.
_WIDE = _Layout("wide", 960, "%a %d %b", 84, 28, (7.6, 20), lambda n: (n * 9.12, 0), 3)
_NARROW = _Layout(
    "narrow", 350, "%a %d", 50, 44, (10.4, 7), lambda n: (n // 4 * 12.5, n % 4 * 8.6), 6
)


def grid(days: Sequence[GridDay], *, described: str) -> Markup:
    """The days, for wide screens and for narrow ones; `described` is for screen readers."""
    return Markup("").join(_drawn(layout, days, described) for layout in (_WIDE, _NARROW))


def _drawn(layout: _Layout, days: Sequence[GridDay], described: str) -> Markup:
    height = _TOP + layout.day * len(days)
    parts = [
        f'<svg class="chart grid {layout.name}" viewBox="0 0 {layout.width} {height}" '
        f'role="img" aria-label="{escape(described)}">'
    ]
    for hour in range(0, 24, layout.every_hours):
        x, _ = layout.place(hour * 4)
        parts.append(f'<text x="{layout.labels + x:g}" y="11">{hour:02}:00</text>')
    for number, day in enumerate(days):
        top = _TOP + number * layout.day
        middle = top + layout.day / 2
        parts.append(f'<text x="0" y="{middle:g}">{day.day:{layout.label}}</text>')
        parts += _cells(layout, day, top)
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704 (numbers, dates, and what is escaped above)


def _cells(layout: _Layout, day: GridDay, top: int) -> list[str]:
    """One path for each class of state."""
    paths: dict[str, list[str]] = {}
    width, height = layout.cell
    for number, state in enumerate(day.quarters):
        if state is None:
            continue
        x, y = layout.place(number)
        begin, share = _SHAPES[state]
        left, upper = layout.labels + x, top + y + begin * height
        shape = f"M{left:g} {upper:g}h{width:g}v{share * height:g}h-{width:g}z"
        paths.setdefault(_CLASSES.get(state, state), []).append(shape)
    return [f'<path class="{name}" d="{"".join(shapes)}"/>' for name, shapes in paths.items()]
