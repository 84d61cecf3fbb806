"""How fast webhooks are answered: gunicorn on loopback, while `federation retry` runs beside.

`python -m tests.benchmarks.webhooks [DELIVERIES [RATE]]` prints the times on SQLite and PostgreSQL.
A fifth of the deliveries is wrong, in every way there is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.support.cli import Cli
from tests.support.postgres import PostgresServer
from tests.support.webhooks import (
    JSON,
    Sent,
    by_body,
    by_headers,
    configure,
    connector,
    environment,
    event,
    gunicorn,
    jobs,
    send,
)
from trcpoints.config import sqlite_url
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import MemberLink, WebhookDelivery
from trcpoints.demo.federation import SimulatedFederation

SENDERS = 8


@dataclass(frozen=True)
class Load:
    """How many deliveries, of how many connectors with so many members each, at once.

    `rate` is deliveries a second, evenly spaced: a sender that is late does not wait for itself.
    """

    deliveries: int
    connectors: int
    members: int
    workers: int
    rate: int


@dataclass
class Found:
    """What came of it. `wrong` are answers that should have been others; times in seconds.

    `lost` are ids that were answered 200 and are not on record; `changed` counts the links of
    members that the queue's jobs have made, `members` those that should be there.
    """

    wrong: list[tuple[str, int, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    queued: int = 0
    expected: int = 0
    open_jobs: int = 0
    changed: int = 0
    members: int = 0
    times: list[float] = field(default_factory=list)
    took: float = 0.0
    codes: Counter[int] = field(default_factory=Counter)

    def percentile(self, part: float) -> float:
        """The time that this part of all answers took at most, in milliseconds."""
        return sorted(self.times)[int(len(self.times) * part)] * 1000


@dataclass(frozen=True)
class Planned:
    """A delivery, what should come of it, and its id where it is to be kept."""

    code: int
    sent: Callable[[], Sent]
    kind: str
    delivery_id: str | None = None


def valid(number: int, says: Mapping[str, object]) -> Planned:
    """One that is to be taken."""
    delivery_id = f"msg_{number}"
    return Planned(200, lambda: by_headers(says, delivery_id), "valid", delivery_id)


def says_of(number: int, load: Load) -> Mapping[str, object]:
    """Of whom a delivery tells: each connector's members in turn."""
    member = f"M{number // load.connectors % load.members + 1:04}"
    return event(member, connectorId=f"c{number % load.connectors}")


def wrong_ways(number: int, load: Load) -> list[Planned]:
    """Every way to be wrong; the last repeats the valid one before."""
    says = says_of(number, load)
    delivery_id = f"wrong_{number}"
    bare = json.dumps(says).encode()

    def headers(code: int, kind: str, **changes: object) -> Planned:
        return Planned(code, lambda: by_headers({**says, **changes}, delivery_id), kind)

    return [
        Planned(401, lambda: by_headers(says, delivery_id, "whsec_" + "A" * 32), "other secret"),
        Planned(401, lambda: by_body(says, "wrong"), "body, other secret"),
        Planned(401, lambda: by_headers(says, delivery_id, age=timedelta(minutes=6)), "stale"),
        Planned(401, lambda: Sent(bare), "not signed"),
        Planned(401, lambda: changed(by_headers(says, delivery_id)), "changed"),
        headers(401, "unknown connector", connectorId="none"),
        headers(401, "disabled connector", connectorId="off"),
        headers(422, "unknown organization", federationOrgId="none"),
        headers(422, "unknown event", event="moved"),
        Planned(400, lambda: Sent(b"{"), "no JSON"),
        Planned(400, lambda: Sent(bare[:-1] + b', "event": "x"}'), "key twice"),
        Planned(413, lambda: Sent(b"", {**JSON, "Content-Length": "70000"}), "too large"),
        Planned(415, lambda: Sent(bare, {"Content-Type": "text/plain"}), "no JSON by its type"),
        Planned(405, lambda: Sent(b"", {}, "GET"), "method"),
        Planned(404, lambda: Sent(bare, JSON, path="/webhooks"), "path"),
        Planned(
            200, lambda: by_headers(says_of(number - 1, load), f"msg_{number - 1}"), "repeated"
        ),
    ]


