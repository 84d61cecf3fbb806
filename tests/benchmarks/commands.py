"""Times the commands that read all members, against raw queries, as the members grow.

    python -m tests.benchmarks.commands [--members N …] [--runs N] [--engine NAME …]

README.md beside this file says what is measured and has the figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time

from tests.benchmarks.bench import ENGINES, Bench, open_bench, processor
from tests.benchmarks.community import Community
from trcpoints.demo.server import SimulatedMee6

COMMANDS = {
    "verify": ("points", "verify", "--quiet"),
    "export": ("members", "export", "--output", "members.csv", "--quiet"),
    "leaderboard": ("leaderboard", "--limit", "1000000", "--output", "board.csv", "--quiet"),
    "top": ("leaderboard", "--limit", "50", "--json"),
    "page": ("report", "--output", "report.html", "--quiet"),
    "rebuild": ("streaks", "rebuild", "--quiet"),
    "status": ("status", "--json"),
}
RAW = "tests.benchmarks.raw"
FLOORS = ("verify", "export", "leaderboard")
"""Those of which `raw.py` knows the floor."""


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", choices=ENGINES, nargs="+", default=list(ENGINES))
    options = parser.parse_args()
    _say(f"Python {platform.python_version()}, {os.cpu_count()} processors, {processor()}; ")
    _say(f"medians of {options.runs} runs\n\n")
    _say("| engine | members | command | floor | whole command | ratio | per member | memory |\n")
    _say(f"|{'---|' * 8}\n")
    for engine in options.engine:
        with open_bench(engine) as bench, SimulatedMee6() as mee6:
            for members in options.members:
                community = Community(bench, mee6, members)
                # So that everybody has an entry, or XP below a point.
                community.change(1)
                community.sync()
                community.settle()
                for name in COMMANDS:
                    cells = [engine, f"{members:,}", name, *_measure(community, name, options.runs)]
                    _say(f"| {' | '.join(cells)} |\n")
                community.drop()


def _measure(community: Community, name: str, runs: int) -> list[str]:
    bench, url = community.bench, community.url
    whole: list[float] = []
    floors: list[float] = []
    for _ in range(runs):
        if name in FLOORS:
            floors.append(_seconds(bench, url, RAW, url, name))
        whole.append(_seconds(bench, url, "trcpoints", *COMMANDS[name]))
    peak = int(bench.run(url, "tests.support.peak", *COMMANDS[name]).splitlines()[-1])
    median = statistics.median(whole)
    floor = statistics.median(floors) if floors else None
    return [
        "" if floor is None else f"{floor:.3f} s",
        f"{median:.3f} s",
        "" if floor is None else f"{median / floor:.2f}",
        f"{median / community.members * 1e6:.1f} µs",
        f"{peak / 2**20:,.0f} MiB",
    ]


def _seconds(bench: Bench, url: str, *arguments: str) -> float:
    start = time.perf_counter()
    bench.run(url, *arguments)
    return time.perf_counter() - start


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
