"""Pings to healthchecks, over a real server."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from tests.support.http_sink import HttpSink, closed_port
from trcpoints.config import AlertSettings
from trcpoints.errors import Interrupted, SourceUnavailable
from trcpoints.monitoring.alerts import Alerts, RunEnd

CHECK = "/5f0e9a3c-1111-4222-8333-1234567890ab"
TIME = 10.0
DONE = RunEnd("completed", 0, 0.1, None, 0, 0)


@pytest.fixture
def checks() -> Iterator[HttpSink]:
    with HttpSink() as server:
        yield server


@pytest.fixture(autouse=True)
def _warnings_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ran before in this process keeps its log to itself."""
    monkeypatch.setattr(logging.getLogger("trcpoints"), "propagate", True)


def alerts_to(url: str, *, job: str = "sync", run_id: str = "r-1") -> Alerts:
    return Alerts(AlertSettings(ping_urls={"sync": f"{url}{CHECK}"}), job=job, run_id=run_id)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (DONE, 0),
        (RunEnd("failed", 69, 0.1, SourceUnavailable("down"), 0, 1), 69),
        (RunEnd("skipped", 75, 0.1, None, 0, 0), 75),
        (RunEnd("interrupted", 143, 0.1, Interrupted(15), 0, 0), 143),
    ],
)
def test_a_run_pings_its_start_and_then_its_exit_code(
    checks: HttpSink, end: RunEnd, code: int
) -> None:
    alerts = alerts_to(checks.url)
    alerts.started()
    alerts.ended(end, TIME)
    start, last = checks.received
    assert (start.method, last.method) == ("GET", "GET")
    uuid = start.path[-36:]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
    assert checks.paths == [f"{CHECK}/start?rid={uuid}", f"{CHECK}/{code}?rid={uuid}"]


def test_each_run_has_an_id_of_its_own_and_keeps_it(checks: HttpSink) -> None:
    for run_id in ("r-1", "r-2", "r-1"):
        alerts = alerts_to(checks.url, run_id=run_id)
        alerts.started()
        alerts.ended(DONE, TIME)
    ids = [path[-36:] for path in checks.paths]
    assert ids[0] == ids[1] == ids[4] == ids[5]
    assert ids[2] == ids[3] != ids[0]


def test_another_job_pings_nobody(checks: HttpSink) -> None:
    alerts = alerts_to(checks.url, job="streaks")
    alerts.started()
    alerts.ended(DONE, TIME)
    assert checks.paths == []


def test_a_run_that_never_began_pings_a_failure_only(checks: HttpSink) -> None:
    alerts_to(checks.url).ended(RunEnd("skipped", 75, 0.1, None, 0, 0), TIME)
    assert checks.paths == []
    alerts_to(checks.url).ended(
        RunEnd("failed", 74, 0.1, SourceUnavailable("down"), None, None), TIME
    )
    assert [path.partition("?")[0] for path in checks.paths] == [f"{CHECK}/74"]


@pytest.mark.parametrize("status", [302, 404, 410, 500])
def test_only_2xx_is_told_and_anything_else_one_warning_without_the_address(
    checks: HttpSink, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    checks.status = status
    alerts = alerts_to(checks.url)
    alerts.started()
    alerts.ended(DONE, TIME)
    (warning,) = [r.getMessage() for r in caplog.records if r.name.startswith("trcpoints")]
    assert warning.startswith("healthchecks was not told of this run: ")
    assert str(status) in warning
    assert CHECK[1:] not in caplog.text
    assert len(checks.paths) == (4 if status == 500 else 2)


def test_any_2xx_will_do(checks: HttpSink, caplog: pytest.LogCaptureFixture) -> None:
    checks.status = 201
    alerts = alerts_to(checks.url)
    alerts.started()
    alerts.ended(DONE, TIME)
    assert len(checks.paths) == 2
    assert caplog.records == []


def test_a_closed_port_is_a_warning_without_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "trcpoints")
    alerts = alerts_to(f"http://127.0.0.1:{closed_port()}")
    alerts.started()
    alerts.ended(DONE, TIME)
    (warning,) = [r.getMessage() for r in caplog.records if r.name.startswith("trcpoints")]
    assert "connection failed" in warning
    assert CHECK[1:] not in caplog.text