def changed(sent: Sent) -> Sent:
    """The same signature under another body."""
    return Sent(sent.body.replace(b"updated", b"deleted"), sent.headers)


def plan(load: Load) -> list[Planned]:
    """The deliveries in order: four valid ones, then one that is wrong in the next way."""
    planned = []
    for number in range(load.deliveries):
        # Not always the same connectors' turn.
        is_valid = (number + number // load.connectors) % 5 < 4
        ways = [valid(number, says_of(number, load))] if is_valid else wrong_ways(number, load)
        planned.append(ways[number // 5 % len(ways)])
    return planned


def run(cli: Cli, load: Load) -> Found:
    """Deliver all while the queue is worked, then work it to its end."""
    found = Found()
    planned = plan(load)
    with SimulatedFederation({"st-judes": load.members, "na-fianna": 0}) as federation:
        federation.token = None
        made = partial(connector, url=federation.url, member_url=federation.member_url)
        names = [f"c{number}" for number in range(load.connectors)]
        configure(
            cli,
            *(made(name) for name in names),
            made("off", enabled=False),
        )
        with gunicorn(cli, workers=load.workers) as port:
            ended = threading.Event()
            with ThreadPoolExecutor(1) as beside:
                retries = beside.submit(_retry_until, cli, ended)
                began = time.monotonic()
                with ThreadPoolExecutor(SENDERS) as senders:
                    due = [began + number / load.rate for number in range(len(planned))]
                    answers = list(
                        senders.map(lambda one, at: _deliver(port, one, at), planned, due)
                    )
                found.took = time.monotonic() - began
                ended.set()
                retries.result()
        _retry(cli)
    _judge(cli, planned, answers, found)
    found.members = load.connectors * load.members
    return found


def _deliver(port: int, one: Planned, at: float) -> tuple[int, float]:
    time.sleep(max(0.0, at - time.monotonic()))
    sent = one.sent()
    began = time.perf_counter()
    code = send(port, sent).code
    return code, time.perf_counter() - began


def _retry_until(cli: Cli, ended: threading.Event) -> None:
    while not ended.is_set():
        _retry(cli)


def _retry(cli: Cli) -> None:
    # It goes on for as long as there is something to do.
    line = [sys.executable, "-m", "trcpoints", "federation", "retry", "--quiet"]
    subprocess.run(line, cwd=cli.folder, env=environment(cli), check=True)


def _judge(
    cli: Cli, planned: list[Planned], answers: list[tuple[int, float]], found: Found
) -> None:
    for one, (code, seconds) in zip(planned, answers, strict=True):
        found.times.append(seconds)
        found.codes[code] += 1
        if code != one.code:
            found.wrong.append((one.kind, one.code, code))
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        rows = list(WebhookDelivery.select().where(WebhookDelivery.outcome == "queued"))
        found.changed = MemberLink.select().count()
    kept = Counter(row.delivery_id for row in rows)
    valid_ids = [one.delivery_id for one in planned if one.delivery_id]
    found.lost = [one for one in valid_ids if kept[one] != 1]
    found.queued, found.expected = len({row.job_id for row in rows}), len(valid_ids)
    found.open_jobs = sum(job.status != "completed" for job in jobs(cli))


def main(arguments: list[str]) -> None:
    """Print the times on both engines."""
    deliveries = int(arguments[0]) if arguments else 2000
    rate = int(arguments[1]) if arguments[1:] else 100
    load = Load(deliveries, connectors=200, members=4, workers=4, rate=rate)
    server = PostgresServer.start()
    try:
        for engine in ("sqlite", "postgresql"):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                is_file = engine == "sqlite"
                url = sqlite_url(folder / "books.db") if is_file else server.create_database()
                given = {**os.environ, "DATABASE_URL": url, "HOME": name}
                with open_database(url, Access.CREATE):
                    pass
                found = run(Cli(folder, given), load)
            told = ", ".join(f"p{p} {found.percentile(p / 100):.1f} ms" for p in (50, 95, 99))
            sys.stdout.write(
                f"{engine}: {len(found.times)} in {found.took:.1f} s, {told}, "
                f"most {max(found.times) * 1000:.0f} ms, {dict(found.codes)}, "
                f"wrong {found.wrong[:5]}, lost {len(found.lost)}, open {found.open_jobs}\n"
            )
            sys.stdout.flush()
    finally:
        server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
