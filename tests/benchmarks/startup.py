"""Times the start of the commands that are typed and run most, against `import typer` alone.

`python -m tests.benchmarks.startup [RUNS]`. README.md beside this file says what is measured.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from importlib.metadata import version

from tests.benchmarks.bench import Bench, open_bench, processor

TYPER = ("-c", "import typer")
PROMISED = {
    TYPER: 1.0,
    ("-m", "trcpoints", "--version"): 1.5,
    ("-m", "trcpoints", "status", "--json"): 2.3,
    ("-m", "trcpoints", "--help"): 2.6,
}
"""What Python runs, and at most how many times `import typer` it may take (design, section 13)."""


def main(runs: int) -> None:
    """Measure and print a table in Markdown."""
    with open_bench("sqlite") as bench:
        url = bench.databases.new()
        bench.run(url, "trcpoints", "members", "add", "--discord-id", "101")
        medians = _measure(bench, url, runs)
    lines = [
        f"Python {platform.python_version()}, Typer {version('typer')}, "
        f"{os.cpu_count()} processors, {processor()}; medians of {runs} runs\n",
        "| command | median | ratio | at most |",
        "|---|---|---|---|",
    ]
    for program, median in medians.items():
        ratio = median / medians[TYPER]
        command = f"`python {' '.join(program)}`"
        lines.append(f"| {command} | {median * 1000:.0f} ms | {ratio:.2f} | {PROMISED[program]} |")
    sys.stdout.write("\n".join([*lines, ""]))


def _measure(bench: Bench, url: str, runs: int) -> dict[tuple[str, ...], float]:
    """The median of the seconds of each program."""
    times: dict[tuple[str, ...], list[float]] = {program: [] for program in PROMISED}
    for program in PROMISED:
        # Not counted: it makes the bytecode.
        bench.python(url, *program)
    for _ in range(runs):
        # One after the other within each round: what else the machine does hits all alike.
        for program, taken in times.items():
            start = time.perf_counter()
            bench.python(url, *program)
            taken.append(time.perf_counter() - start)
    return {program: statistics.median(taken) for program, taken in times.items()}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
