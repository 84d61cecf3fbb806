"""Many senders at once, some of them wrong in every way there is, while the queue is worked."""

from __future__ import annotations

import pytest

from tests.benchmarks.webhooks import Load, run
from tests.support.cli import Cli

pytestmark = pytest.mark.slow_on_postgresql


def check(cli: Cli, load: Load) -> None:
    """No 5xx; every valid one done exactly once; every other refused with the right status."""
    found = run(cli, load)
    assert found.wrong == []
    assert found.lost == []
    assert found.queued == found.expected
    assert found.open_jobs == 0
    assert found.changed == found.members


def test_a_short_load(cli: Cli) -> None:
    check(cli, Load(deliveries=200, connectors=20, members=4, workers=4, rate=100))


@pytest.mark.slow
def test_a_long_load(cli: Cli) -> None:
    """How fast it is answered is measured by `python -m tests.benchmarks.webhooks 20000 100`."""
    check(cli, Load(deliveries=20_000, connectors=200, members=4, workers=4, rate=200))
