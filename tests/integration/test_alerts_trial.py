"""Whether alerts would arrive: looked at, and tried."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.http_sink import HttpSink, closed_port
from tests.support.sentry_server import KEY, SentryServer, sentry_dsn
from trcpoints.config import AlertSettings
from trcpoints.monitoring import trial

CHECK = "/5f0e9a3c-1111-4222-8333-1234567890ab"


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as server:
        yield server


def everybody(sentry: SentryServer, sink: HttpSink) -> AlertSettings:
    return AlertSettings(
        sentry_dsn=sentry.dsn,
        notify_urls=(f"json://joe:passw0rd@127.0.0.1:{sink.port}/people",),
        ping_urls={"sync": f"{sink.url}{CHECK}"},
    )


def test_nothing_set_is_nothing_to_say() -> None:
    assert trial.check_alerts(AlertSettings()) == []
    assert trial.send_tests(AlertSettings()) == []


def test_a_test_arrives_everywhere_and_changes_no_monitor(
    sentry: SentryServer, sink: HttpSink
) -> None:
    results = trial.send_tests(everybody(sentry, sink))
    assert [(result.what, result.ok) for result in results] == [
        ("sentry", True),
        ("notifications", True),
        ("pings", True),
    ]
    (event,) = sentry.events
    assert event["level"] == "info"
    assert "test" in event["message"]
    assert sentry.check_ins == []
    assert sink.paths == ["/people", f"{CHECK}/log"]
    assert "test" in sink.received[0].json["title"]


def test_a_look_tells_nobody(sentry: SentryServer, sink: HttpSink) -> None:
    results = trial.check_alerts(everybody(sentry, sink))
    assert [(result.what, result.ok) for result in results] == [
        ("sentry", True),
        ("notifications", True),
        ("pings", True),
    ]
    assert sentry.received == []
    assert sink.received == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_whoever_says_no_is_named_with_a_way_on(
    sentry: SentryServer, sink: HttpSink, status: int
) -> None:
    sentry.status = sink.status = status
    sentry.location = sink.location = "/elsewhere"
    results = trial.send_tests(everybody(sentry, sink))
    assert [result.ok for result in results] == [False] * 3
    assert f"it answered {status}" in results[0].message
    assert all(result.hint for result in results)
    for secret in (KEY, "passw0rd", CHECK[1:]):
        assert secret not in str(results)


def test_an_address_that_makes_no_sense_is_found_by_a_look_and_by_a_test() -> None:
    odd = AlertSettings(
        sentry_dsn=sentry_dsn(closed_port()), notify_urls=("nonsense://joe:passw0rd@example.org",)
    )
    look = trial.check_alerts(odd)
    assert [(result.what, result.ok) for result in look] == [
        ("sentry", True),
        ("notifications", False),
    ]
    test = trial.send_tests(odd)
    assert [(result.what, result.ok) for result in test] == [
        ("sentry", False),
        ("notifications", False),
    ]
    for result in (*look[1:], *test):
        assert result.hint
        assert "passw0rd" not in str(result)


def test_a_dsn_that_is_none_is_found() -> None:
    odd = AlertSettings(sentry_dsn=f"ftp://{KEY}@host/42")
    for results in (trial.check_alerts(odd), trial.send_tests(odd)):
        assert [(result.what, result.ok) for result in results] == [("sentry", False)]
        assert KEY not in str(results)
