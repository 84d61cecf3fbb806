"""What each command loads, of what is slow to load, when it prints JSON (design, section 15)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.integration.test_schema import CALLS, IDS, Call, federate
from tests.support.cli import Cli
from tests.support.mee6 import show
from tests.unit.test_startup import HEAVY, RUN_AND_TELL, typers_own
from trcpoints.demo.server import SimulatedMee6

BOOKS = {"msgspec", "peewee"}
HTTP = {"asyncio", "backoff", "requests", "urllib3"}
DRIVER = {"asyncio", "psycopg"}
MIGRATIONS = {"asyncio", "playhouse", "psycopg"}

ALSO = {
    "crontab": {"msgspec"},
    "schema": {"msgspec"},
    "sync": BOOKS | HTTP,
    "backfill-dry-run": BOOKS | HTTP,
    "doctor": BOOKS | HTTP,
    "federation check": BOOKS | HTTP,
    "federation sync": BOOKS | HTTP,
    "federation retry": BOOKS | HTTP,
    "report": BOOKS | {"jinja2", "pygal"},
    # They make a database, or may have to.
    "db copy": BOOKS | MIGRATIONS,
    "db backup": BOOKS | MIGRATIONS,
    "demo": BOOKS | HTTP | MIGRATIONS,
}
"""What a command may load; all others what the books take."""


@pytest.mark.slow
def test_a_command_loads_only_what_it_may(cli: Cli, mee6: SimulatedMee6) -> None:
    # PostgreSQL has a driver, which loads what it uses.
    driver = set() if cli.environment["DATABASE_URL"].startswith("sqlite") else DRIVER
    show(mee6, dict.fromkeys(IDS, 1000))
    federate(cli)
    cli.ok("db", "upgrade")
    for command, calls in CALLS.items():
        for call in calls:
            extra = loaded(cli, call) - ALSO.get(command, BOOKS) - driver - typers_own()
            assert not extra, (call.line, extra)


def loaded(cli: Cli, call: Call) -> frozenset[str]:
    """The slow modules that a fresh Python has loaded when the command ends."""
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL, *call.line.split(), "--json"],
        cwd=cli.folder,
        env=cli.environment,
        input=call.stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return HEAVY.intersection(json.loads(done.stderr.splitlines()[-1]))
