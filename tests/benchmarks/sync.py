"""Times a whole `trcpoints sync` against the bare floor and against the per-row way.

    python -m tests.benchmarks.sync [--members N …] [--changed PERCENT …] [--runs N]
        [--engine NAME …]

README.md beside this file says what is measured and has the figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Mapping

from peewee import fn

from tests.benchmarks.bench import ENGINES, open_bench, processor
from tests.benchmarks.community import SYNC, Community
from tests.support import large
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Activity, LedgerEntry, Member
from trcpoints.demo.server import SimulatedMee6

PER_ROW_AT_MOST = 10_000
"""Members up to whom the per-row way is timed: above, it takes minutes and says the same."""

EVERY = {0: 0, 10: 10, 100: 1}
"""By the share of the members who have changed, in percent: every so-manieth of them."""


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--changed", type=int, choices=EVERY, nargs="+", default=list(EVERY))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--engine", choices=ENGINES, nargs="+", default=list(ENGINES))
    options = parser.parse_args()
    _say(f"Python {platform.python_version()}, {os.cpu_count()} processors, {processor()}; ")
    _say(f"medians of {options.runs} runs\n\n")
    _say("| engine | members | changed | floor | sync | ratio | sync, per member ")
    _say("| per row | ratio | memory per member |\n")
    _say(f"|{'---|' * 10}\n")
    for engine in options.engine:
        with open_bench(engine) as bench, SimulatedMee6() as mee6:
            alone = Community(bench, mee6, 1)
            start = _peak(alone)
            alone.drop()
            for members in options.members:
                community = Community(bench, mee6, members)
                for changed in options.changed:
                    community.change(EVERY[changed])
                    cells = _measure(community, EVERY[changed], options.runs)
                    memory = f"{(_peak(community) - start) / members:,.0f} bytes"
                    cells = [engine, f"{members:,}", f"{changed} %", *cells, memory]
                    _say(f"| {' | '.join(cells)} |\n")
                community.drop()


def _measure(community: Community, every: int, runs: int) -> list[str]:
    """The cells of a line from the floor's time to the per-row way's ratio."""
    leaderboard = f"{community.mee6.api_base}/{community.mee6.guild_id}"
    size = str(community.members)
    programs: dict[str, tuple[str, ...]] = {
        "floor": ("tests.benchmarks.floor", "URL", leaderboard, size, str(every)),
        "sync": SYNC,
    }
    if community.members <= PER_ROW_AT_MOST:
        programs["per row"] = ("tests.benchmarks.per_row", "URL", leaderboard, size)
    for program in programs.values():
        # Not counted: it makes the server render its pages.
        _seconds(community, program)
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        books = []
        # One after the other within each round: what else the machine does hits all alike.
        for name, program in programs.items():
            taken, totals = _seconds(community, program)
            times[name].append(taken)
            books.append(totals)
        if any(totals != books[0] for totals in books):
            raise RuntimeError(f"The programs do not agree on the books: {books}")
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    floor, sync, per_row = medians["floor"], medians["sync"], medians.get("per row")
    cells = [f"{floor:.3f} s", f"{sync:.3f} s", f"{sync / floor:.2f}"]
    cells.append(f"{sync / community.members * 1e6:.1f} µs")
    return [
        *cells,
        *(["", ""] if per_row is None else [f"{per_row:.3f} s", f"{per_row / floor:.1f}"]),
    ]


def _seconds(community: Community, program: tuple[str, ...]) -> tuple[float, Mapping[str, int]]:
    """How long a program takes on a copy of the database, and what is in the books then."""
    bench, asked = community.bench, len(community.mee6.requests)
    url = bench.databases.copy(community.url)
    arguments = [url if argument == "URL" else argument for argument in program]
    start = time.perf_counter()
    bench.run(url, *arguments, settings=community.settings)
    taken = time.perf_counter() - start
    requests = len(community.mee6.requests) - asked
    if requests != -(-community.members // large.PAGE_SIZE):
        raise RuntimeError(f"{program[0]} made {requests} requests")
    totals = _totals(url)
    bench.databases.drop(url)
    return taken, totals


def _peak(community: Community) -> int:
    """The most memory, in bytes, that a sync holds."""
    url = community.bench.databases.copy(community.url)
    stderr = community.bench.run(
        url, "tests.support.peak", "sync", "--quiet", settings=community.settings
    )
    community.bench.databases.drop(url)
    return int(stderr)


def _totals(url: str) -> dict[str, int]:
    with open_database(url, Access.READ):
        sums = Member.select(
            fn.SUM(Member.xp_total), fn.SUM(Member.carry), fn.SUM(Member.points)
        ).scalar(as_tuple=True)
        return {
            "records": Activity.select().count(),
            "entries": LedgerEntry.select().count(),
            "entered": int(LedgerEntry.select(fn.SUM(LedgerEntry.points)).scalar() or 0),
            **dict(zip(("xp", "carry", "points"), map(int, sums), strict=True)),
            "active": Member.select().where(Member.last_active_at.is_null(False)).count(),
        }


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
