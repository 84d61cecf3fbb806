"""What Sentry is told of a run, and what it is never told: over the real SDK and a real server."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.http_sink import MOST, HttpSink, closed_port, silent_port
from tests.support.sentry_server import KEY, SentryServer, sentry_dsn
from trcpoints import __version__, signals
from trcpoints.config import AlertSettings, read_settings
from trcpoints.errors import (
    DatabaseUnavailable,
    InternalError,
    Interrupted,
    NotFound,
    SourceUnavailable,
    TrcpointsError,
)
from trcpoints.monitoring.alerts import Alerts, RunEnd
from trcpoints.secrecy import Scrubber

DOWN = SourceUnavailable("MEE6 could not be read: it answered 500.")
TIME = 10.0


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _warnings_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ran before in this process keeps its log to itself."""
    monkeypatch.setattr(logging.getLogger("trcpoints"), "propagate", True)


def alerts_to(sentry: SentryServer, *, job: str = "sync", run_id: str = "r-1") -> Alerts:
    return Alerts(AlertSettings(sentry_dsn=sentry.dsn), job=job, run_id=run_id)


def failed(fault: BaseException, failures: int | None) -> RunEnd:
    before = None if failures is None else failures - 1
    return RunEnd("failed", 69, 1.5, fault, before, failures)


def raised(fault: TrcpointsError, cause: BaseException | None = None) -> TrcpointsError:
    """The failure as one catches it: with a traceback, and with what it was made from."""
    local = ", ".join(["Cathal", "Local"])
    try:
        raise fault from cause
    except TrcpointsError as caught:
        assert local
        return caught


def raise_at_home(fault: Exception) -> None:
    """Give the fault a traceback through a file of somebody's."""
    somewhere = compile("raise fault", "/home/ann.ohara/plugin.py", "exec")
    with suppress(type(fault)):
        exec(somewhere, {"fault": fault})  # noqa: S102


@pytest.mark.parametrize(
    ("job", "schedule", "margin", "longest"),
    [("sync", "*/15 * * * *", 5, 20), ("streaks", "5 0 * * *", 30, 30)],
)
def test_a_run_checks_in_and_out(
    sentry: SentryServer, job: str, schedule: str, margin: int, longest: int
) -> None:
    alerts = alerts_to(sentry, job=job)
    alerts.started()
    alerts.ended(RunEnd("completed", 0, 12.25, failures_before=0, failures=0), TIME)
    first, last = sentry.check_ins
    assert (first["status"], last["status"]) == ("in_progress", "ok")
    assert first["check_in_id"] == last["check_in_id"]
    assert last["duration"] == 12.25
    assert sentry.events == []
    for check_in in (first, last):
        assert check_in["monitor_slug"] == f"trcpoints-{job}"
        assert check_in["environment"] == "production"
        assert check_in["release"].startswith("trcpoints@")
        assert check_in["monitor_config"] == {
            "schedule": {"type": "crontab", "value": schedule},
            "timezone": "UTC",
            "checkin_margin": margin,
            "max_runtime": longest,
            "failure_issue_threshold": 3,
            "recovery_threshold": 1,
        }


@pytest.mark.parametrize("status", ["failed", "skipped", "interrupted"])
def test_whatever_is_not_completed_checks_out_with_an_error(
    sentry: SentryServer, status: str
) -> None:
    end = {
        "failed": failed(DOWN, 1),
        "skipped": RunEnd("skipped", 75, 0.1, None, 0, 0),
        "interrupted": RunEnd("interrupted", 143, 0.1, Interrupted(15), 4, 4),
    }[status]
    alerts = alerts_to(sentry)
    alerts.started()
    alerts.ended(end, TIME)
    assert [check_in["status"] for check_in in sentry.check_ins] == ["in_progress", "error"]
    assert sentry.events == []


def test_a_run_that_never_began_tells_of_failure_only(sentry: SentryServer) -> None:
    for end in (
        RunEnd("skipped", 75, 0.1, None, 3, 3),
        RunEnd("interrupted", 143, 0.1, Interrupted(15), 3, 3),
    ):
        alerts_to(sentry).ended(end, TIME)
    assert sentry.received == []
    alerts_to(sentry).ended(failed(DatabaseUnavailable("The database is gone."), None), TIME)
    assert [check_in["status"] for check_in in sentry.check_ins] == ["error"]


def test_a_job_without_a_schedule_has_no_check_ins_but_its_errors(sentry: SentryServer) -> None:
    alerts = alerts_to(sentry, job="federation")
    alerts.started()
    alerts.ended(failed(DOWN, 3), TIME)
    assert sentry.check_ins == []
    assert len(sentry.events) == 1


@pytest.mark.parametrize(
    ("fault", "failures", "told"),
    [
        (DOWN, 1, False),
        (DOWN, 2, False),
        (DOWN, 3, True),
        (DOWN, 4, True),
        (DOWN, None, True),
        (InternalError.of(KeyError("x")), 1, True),
    ],
)
def test_an_error_is_reported_when_it_lasts_or_is_ours(
    sentry: SentryServer, fault: TrcpointsError, failures: int | None, *, told: bool
) -> None:
    alerts = alerts_to(sentry)
    alerts.started()
    alerts.ended(failed(fault, failures), TIME)
    assert len(sentry.events) == told


