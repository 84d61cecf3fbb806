"""Bar charts as inline SVG, whose looks are the page's style sheet's. Pure.

Of what pygal draws its own styles, scripts and notes are left out: colours are classes, so that
the page is dark where its reader's screen is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from trcpoints.errors import MissingExtra

try:
    from markupsafe import Markup
    from pygal import PluginImportFixer, StackedBar
    from pygal.config import Config
    from pygal.style import Style
except ImportError:
    raise MissingExtra("The page of trcpoints report", "report") from None

# It finds maps, which are not drawn here, and Python 3.11 warns of it at every later import.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, PluginImportFixer)]

_TICKS = 4
_FONT = 12
_LETTER = 8
_GAP = 10
_DECIMALS = re.compile(r"(\d+\.\d)\d+")
_DRAWN = frozenset({"x", "y", "width", "height", "d", "transform"})


@dataclass(frozen=True, slots=True)
class Size:
    """A picture's width and height in CSS pixels."""

    name: str
    width: int
    height: int


WIDE = Size("wide", 960, 250)
NARROW = Size("narrow", 350, 210)


def bars(
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[int]]],
    *,
    described: str,
    numbered: bool = False,
) -> Markup:
    """A bar of each series over each label, for wide screens and for narrow ones.

    Values below zero hang down. `described` is what a screen reader says instead, `numbered`
    writes the values on the bars.
    """
    return Markup("").join(
        _drawn(size, labels, series, described, numbered) for size in (WIDE, NARROW)
    )


def ticks(lowest: int, highest: int) -> list[int]:
    """Round numbers, evenly apart, zero among them: the lowest value up, and to the highest."""
    span = max(highest - lowest, _TICKS)
    step = next(
        step
        for power in range(len(str(span)) + 1)
        for step in (10**power, 2 * 10**power, 5 * 10**power)
        if step * _TICKS >= span
    )
    first, last = -(-lowest // step), -(-highest // step)
    return [number * step for number in range(first, last + 1)]


def _drawn(
    size: Size,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[int]]],
    described: str,
    numbered: bool,
) -> Markup:
    values = [value for _, numbers in series for value in numbers]
    lowest, highest = min(0, *values), max(1, *values)
    lines = ticks(lowest, highest)
    room = size.width // (_LETTER * max(map(len, labels)) + _GAP)
    every = -(-len(labels) // room)
    chart = StackedBar(
        Config(
            js=[],
            css=[],
            disable_xml_declaration=True,
            no_prefix=True,
            width=size.width,
            height=size.height,
            margin=4,
            margin_top=14,
            spacing=6,
            show_legend=False,
            show_minor_x_labels=False,
            truncate_label=-1,
            print_values=numbered,
            print_values_position="top",
            formatter="{:,.0f}".format,
            y_labels=[{"value": line, "label": f"{line:,}"} for line in lines],
            range=(lowest, lines[-1]),
            x_labels=list(labels),
            x_labels_major=list(labels)[::-1][every // 2 :: every],
            style=Style(
                background="transparent",
                label_font_size=_FONT,
                major_label_font_size=_FONT,
                value_font_size=_FONT,
            ),
        )
    )
    for name, numbers in series:
        chart.add(name, list(numbers))
    chart.add_xml_filter(lambda root: _tidied(root, size, described))
    return Markup(chart.render(is_unicode=True))  # noqa: S704 (pygal escapes the labels)


def _tidied(root: Element, size: Size, described: str) -> Element:
    """What pygal drew, without what it would style and run itself."""
    del root.attrib["id"]
    root.attrib.update({"class": f"chart {size.name}", "role": "img", "aria-label": described})
    told = {bar: _told(bar) for bar in root.iter("g") if bar.get("class") == "bar"}
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_superfluous(child):
                parent.remove(child)
        for name in _DRAWN & parent.attrib.keys():
            parent.set(name, _DECIMALS.sub(r"\1", parent.attrib[name]))
    for bar, text in told.items():
        title = bar.makeelement("title", {})
        title.text = text
        bar.append(title)
    return root


def _told(bar: Element) -> str:
    """What a bar is, for a mouse that rests on it."""
    notes = {note.get("class"): note.text for note in bar.iter("desc")}
    return f"{notes.get('x_label')}: {notes.get('value')}"


def _is_superfluous(child: Element) -> bool:
    is_comment = callable(child.tag)
    return (
        is_comment
        or child.tag in {"defs", "desc", "title"}
        or child.get("class") in {"background", "titles", "plot tooltip-overlay"}
    )
