"""One HTML file of what was read: no script, nothing that is fetched (design, section 14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import neg
from pathlib import Path

from trcpoints.config import Settings
from trcpoints.db.engine import Engine
from trcpoints.documents import ErrorInfo
from trcpoints.errors import MissingExtra
from trcpoints.jobs.status_federation import Configured
from trcpoints.points.streaks.ranges import streak_ranges
from trcpoints.report.community import Community, read_community
from trcpoints.report.operators import Operators, read_operators
from trcpoints.report.plots import bars
from trcpoints.report.quarters import grid
from trcpoints.report.shaping import heat, public_name

try:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
except ImportError:
    raise MissingExtra("The page of trcpoints report", "report") from None

_TEMPLATES = Path(__file__).parent / "templates"

_PUBLIC = {"points": "Points", "leaderboard": "Leaderboard", "streaks": "Streaks"}
_OPERATORS = {
    "health": "Health",
    "runs": "Runs",
    "failures": "Failures",
    "federations": "Federations",
    "points": "Points",
    "activity": "Activity",
    "streaks": "Streaks",
    "leaderboard": "Leaderboard",
}
"""The sections in their order: a template and its heading."""

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of one moment's books; `operators` is None on the page for everybody."""

    generated_at: datetime
    community: Community
    operators: Operators | None


def read_page(engine: Engine, now: datetime) -> Page:
    """The page for everybody, of one moment's books."""
    with engine.snapshot():
        return Page(now, read_community(engine, now), None)


def read_operators_page(
    engine: Engine,
    settings: Settings,
    now: datetime,
    connectors: Sequence[Configured],
    problems: Sequence[ErrorInfo],
) -> Page:
    """The page for operators, of one moment's books.

    `connectors` are those of the federations, `problems` what was found to be wrong before.
    """
    with engine.snapshot():
        operators = read_operators(engine, settings, now, connectors, problems)
        return Page(now, read_community(engine, now), operators)


def render(page: Page, clean: Callable[[str], str]) -> str:
    """The page as HTML; every text in it goes through `clean`, then is escaped."""

    def cleaned(value: object) -> object:
        if isinstance(value, str) and not isinstance(value, Markup):
            return clean(value)
        return value

    def name(name: str | None, member_id: str) -> str:
        if page.operators is not None:
            return name or f"member {member_id}"
        return public_name(name) or "unnamed member"

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["negative"] = neg
    return environment.get_template("page.html").render(
        page=page,
        community=page.community,
        operators=page.operators,
        sections=_PUBLIC if page.operators is None else _OPERATORS,
        weekdays=_WEEKDAYS,
        name=name,
        bars=bars,
        grid=grid,
        heat=heat,
        ranges=streak_ranges(page.community.lengths),
    )
