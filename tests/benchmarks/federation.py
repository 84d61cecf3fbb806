"""Times a sync of an organization against reading, decoding and looking the digests up, bare.

`python -m tests.benchmarks.federation [--records N …] [--runs N] [--engine NAME …]`; README.md
beside this file says what is measured and has the figures.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.benchmarks.bench import ENGINES, Bench, open_bench, processor

PAGE = 1000
STATES = ("before", "after", "nobody")
EVERY = 100
"""One in so many records changes."""

_CONFIG = """
[connectors.gaa]
kind = "http-json"
url = "http://127.0.0.1:{port}/{state}"
records = "data[*]"
next = "links.next"
phone_region = "IE"
[connectors.gaa.organizations.club]
[connectors.gaa.fields]
external_id = "memberId"
first_name = "firstName"
last_name = "lastName"
date_of_birth = "born"
email = "contact.email"
phone = "contact.phone"
address = "address"
discord_id = "discord"
subscription_status = "status"
[connectors.gaa.values.subscription_status]
paid = "ACTIVE"
lapsed = "CANCELLED"
"""


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[100_000])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--engine", choices=ENGINES, nargs="+", default=list(ENGINES))
    options = parser.parse_args()
    say(f"Python {platform.python_version()}, {os.cpu_count()} processors, {processor()}; ")
    say(f"medians of {options.runs} runs\n\n")
    say("| engine | records | floor | sync | ratio | memory per record | first | memory |\n")
    say("|---|---|---|---|---|---|---|---|\n")
    for engine in options.engine:
        with open_bench(engine) as bench:
            for records in options.records:
                cells = [engine, f"{records:,}", *_measure(bench, records, options.runs)]
                say(f"| {' | '.join(cells)} |\n")


def _measure(bench: Bench, records: int, runs: int) -> list[str]:
    with served(records) as port:
        before, after, nobody = (_configured(bench, port, state) for state in STATES)
        prepared, empty = bench.databases.new(), bench.databases.new()
        for url in (prepared, empty):
            bench.run(url, "trcpoints", "db", "upgrade", "--quiet")
        first = _sync(bench, prepared, before, 0)
        bench.databases.settle(prepared)
        times: dict[str, list[float]] = {"floor": [], "sync": []}
        peaks = []
        for _ in range(runs):
            # One after the other within each round: what else the machine does hits both.
            url = bench.databases.copy(prepared)
            times["floor"].append(_seconds(bench, url, "floor", str(port), str(records)))
            start = time.perf_counter()
            peaks.append(_sync(bench, url, after, records // EVERY)[1])
            times["sync"].append(time.perf_counter() - start)
            bench.databases.drop(url)
        least = _sync(bench, empty, nobody, 0)[1]
    floor, sync = (statistics.median(taken) for taken in times.values())
    return [
        f"{floor:.3f} s",
        f"{sync:.3f} s",
        f"{sync / floor:.2f}",
        f"{(statistics.median(peaks) - least) / records:,.0f} bytes",
        f"{first[0]:.1f} s",
        f"{(first[1] - least) / records:,.0f} bytes",
    ]


def _seconds(bench: Bench, url: str, *arguments: str) -> float:
    start = time.perf_counter()
    bench.run(url, "tests.benchmarks.federation", "--", url, *arguments)
    return time.perf_counter() - start


def _configured(bench: Bench, port: int, state: str) -> Path:
    """The configuration of a connector to the organization in a state."""
    file = bench.folder / f"{state}.toml"
    file.write_text(_CONFIG.format(port=port, state=state))
    return file


def _sync(bench: Bench, url: str, config: Path, changed: int) -> tuple[float, int]:
    """How long a sync takes, and the most memory it holds; it must have changed so many."""
    start = time.perf_counter()
    out = bench.run(url, "tests.benchmarks.federation", "--", url, "sync", str(config))
    taken = time.perf_counter() - start
    updated, peak = map(int, out.split())
    if updated != changed:
        raise RuntimeError(f"{updated} records were updated, not {changed}")
    return taken, peak


def floor(url: str, port: int, records: int) -> None:
    """Read every page over one connection, decode it, and look each record's digest up."""
    import msgspec

    known = _digests(url)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    path: str | None = "/after"
    found = 0
    while path:
        connection.request("GET", path)
        page = msgspec.json.decode(connection.getresponse().read())
        found += sum(known.get(record["memberId"]) is not None for record in page["data"])
        path = page["links"]["next"]
    assert found == records