def test_an_error_says_which_run_of_which_job_failed_and_how(sentry: SentryServer) -> None:
    settings = AlertSettings(sentry_dsn=sentry.dsn, sentry_environment="staging")
    alerts = Alerts(settings, job="sync", run_id="20260120T000000Z-ab")
    alerts.started()
    alerts.ended(failed(raised(DOWN), 3), TIME)
    (event,) = sentry.events
    assert event["tags"] == {
        "job": "sync",
        "run_id": "20260120T000000Z-ab",
        "code": "source_unavailable",
    }
    assert event["fingerprint"] == ["trcpoints", "sync", "source_unavailable"]
    assert (event["level"], event["environment"]) == ("error", "staging")
    assert event["release"] == f"trcpoints@{__version__}"
    (shown,) = event["exception"]["values"]
    assert (shown["type"], shown["value"]) == ("SourceUnavailable", DOWN.message)
    frame = shown["stacktrace"]["frames"][-1]
    assert frame["function"] == "raised"
    assert frame["context_line"].strip() == "raise fault from cause"


def test_two_bugs_are_two_issues(sentry: SentryServer) -> None:
    for cause in (KeyError("x"), ZeroDivisionError()):
        alerts = alerts_to(sentry)
        alerts.started()
        alerts.ended(failed(InternalError.of(cause), 1), TIME)
    assert [event["fingerprint"] for event in sentry.events] == [
        ["trcpoints", "sync", "internal_error", "KeyError"],
        ["trcpoints", "sync", "internal_error", "ZeroDivisionError"],
    ]


SECRETS = {
    "MEE6_AUTH_TOKEN": "Bearer tok-5ecr3t-mee6",
    "DATABASE_URL": "postgresql://trc:p%2Fssw0rd@db.example.org/points",
    "GAA_WEBHOOK_SECRET": "whsec_wordofthegaa",
    "CLUB_TOKEN": "club-token-value",
    "PGPASSWORD": "pgpass-by-itself",
    "TRCPOINTS_NOTIFY_URLS": "tgram://123456789:AAbbCCddEE/987 mailto://joe:mailpw99@example.org",
    "TRCPOINTS_PING_URL_SYNC": "https://hc-ping.example/5f0e9a3c-0000-4000-8000-1234567890ab",
}
QUOTED = [
    "tok-5ecr3t-mee6",
    "p%2Fssw0rd",
    "p/ssw0rd",
    "whsec_wordofthegaa",
    "CLUB-token-value",
    "pgpass-by-itself",
    "AAbbCCddEE",
    "mailpw99",
    "5f0e9a3c-0000-4000-8000-1234567890ab",
    "ann.o'hara@club.example.org",
    "joe@example.org",
    "/home/ann.ohara/points.db",
    "/srv/people/bob/.local/share",
]


