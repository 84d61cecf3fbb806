"""The application: what it takes, what it refuses, and what becomes of it (design, section 8)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from tests.support import books
from tests.support.cli import Cli
from tests.support.queue import execute
from tests.support.webhooks import (
    JSON,
    SECRET,
    Answer,
    Sent,
    by_body,
    by_headers,
    configure,
    connector,
    deliveries,
    event,
    jobs,
    refusals,
)
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import MODELS, Member
from trcpoints.demo.federation import SimulatedFederation
from trcpoints.federation.webhook import deliveries as keeping
from trcpoints.federation.webhook.connection import Database
from trcpoints.federation.webhook.wsgi import LARGEST, Application

pytestmark = pytest.mark.slow_on_postgresql

NOWHERE = "http://127.0.0.1:9/clubs/{organization}/members"
ONE = f"{NOWHERE}/{{member}}"
NEW_SECRET = "another-secret-of-theirs"

Post = Callable[[Sent], Answer]


@pytest.fixture
def post(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """Sends to the application, whose connector gaa can be asked for one member."""
    configure(cli, connector("gaa", url=NOWHERE, member_url=ONE))
    yield from poster(cli, monkeypatch)


def poster(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    monkeypatch.chdir(cli.folder)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    database = Database()
    client = Client(Application(database))

    def send(sent: Sent) -> Answer:
        for name, value in cli.environment.items():
            monkeypatch.setenv(name, value)
        reply = client.open(
            sent.path, method=sent.method, data=sent.body, headers=dict(sent.headers)
        )
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status_code, headers, reply.get_data(as_text=True))

    yield send
    database.close()


def told(answer: Answer) -> tuple[int, str]:
    return answer.code, answer.status


def test_both_forms_are_taken_and_enqueued(cli: Cli, post: Post) -> None:
    assert told(post(by_headers(event("M0001", "created"), "msg_1"))) == (200, "queued")
    assert told(post(by_body(event("M0002", "deleted", note="Ó 😀")))) == (200, "queued")
    waiting = [(j.connector, j.organization, j.external_id, j.event, j.status) for j in jobs(cli)]
    assert waiting == [
        ("gaa", "st-judes", "M0001", "created", "pending"),
        ("gaa", "st-judes", "M0002", "deleted", "pending"),
    ]
    assert {job.trigger for job in jobs(cli)} == {"webhook"}
    kept = [(d.connector, d.form, d.outcome, d.external_id, d.event) for d in deliveries(cli)]
    assert kept == [
        ("gaa", "headers", "queued", "M0001", "created"),
        ("gaa", "body", "queued", "M0002", "deleted"),
    ]
    assert [d.job_id for d in deliveries(cli)] == [job.id for job in jobs(cli)]
    assert deliveries(cli)[0].delivery_id == "msg_1"
    assert refusals(cli) == {}


def test_a_repeated_id_is_done_once_whatever_it_says(cli: Cli, post: Post) -> None:
    assert told(post(by_headers(event(), "msg_1"))) == (200, "queued")
    execute(cli, "UPDATE federation_job SET status = 'completed'")
    assert told(post(by_headers(event(), "msg_1"))) == (200, "duplicate")
    assert told(post(by_headers(event("M0002"), "msg_1"))) == (200, "duplicate")
    assert told(post(by_headers(event(), "msg_2"))) == (200, "queued")
    assert [d.outcome for d in deliveries(cli)] == ["queued", "duplicate", "duplicate", "queued"]
    assert len(jobs(cli)) == 2


def test_a_repeated_body_is_done_once_until_it_has_begun(cli: Cli, post: Post) -> None:
    sent = by_body(event())
    assert [post(sent).status for _ in range(3)] == ["queued", "duplicate", "duplicate"]
    execute(cli, "UPDATE federation_job SET status = 'running'")
    assert [post(sent).status for _ in range(2)] == ["queued", "duplicate"]
    assert [job.status for job in jobs(cli)] == ["running", "pending"]


def test_a_body_that_says_something_else_in_between_is_no_repeat(cli: Cli, post: Post) -> None:
    says = [event(), event(kind="deleted"), event()]
    assert [post(by_body(one)).status for one in says] == ["queued"] * 3
    assert post(by_body(event("M0002"))).status == "queued"
    assert post(by_body(event())).status == "duplicate"


def test_the_digest_of_a_body_is_no_id(cli: Cli, post: Post) -> None:
    post(by_body(event()))
    digest = deliveries(cli)[0].delivery_id
    assert post(by_headers(event(), digest)).status == "queued"


def test_two_secrets_at_once(cli: Cli, post: Post) -> None:
    cli.environment["HOOK_S_SECRET"] = f"{NEW_SECRET} {SECRET}"
    assert post(by_body(event(), NEW_SECRET)).code == 200
    assert post(by_body(event("M2"), SECRET)).code == 200
    assert post(by_headers(event("M3"), "a", SECRET)).code == 200
    cli.environment["HOOK_S_SECRET"] = NEW_SECRET
    assert post(by_body(event("M4"), SECRET)).code == 401
    assert post(by_headers(event("M5"), "b", SECRET)).code == 401
    assert post(by_body(event("M6"), NEW_SECRET)).code == 200


def test_whoever_is_not_who_they_say_hears_the_same(cli: Cli, post: Post) -> None:
    configure(
        cli,
        connector("gaa", url=NOWHERE, member_url=ONE),
        connector("off", url=NOWHERE, member_url=ONE, enabled=False),
        connector("mute", url=NOWHERE, member_url=ONE, secret=None),
    )
    wrong: list[Sent] = [
        by_headers(event(connectorId="none"), "1"),
        by_body(event(connectorId="none")),
        by_headers(event(connectorId="off"), "2"),
        by_body(event(connectorId="off")),
        by_headers(event(connectorId="mute"), "3"),
        by_body(event(connectorId="mute")),
        by_headers(event(), "4", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        by_body(event(), "wrong"),
        Sent(json.dumps(event()).encode()),
        Sent(json.dumps(event(signature=7)).encode()),
        Sent(b"{}"),
        by_headers(event(), "5", age=timedelta(minutes=5, seconds=30)),
        by_headers(event(), "6", age=timedelta(minutes=-5, seconds=-30)),
    ]
    answers = {repr(post(sent)) for sent in wrong}
    assert len(answers) == 1
    assert told(post(wrong[0])) == (401, "unauthorized")
    assert jobs(cli) == deliveries(cli) == []
    assert refusals(cli) == {
        ("", "unknown_connector"): 3,
        ("off", "disabled"): 2,
        ("mute", "no_secret"): 2,
        ("gaa", "wrong_signature"): 2,
        ("gaa", "missing_signature"): 2,
        ("", "missing_signature"): 1,
        ("gaa", "stale"): 2,
    }


def test_a_signature_is_of_the_very_message(cli: Cli, post: Post) -> None:
    sent = by_headers(event(), "msg_1")
    for name, value in (("webhook-id", "msg_2"), ("webhook-timestamp", "1")):
        assert post(Sent(sent.body, {**sent.headers, name: value})).code == 401
    assert post(Sent(sent.body.replace(b"M0001", b"M0002"), sent.headers)).code == 401
    signed = by_body(event())
    assert post(Sent(signed.body.replace(b"M0001", b"M0002"))).code == 401
    # A signature in the body is none where the headers have one.
    headers = {**sent.headers, "webhook-signature": "v1,AAAA"}
    assert post(Sent(signed.body, headers)).code == 401
    assert jobs(cli) == []


def test_a_hundred_in_a_sliding_minute(cli: Cli, post: Post) -> None:
    start = datetime(2026, 1, 19, 12, 0, 30, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock:
        for number in range(keeping.MOST):
            if number == 40:
                clock.shift(20)
            assert post(by_headers(event(), f"m{number}")).code == 200
        over = post(by_headers(event(), "late"))
        assert (*told(over), over.headers["retry-after"]) == (429, "rate_limited", "40")
        assert told(post(by_headers(event(), "m1"))) == (200, "duplicate")
        assert post(by_body(event(), "wrong")).code == 401
        clock.shift(39)
        assert post(by_headers(event(), "late")).headers["retry-after"] == "1"
        clock.shift(1)
        assert told(post(by_headers(event(), "late"))) == (200, "queued")
        assert told(post(by_headers(event(), "m1"))) == (200, "duplicate")
        for number in range(39):
            assert post(by_headers(event(), f"n{number}")).code == 200
        assert post(by_headers(event(), "more")).headers["retry-after"] == "20"
    assert refusals(cli)[("gaa", "rate_limited")] == 3
    assert len(deliveries(cli)) == keeping.MOST + 42


def test_repeats_lock_nobody_out(cli: Cli, post: Post) -> None:
    """Somebody who has a copy of one delivery can send it as often as they like."""
    with time_machine.travel(datetime(2026, 1, 19, 12, tzinfo=UTC), tick=False):
        copied = by_headers(event(), "copied")
        assert told(post(copied)) == (200, "queued")
        for _ in range(keeping.MOST):
            assert told(post(copied)) == (200, "duplicate")
        assert told(post(copied)) == (429, "rate_limited")
        assert told(post(by_headers(event(), "genuine"))) == (200, "queued")
    assert len(deliveries(cli)) == keeping.MOST + 2


def test_the_limit_is_of_each_connector(cli: Cli, post: Post) -> None:
    gaa, other = (connector(name, url=NOWHERE, member_url=ONE) for name in ("gaa", "other"))
    configure(cli, gaa, other)
    now = datetime.now(UTC)
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine:
        columns = ("connector", "form", "delivery_id", "received_at", "outcome")
        rows = [
            ("gaa", "headers", str(n), f"{now:%Y-%m-%dT%H:%M:%S.%fZ}", "queued") for n in range(100)
        ]
        with engine.books():
            engine.insert_rows("webhook_delivery", columns, rows)
    assert post(by_headers(event(), "x")).code == 429
    assert post(by_headers(event(connectorId="other"), "x")).code == 200
    execute(cli, "UPDATE webhook_delivery SET received_at = '2999-01-01T00:00:00.000000Z'")
    assert post(by_headers(event(), "x")).code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"federationOrgId": "none"}, "unknown_organization"),
        ({"memberId": "a\0b"}, "invalid_member"),
        ({"event": "moved"}, "unknown_event"),
    ],
)
def test_what_is_verified_and_means_nothing(
    cli: Cli, post: Post, changes: dict[str, Any], reason: str
) -> None:
    answer = post(by_headers(event(**changes), "msg_1"))
    assert (*told(answer), json.loads(answer.text)["reason"]) == (422, "rejected", reason)
    (kept,) = deliveries(cli)
    assert (kept.outcome, kept.reason, kept.job_id) == ("rejected", reason, None)
    assert jobs(cli) == []
    # Mended, the same delivery is taken.
    assert told(post(by_headers(event(), "msg_1"))) == (200, "queued")
    assert told(post(by_headers(event(), "msg_1"))) == (200, "duplicate")


@pytest.mark.parametrize(
    ("sent", "code", "status"),
    [
        (Sent(b"", {}, "GET"), 405, "method_not_allowed"),
        (Sent(b"", {}, "HEAD"), 405, ""),
        (Sent(b"{}", {}, "PUT"), 405, "method_not_allowed"),
        (Sent(b"", {}, "POST", "/healthz"), 405, "method_not_allowed"),
        (Sent(b"{}", JSON, "POST", "/"), 404, "not_found"),
        (Sent(b"{}", JSON, "POST", "/webhooks/federation/"), 404, "not_found"),
        (Sent(b"{}", JSON, "POST", "/webhooks/federation/x"), 404, "not_found"),
        (Sent(b"{}", {}), 415, "unsupported_media_type"),
        (Sent(b"{}", {"Content-Type": "text/plain"}), 415, "unsupported_media_type"),
        (
            Sent(b"{}", {"Content-Type": "application/json; charset=utf-16"}),
            415,
            "unsupported_media_type",
        ),
        (Sent(b"{}", {**JSON, "Content-Encoding": "gzip"}), 415, "unsupported_media_type"),
        (Sent(b"{", JSON), 400, "malformed"),
        (Sent(b"[" * LARGEST, JSON), 400, "malformed"),
        (Sent(b" " * (LARGEST + 1), JSON), 413, "too_large"),
    ],
)
def test_what_is_no_webhook(cli: Cli, post: Post, sent: Sent, code: int, status: str) -> None:
    answer = post(sent)
    assert answer.code == code
    assert (answer.text and answer.status) == status
    assert ("allow" in answer.headers) == (code == 405)
    assert answer.headers["content-type"] == "application/json"
    assert sum(refusals(cli).values()) == (code not in {404, 405})
    assert deliveries(cli) == []


def test_the_largest_body_that_is_read(post: Post) -> None:
    short = len(by_headers(event(note=""), "m").body)
    sent = by_headers(event(note="x" * (LARGEST - short)), "m")
    assert (len(sent.body), post(sent).code) == (LARGEST, 200)


def test_json_with_a_charset(post: Post) -> None:
    sent = by_body(event())
    assert post(Sent(sent.body, {"Content-Type": "Application/JSON; charset=UTF-8"})).code == 200


def test_health(cli: Cli, post: Post) -> None:
    health = Sent(b"", {}, "GET", "/healthz")
    assert told(post(health)) == (200, "ok")
    assert post(Sent(b"", {}, "HEAD", "/healthz")).text == ""
    cli.environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    assert told(post(health)) == (503, "unavailable")


def test_without_its_database_it_asks_to_be_asked_again(cli: Cli, post: Post) -> None:
    sent = by_headers(event(), "msg_1")
    url = cli.environment["DATABASE_URL"]
    cli.environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    answer = post(sent)
    assert (*told(answer), answer.headers["retry-after"]) == (503, "unavailable", "30")
    assert told(post(by_body(event(), "wrong"))) == (401, "unauthorized")
    cli.environment["DATABASE_URL"] = url
    assert told(post(sent)) == (200, "queued")


def test_where_there_is_no_database_none_is_made(
    cli: Cli, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that is not mounted would take what the federation thinks we know."""
    sent = by_headers(event(), "msg_1")
    url = cli.environment["DATABASE_URL"]
    empty = cli.folder / "empty.db"
    empty.touch()
    for file in (empty, cli.folder / "missing.db"):
        caplog.clear()
        cli.environment["DATABASE_URL"] = f"sqlite:///{file}"
        assert told(post(sent)) == (503, "unavailable")
        assert told(post(Sent(b"", {}, "GET", "/healthz"))) == (503, "unavailable")
        (record,) = caplog.records
        assert f"There is no database at {file}" in record.message
        assert f"{cli.folder / '.env'} (not found)" in record.message
        assert "trcpoints db upgrade" in record.message
    assert (empty.stat().st_size, (cli.folder / "missing.db").exists()) == (0, False)
    (cli.folder / ".env").write_text("DATABASE_URL=sqlite:///other.db\n")
    del cli.environment["DATABASE_URL"]
    os.environ.pop("DATABASE_URL")
    assert told(post(sent)) == (503, "unavailable")
    assert f"DATABASE_URL is set in {cli.folder / '.env'}" in caplog.text
    cli.environment["DATABASE_URL"] = url
    assert told(post(sent)) == (200, "queued")