def _digests(url: str) -> dict[str, str]:
    query = (
        "SELECT external_id, digest FROM member_link "
        "WHERE connector = 'gaa' AND organization = 'club'"
    )
    if url.startswith("sqlite:///"):
        import sqlite3

        return dict(sqlite3.connect(url.removeprefix("sqlite:///")).execute(query))
    import psycopg

    with psycopg.connect(url) as connection:
        return dict(connection.execute(query).fetchall())


def sync(url: str, config: Path) -> None:
    """Fetch, settle and apply, without pauses; prints how many were updated, and the peak."""
    from tests.support.peak import peak_bytes
    from trcpoints import garbage
    from trcpoints.db.database import Access, open_database
    from trcpoints.federation.config import load_federations
    from trcpoints.federation.connectors import open_source
    from trcpoints.federation.engine import apply, fetch, settle
    from trcpoints.http.transport import Limits

    garbage.collect_seldom()  # as the program does
    connector = load_federations(config, {}).connectors["gaa"]
    now = datetime.now(UTC)
    with open_database(url, Access.WRITE) as engine:
        with open_source(connector, lambda: now, limits=Limits(interval=0)) as source:
            fetched = fetch(engine, source, connector, "club", beat=lambda: None)
        with engine.books():
            plan = settle(
                engine,
                fetched,
                connector=connector,
                organization="club",
                run_id="run",
                now=now,
                strategy=connector.strategy,
                accept_changes=False,
                configured=(),
            )
            apply(engine, plan, run_id="run", now=now)
    sys.stderr.write(f"{plan.counts.updated} {peak_bytes()}\n")


@contextmanager
def served(records: int) -> Iterator[int]:
    """Serve an organization as it was, is, and where there is nobody, from another process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.federation", "--", "serve", str(records)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def serve(records: int) -> None:
    """Print the port, and serve until somebody ends it."""
    sizes = ((records, 0), (records, EVERY), (0, 0))
    pages = {name: _pages(name, *size) for name, size in zip(STATES, sizes, strict=True)}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            number = int(parse_qs(parts.query).get("page", ["0"])[0])
            body = pages[parts.path.strip("/")][number]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        say(f"{server.server_port}\n")
        server.serve_forever()


def _pages(state: str, records: int, every: int) -> list[bytes]:
    starts = range(0, max(records, 1), PAGE)
    return [
        json.dumps(
            {
                "data": [_record(n, every) for n in range(start, min(start + PAGE, records))],
                "links": {
                    "next": f"/{state}?page={number + 1}" if number + 1 < len(starts) else None
                },
            }
        ).encode()
        for number, start in enumerate(starts)
    ]


def _record(number: int, every: int) -> dict[str, object]:
    moved = bool(every) and number % every == 0
    return {
        "memberId": f"M{number:07}",
        "firstName": f"First{number % 977}",
        "lastName": f"Last{number % 7919}",
        "born": f"19{number % 90 + 10}-0{number % 9 + 1}-1{number % 9}",
        "contact": {
            "email": f"member{number}@example.org",
            "phone": f"087 {number % 10**7:07}",
        },
        "address": f"{number} {'New' if moved else 'Main'} Street, Tralee",
        "discord": str(10**17 + number) if number % 5 else None,
        "status": "paid" if number % 7 else "lapsed",
    }


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--", "serve", records]:
            serve(int(records))
        case ["--", url, "floor", port, records]:
            floor(url, int(port), int(records))
        case ["--", url, "sync", config]:
            sync(url, Path(config))
        case _:
            main()
