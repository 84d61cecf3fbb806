"""What people are told, through the real Apprise and a real server."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from tests.support.http_sink import MOST, HttpSink, closed_port, silent_port
from trcpoints.config import AlertSettings
from trcpoints.errors import InternalError, Interrupted, SourceUnavailable, TrcpointsError
from trcpoints.monitoring.alerts import Alerts, RunEnd

TIME = 10.0
DOWN = SourceUnavailable("MEE6 could not be read: it answered 500.", hint="See trcpoints status")


@pytest.fixture
def people() -> Iterator[HttpSink]:
    with HttpSink() as server:
        yield server


@pytest.fixture(autouse=True)
def _warnings_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ran before in this process keeps its log to itself."""
    monkeypatch.setattr(logging.getLogger("trcpoints"), "propagate", True)


def address(people: HttpSink, path: str = "hook") -> str:
    return f"json://joe:passw0rd@127.0.0.1:{people.port}/{path}"


def run(*urls: str, end: RunEnd, secrets: frozenset[str] = frozenset()) -> None:
    settings = AlertSettings(notify_urls=urls, secrets=secrets)
    alerts = Alerts(settings, job="sync", run_id="r-1")
    alerts.started()
    alerts.ended(end, TIME)


def failed(failures: int | None, fault: TrcpointsError = DOWN) -> RunEnd:
    before = None if failures is None else failures - 1
    return RunEnd("failed", 69, 0.5, fault, before, failures)


def test_people_are_told_at_the_third_failure_and_at_each_doubling(people: HttpSink) -> None:
    told = []
    for failures in range(1, 50):
        before = len(people.received)
        run(address(people), end=failed(failures))
        if len(people.received) > before:
            told.append(failures)
    assert told == [3, 6, 12, 24, 48]


def test_a_notice_names_job_count_reason_way_on_run_and_machine(people: HttpSink) -> None:
    run(address(people), end=failed(3))
    (message,) = [request.json for request in people.received]
    assert message["title"] == "trcpoints: sync failed 3 times in a row"
    assert message["type"] == "failure"
    for part in (DOWN.message, DOWN.hint, "r-1", socket.gethostname()):
        assert part in message["message"]


@pytest.mark.parametrize(("before", "told"), [(0, 0), (2, 0), (3, 1), (7, 1)])
def test_people_are_told_once_that_it_works_again(people: HttpSink, before: int, told: int) -> None:
    run(address(people), end=RunEnd("completed", 0, 0.5, None, before, 0))
    run(address(people), end=RunEnd("completed", 0, 0.5, None, 0, 0))
    titles = [request.json["title"] for request in people.received]
    assert titles == ["trcpoints: sync works again"] * told


@pytest.mark.parametrize(
    "end",
    [
        RunEnd("skipped", 75, 0.1, None, 3, 3),
        RunEnd("interrupted", 143, 0.1, Interrupted(15), 3, 3),
        RunEnd("failed", 69, 0.1, DOWN, 3, 3),
        RunEnd("failed", 74, 0.1, DOWN, None, None),
        RunEnd("completed", 0, 0.1, None, 3, 3),
    ],
    ids=["skipped", "interrupted", "not counted", "nobody can count", "completed, not counted"],
)
def test_people_are_not_told_of(people: HttpSink, end: RunEnd) -> None:
    run(address(people), end=end)
    assert people.received == []


def test_a_notice_has_no_secret_no_address_and_no_foreign_text(people: HttpSink) -> None:
    quoting = SourceUnavailable(
        "ann@example.org said tok-5ecr3t: row of Ann O'Hara, tel 555 0199.",
        hint="tok-5ecr3t",
        quoted=": row of Ann O'Hara, tel 555 0199",
    )
    secrets = frozenset({"tok-5ecr3t"})
    run(address(people), end=failed(3, quoting), secrets=secrets)
    run(address(people), end=failed(3, InternalError.of(KeyError("Ann O'Hara"))))
    for word in (b"ann@", b"5ecr3t", b"Ann", b"0199"):
        assert word not in people.everything
    assert b"[e-mail] said ***." in people.everything
    assert b"KeyError" in people.everything


def test_every_address_is_told_whatever_becomes_of_the_others(
    people: HttpSink, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with silent_port() as silent:
        settings = AlertSettings(
            notify_urls=(
                f"json://joe:passw0rd@127.0.0.1:{silent}/silent?rto=0.3",
                "nonsense://joe:passw0rd@example.org/x",
                f"xml://joe:passw0rd@127.0.0.1:{closed_port()}/closed",
                address(people, "first"),
                address(people, "second"),
            )
        )
        alerts = Alerts(settings, job="sync", run_id="r-1")
        alerts.started()
        alerts.ended(failed(3), TIME)
    assert sorted(people.paths) == ["/first", "/second"]
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "trcpoints.alerts"]
    assert warning == (
        "Apprise was not told of this run: json://… did not take it; "
        "nonsense://… is an address that Apprise does not know; xml://… did not take it"
    )
    shown = capfd.readouterr()
    for text in (caplog.text, shown.out, shown.err):
        assert "passw0rd" not in text
        assert "example.org" not in text


@pytest.mark.parametrize("status", [401, 500])
def test_a_server_that_says_no_is_a_warning(
    people: HttpSink, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    people.status = status
    run(address(people), end=failed(3))
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "trcpoints.alerts"]
    assert warning.endswith("json://… did not take it")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_nor_taken_for_a_receipt(
    people: HttpSink, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with HttpSink() as elsewhere:
        people.status, people.location = status, f"{elsewhere.url}/hook"
        run(address(people), end=failed(3))
        assert elsewhere.received == []
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "trcpoints.alerts"]
    assert warning.endswith("json://… did not take it")


@pytest.mark.parametrize("status", [200, 500])
def test_little_is_read_of_what_is_answered(people: HttpSink, status: int) -> None:
    people.status, people.endless = status, True
    run(address(people), end=failed(3))
    assert len(people.received) == 1
    assert people.answered < MOST / 2  # what the system buffers included