@pytest.mark.parametrize("where", ["environ", "env_file"])
def test_no_secret_and_nobodys_name_is_in_any_byte(
    sentry: SentryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("HOME", "/srv/people/bob")
    monkeypatch.setattr("sys.argv", ["trcpoints", "members", "show", "Ann Argument"])
    variables = {**SECRETS, "SENTRY_DSN": sentry.dsn}
    env_file = tmp_path / "settings.env"
    env_file.write_text("".join(f"{name}='{value}'\n" for name, value in variables.items()))
    environ = variables if where == "environ" else {}
    if where == "environ":
        env_file.write_text("")
    settings, faults = read_settings(environ, env_file)
    assert not faults
    only_sentry = AlertSettings(settings.alerts.sentry_dsn, secrets=settings.alerts.secrets)

    row = ValueError("DETAIL: Key (name)=(Ann O'Hara) already exists")
    row.add_note("while writing Ann Note")
    raise_at_home(row)
    answer = RuntimeError('raw answer: {"username": "Brendan Behan"}')
    answer.__cause__ = row
    quoting = NotFound(f"No such thing: {' and '.join(QUOTED)} ({sentry.dsn})", hint=QUOTED[0])
    for fault in (raised(quoting, answer), raised(InternalError.of(answer), answer)):
        alerts = Alerts(only_sentry, job="sync", run_id="r-1")
        alerts.started()
        alerts.ended(failed(fault, 3), TIME)

    assert len(sentry.events) == 2
    bodies = b"\n".join(request.body for request in sentry.received).lower()
    names = [
        "Ann O'Hara",
        "Brendan",
        "Ann Argument",
        "Ann Note",
        "ann.ohara",
        "people/bob",
        "o'hara",
    ]
    told = [text for text in [*QUOTED, *names, KEY] if text.lower().encode() in bodies]
    assert told == []
    ours, bug = (event["exception"]["values"] for event in sentry.events)
    assert ours[-1]["value"].startswith("No such thing: *** and ***")
    assert bug[-1]["value"] == "trcpoints met a fault of its own: RuntimeError"
    assert [value["value"] for value in [*ours[:-1], *bug[:-1]]] == ["", "", "", ""]
    assert [value["type"] for value in bug] == ["ValueError", "RuntimeError", "InternalError"]
    assert "~/plugin.py" in [frame["filename"] for frame in bug[0]["stacktrace"]["frames"]]
    frames = [frame for value in [*ours, *bug] for frame in value["stacktrace"]["frames"]]
    assert frames
    assert not any({"vars", "abs_path"} & set(frame) for frame in frames)
    for event in sentry.events:
        assert not {"server_name", "user", "request", "extra", "modules", "breadcrumbs"} & set(
            event
        )


def test_a_dead_sentry_is_one_warning_without_its_key(caplog: pytest.LogCaptureFixture) -> None:
    dsn = sentry_dsn(closed_port())
    alerts = Alerts(AlertSettings(sentry_dsn=dsn), job="sync", run_id="r-1")
    alerts.started()
    alerts.ended(failed(DOWN, 3), TIME)
    assert [
        record.getMessage() for record in caplog.records if record.name == "trcpoints.alerts"
    ] == ["Sentry was not told of this run: it could not be reached"]
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("status", "words"),
    [(500, "it answered 500"), (429, "it answered 429"), (403, "it answered 403")],
)
def test_a_sentry_that_says_no_is_a_warning(
    sentry: SentryServer, caplog: pytest.LogCaptureFixture, status: int, words: str
) -> None:
    sentry.status = status
    alerts = alerts_to(sentry)
    alerts.started()
    alerts.ended(RunEnd("completed", 0, 0.1, None, 0, 0), TIME)
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "trcpoints.alerts"]
    assert words in warning


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_takes_the_key_elsewhere(
    sentry: SentryServer, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with HttpSink() as elsewhere:
        sentry.status, sentry.location = status, f"{elsewhere.url}/api/42/envelope/"
        alerts = alerts_to(sentry)
        alerts.started()
        alerts.ended(failed(DOWN, 3), TIME)
        assert elsewhere.received == []
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "trcpoints.alerts"]
    assert f"it answered {status}" in warning


@pytest.mark.parametrize("status", [200, 500, 413])
def test_little_is_read_of_what_sentry_answers(sentry: SentryServer, status: int) -> None:
    sentry.status, sentry.endless = status, True
    alerts = alerts_to(sentry)
    alerts.started()
    alerts.ended(failed(DOWN, 3), TIME)
    assert len(sentry.events) == 1
    assert sentry.answered < MOST / 2  # what the system buffers included, of three answers


def test_a_name_of_ours_in_a_secret_address_hides_nothing_else(sentry: SentryServer) -> None:
    settings = AlertSettings(
        sentry_dsn=sentry.dsn,
        notify_urls=("json://hooks.example.org/trcpoints/notifications",),
        secrets=frozenset({"trcpoints"}),
    )
    fault = raised(NotFound("Nothing.", hint="See trcpoints status"))
    alerts = Alerts(settings, job="sync", run_id="r-1")
    alerts.started()
    alerts.ended(failed(fault, 3), TIME)
    (event,) = sentry.events
    assert "***" not in str(event)
    assert event["fingerprint"][0] == "trcpoints"


def test_a_dsn_that_the_sdk_refuses_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    alerts = Alerts(AlertSettings(sentry_dsn="ftp://secretkey@host/42"), job="sync", run_id="r")
    alerts.started()
    alerts.ended(failed(DOWN, 3), TIME)
    assert [r.getMessage() for r in caplog.records] == ["Sentry was not told of this run: BadDsn"]


class Awkward(SourceUnavailable):
    """A failure in whose preparation for Sentry SIGTERM arrives."""

    @property
    def told(self) -> str:
        if sys._getframe(1).f_code is Scrubber.words.__code__:
            os.kill(os.getpid(), signal.SIGTERM)
        return "MEE6 could not be read."

    @told.setter
    def told(self, text: str) -> None:
        assert text


def test_a_signal_that_arrives_inside_the_sdk_is_not_lost(
    sentry: SentryServer,
) -> None:
    known = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signals.install()
    try:
        alerts = alerts_to(sentry)
        alerts.started()
        fault = Awkward("MEE6 could not be read.")
        with pytest.raises(Interrupted):
            alerts.ended(failed(fault, 3), TIME)
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)


def test_a_signal_ends_the_wait_for_a_silent_sentry() -> None:
    def arrive(number: int, _frame: object) -> None:
        raise Interrupted(signal.SIGTERM)

    known = signal.signal(signal.SIGALRM, arrive)
    try:
        with silent_port() as port:
            alerts = Alerts(AlertSettings(sentry_dsn=sentry_dsn(port)), job="sync", run_id="r")
            alerts.started()
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(Interrupted):
                alerts.ended(RunEnd("completed", 0, 0.1, None, 0, 0), 3600.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, known)