def test_a_name_that_is_no_setting_keeps_webhooks_out(
    cli: Cli, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    (cli.folder / ".env").write_text("DATABASE_URI=sqlite:///other.db\n")
    assert told(post(by_headers(event(), "msg_1"))) == (503, "unavailable")
    assert "line 1: DATABASE_URI is no setting; did you mean DATABASE_URL?" in caplog.text


def test_what_is_not_counted_is_said_once_in_a_while(
    cli: Cli, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever sends rubbish shall not fill a disk with what is said of it."""
    cli.environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    for _ in range(5):
        assert post(by_body(event(), "wrong")).code == 401
    assert [record.message.count("not counted") for record in caplog.records] == [1]


def test_while_the_books_are_locked(cli: Cli, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOCK_WAIT", 0.2)
    monkeypatch.setattr(keeping, "COUNT_WAIT", 0.2)
    sent = by_headers(event(), "msg_1")
    assert post(by_headers(event(), "msg_0")).code == 200
    with books.locked(cli):
        assert told(post(sent)) == (503, "unavailable")
        assert told(post(by_body(event(), "wrong"))) == (401, "unauthorized")
    assert told(post(sent)) == (200, "queued")


def test_a_connection_that_was_lost_is_made_again(cli: Cli, post: Post) -> None:
    if not cli.environment["DATABASE_URL"].startswith("postgresql"):
        return
    assert post(by_headers(event(), "msg_1")).code == 200
    execute(
        cli,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()",
    )
    assert told(post(by_headers(event(), "msg_2"))) == (200, "queued")


def test_the_configuration_is_read_again_when_it_changes(
    cli: Cli, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    sent = by_headers(event(), "msg_1")
    file = cli.folder / "federations.toml"
    before = file.read_text()
    file.write_text("nonsense")
    assert [post(sent).code for _ in range(3)] == [503] * 3
    assert len(caplog.records) == 1
    assert "is no TOML" in caplog.text
    file.write_text(before.replace("connectors.gaa", "connectors.gab"))
    assert post(sent).code == 401
    file.write_text(before)
    assert post(sent).code == 200
    del cli.environment["HOOK_S_SECRET"]
    (cli.folder / ".env").write_text(f"HOOK_S_SECRET={NEW_SECRET}\n")
    os.environ.pop("HOOK_S_SECRET")
    assert post(by_body(event(), NEW_SECRET)).code == 200


def test_headers_of_a_request_are_no_settings(cli: Cli, post: Post) -> None:
    """CGI has them among the variables, as HTTP_…"""
    file = cli.folder / "federations.toml"
    file.write_text(file.read_text().replace("HOOK_S_SECRET", "HTTP_X_SECRET"))
    cli.environment["HTTP_X_SECRET"] = NEW_SECRET
    assert post(by_body(event(), NEW_SECRET)).code == 503


def test_a_secret_that_could_be_guessed_is_as_good_as_none(
    cli: Cli, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    gaa, other = (
        connector(name, url=NOWHERE, member_url=ONE, secret=secret)
        for name, secret in (("gaa", "S"), ("other", "OTHER"))
    )
    configure(cli, gaa, other, S=SECRET, OTHER="guessed")
    said = event(connectorId="other")
    short = "whsec_Z3Vlc3NlZA=="
    for secret, sent in (
        ("guessed", by_body(said, "guessed")),
        (short, by_headers(said, "1", short)),
    ):
        cli.environment["HOOK_OTHER_SECRET"] = secret
        assert [repr(post(sent)) for _ in range(3)] == [repr(post(by_body(event(), "wrong")))] * 3
        assert "HOOK_OTHER_SECRET should have at least 16 bytes" in caplog.text
    assert refusals(cli)[("other", "no_secret")] == 6
    assert len(caplog.records) == 2
    assert "guessed" not in caplog.text.lower()
    assert short not in caplog.text
    assert told(post(by_body(event()))) == (200, "queued")
    cli.environment["HOOK_OTHER_SECRET"] = f"{SECRET} guessed"
    assert post(by_body(said)).code == post(by_body(said, "guessed")).code == 401
    cli.environment["HOOK_OTHER_SECRET"] = SECRET
    assert told(post(by_body(said))) == (200, "queued")


def test_nothing_of_a_body_is_logged(
    cli: Cli, post: Post, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(members: object, _: object) -> None:
        raise ValueError(members)

    monkeypatch.setattr("trcpoints.federation.webhook.receiving.read_event", fail)
    caplog.set_level("DEBUG")
    assert told(post(by_headers(event("M0077"), "msg_1"))) == (500, "error")
    assert "ValueError" in caplog.text
    assert "M0077" not in caplog.text
    assert SECRET not in caplog.text


TEXT = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["connectorId", "federationOrgId", "memberId", "event", "signature", "x"])
WORDS = st.sampled_from(["gaa", "st-judes", "M0001", "updated", "deleted", "0" * 64])
BODIES = (
    st.binary(max_size=200)
    | st.dictionaries(NAMES, VALUES | WORDS, max_size=6).map(lambda x: json.dumps(x).encode())
    | VALUES.map(lambda x: json.dumps(x).encode())
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Content-Encoding", "webhook-id", "webhook-timestamp", "webhook-signature"]
    ),
    st.sampled_from(["application/json", "v1,AAAA", "v1,", "msg_1", "1614265330", "1e9", ","])
    | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
)


def snapshot(cli: Cli) -> dict[str, int]:
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        names = {m._meta.table_name: m.select().count() for m in MODELS}
    del names["webhook_refusal"]
    return names


@pytest.mark.parametrize("is_typed", [True, False])
def test_whatever_comes_in_changes_nothing_but_a_count(
    cli: Cli, post: Post, *, is_typed: bool
) -> None:
    before = snapshot(cli)
    seconds = str(int(time.time()))

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(BODIES, HEADERS, st.booleans(), st.booleans())
    def fuzz(body: bytes, headers: dict[str, str], timely: bool, right: bool) -> None:
        given = {**headers, **(JSON if is_typed else {})}
        if timely:
            given["webhook-timestamp"] = seconds
        sent = Sent(body, given, "POST" if right else "PATCH")
        assert post(sent).code in {400, 401, 405, 415}

    fuzz()
    assert snapshot(cli) == before
    reasons = {(name, reason) for name, reason in refusals(cli)}
    assert {name for name, _ in reasons} <= {"", "gaa"}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(NAMES.filter(lambda name: name != "signature"), VALUES | WORDS))
def test_whatever_is_signed_is_answered(post: Post, more: dict[str, Any]) -> None:
    says = json.loads(json.dumps({**event(), **more}, allow_nan=True), parse_constant=lambda _: 0)
    try:
        sent = by_headers(says, f"m{time.monotonic_ns()}")
        signed = by_body(says)
    except UnicodeEncodeError:
        return
    assert post(sent).code in {200, 401, 422, 429}
    assert post(signed).code in {200, 401, 422, 429}


@pytest.fixture
def federation() -> Iterator[SimulatedFederation]:
    with SimulatedFederation() as server:
        server.token = None
        yield server


def member(cli: Cli, external_id: str) -> Member:
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        number = external_id.removeprefix("M").lstrip("0")
        return Member.get(Member.email.startswith(f"member{number}@"))


def test_an_event_reaches_the_member(cli: Cli, post: Post, federation: SimulatedFederation) -> None:
    configure(cli, connector("gaa", url=federation.url, member_url=federation.member_url))
    for number in range(3):
        assert post(by_headers(event("M0001", "created"), f"msg_{number}")).code == 200
    federation.requests.clear()
    done = cli.ok("federation", "retry")
    assert [(run["external_id"], run["created"]) for run in done["runs"]] == [("M0001", 1)]
    assert [request.path for request in federation.requests] == ["/clubs/st-judes/members/M0001"]
    assert {job.status for job in jobs(cli)} == {"completed"}
    federation.members.change("st-judes", "M0001", firstName="Gráinne")
    post(by_body(event("M0001")))
    cli.ok("federation", "retry")
    assert member(cli, "M0001").first_name == "Gráinne"
    federation.members.remove("st-judes", "M0001")
    post(by_body(event("M0001", "deleted")))
    done = cli.ok("federation", "retry")
    assert [run["deactivated"] for run in done["runs"]] == [1]
    gone = member(cli, "M0001")
    assert (gone.active, gone.first_name) == (False, "Gráinne")


def test_a_federation_that_cannot_be_asked_for_one(
    cli: Cli, post: Post, federation: SimulatedFederation
) -> None:
    """Events of many members are one reading; what comes while it is read is another."""
    configure(cli, connector("gaa", url=federation.url, member_url=None))
    for number in range(1, 6):
        assert post(by_headers(event(f"M{number:04}"), f"msg_{number}")).status == "queued"
    assert [(job.external_id, job.trigger) for job in jobs(cli)] == [(None, "webhook")]
    assert {row.job_id for row in deliveries(cli)} == {jobs(cli)[0].id}
    assert post(by_body(event("M0001", "deleted"))).status == "queued"
    assert [job.external_id for job in jobs(cli)] == [None, "M0001"]
    done = cli.ok("federation", "retry")
    assert [run["external_id"] for run in done["runs"]] == [None, "M0001"]
    assert done["runs"][0]["created"] == 25
    assert member(cli, "M0001").active is False


RUNNING = "UPDATE federation_job SET status = 'running' WHERE external_id IS NULL"
ENDED = "UPDATE federation_job SET status = 'completed' WHERE external_id IS NULL"


def waiting(cli: Cli) -> list[tuple[str | None, str | None]]:
    """Whom the jobs that wait are for, and what happened to them."""
    return [(job.external_id, job.event) for job in jobs(cli) if job.status == "pending"]


def test_what_comes_while_an_organization_is_read_is_one_more_reading(
    cli: Cli, post: Post, federation: SimulatedFederation
) -> None:
    configure(cli, connector("gaa", url=federation.url, member_url=None))
    post(by_headers(event("M0001"), "msg_1"))
    execute(cli, RUNNING)
    for number in range(2, 9):
        assert post(by_headers(event(f"M{number:04}"), f"msg_{number}")).status == "queued"
        assert post(by_body(event(f"M{number:04}", "created"))).status == "queued"
        assert post(by_body(event(f"M{number:04}", "created"))).status == "duplicate"
    assert waiting(cli) == [("M0002", "updated")]
    execute(cli, ENDED)
    # It is not read now: what comes waits for a job of the organization.
    post(by_headers(event("M0009"), "msg_9"))
    assert waiting(cli) == [("M0002", "updated"), (None, None)]
    done = cli.ok("federation", "retry")
    assert [run["created"] for run in done["runs"]] == [25, 0]
    assert waiting(cli) == []


def test_a_deletion_takes_no_reading_from_others(
    cli: Cli, post: Post, federation: SimulatedFederation
) -> None:
    configure(cli, connector("gaa", url=federation.url, member_url=None))
    post(by_headers(event("M0001"), "msg_1"))
    execute(cli, RUNNING)
    for number, (name, kind) in enumerate(
        [("M0002", "updated"), ("M0003", "updated"), ("M0004", "updated"), ("M0003", "deleted")]
    ):
        post(by_headers(event(name, kind), f"a{number}"))
    assert waiting(cli) == [("M0002", "updated"), ("M0003", "deleted")]
    post(by_headers(event("M0002", "deleted"), "b"))
    # Not M0003, who is to be deleted: that would be as if they had come back.
    assert waiting(cli)[2:] == [("M0002", "deleted"), ("M0004", "updated")]
    post(by_headers(event("M0005", "created"), "c"))
    assert len(waiting(cli)) == 4
    execute(cli, ENDED)
    done = cli.ok("federation", "retry")
    assert [run["created"] for run in done["runs"]] == [0, 0, 25]


def test_a_deletion_alone_needs_no_reading(
    cli: Cli, post: Post, federation: SimulatedFederation
) -> None:
    configure(cli, connector("gaa", url=federation.url, member_url=None))
    post(by_headers(event("M0001"), "msg_1"))
    execute(cli, RUNNING)
    post(by_headers(event("M0002"), "msg_2"))
    post(by_headers(event("M0002", "deleted"), "msg_3"))
    assert waiting(cli) == [("M0002", "updated"), ("M0002", "deleted")]


def test_who_is_back_after_a_deletion_that_waits_is_back(
    cli: Cli, post: Post, federation: SimulatedFederation
) -> None:
    configure(cli, connector("gaa", url=federation.url, member_url=None))
    post(by_headers(event("M0001"), "msg_1"))
    cli.ok("federation", "retry")
    post(by_headers(event("M0002"), "msg_2"))
    post(by_headers(event("M0001", "deleted"), "msg_3"))
    post(by_headers(event("M0001", "created"), "msg_4"))
    cli.ok("federation", "retry")
    assert member(cli, "M0001").active is True
