"""Would somebody be told when a job fails?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trcpoints.errors import ConfigurationInvalid, SourceUnavailable
from trcpoints.jobs.doctor.check import Case, Check, unset
from trcpoints.monitoring.trial import TestSent, check_alerts, send_tests

SETTINGS = {
    "sentry": "SENTRY_DSN",
    "notifications": "TRCPOINTS_NOTIFY_URLS",
    "pings": "TRCPOINTS_PING_URL_",
}


def look(case: Case) -> Iterator[Check]:
    """Look at who would be told, and tell them where a test is asked for."""
    results: list[TestSent] = []
    if case.settings is not None:
        try_out = send_tests if case.send_test else check_alerts
        results = try_out(case.settings.alerts)
    for name, setting in SETTINGS.items():
        if case.usable(setting) is None:
            yield unset(name)
        else:
            yield _judged(case, name, [result for result in results if result.what == name])


def _judged(case: Case, name: str, results: Sequence[TestSent]) -> Check:
    wrong = [result for result in results if not result.ok]
    right = [result for result in results if result.ok]
    told = " ".join(result.message for result in (*wrong, *right))
    if not results:
        return Check(name, "skipped", "Not set up, which is fine.")
    if not wrong:
        return Check(name, "ok", told)
    failure = SourceUnavailable if case.send_test else ConfigurationInvalid
    return Check(name, "fault", told, wrong[0].hint, failure.code, failure.exit_code)
