"""The two forms of signature, and what they are over (design, section 8)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from trcpoints.federation.webhook import signatures
from trcpoints.federation.webhook.events import (
    Event,
    Malformed,
    Refusal,
    read_body,
    read_event,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
AT = datetime(2021, 2, 25, 15, 15, 30, tzinfo=UTC)
EVENT = {
    "connectorId": "gaa",
    "federationOrgId": "st-judes",
    "memberId": "M0001",
    "event": "updated",
}


def envelope(**headers: str) -> signatures.Envelope:
    found = signatures.read_envelope({name.replace("_", "-"): v for name, v in headers.items()})
    assert found is not None
    return found


def by_headers(body: bytes, secret: str | None, *words: str) -> bool:
    seconds = str(int(AT.timestamp()))
    made = envelope(
        webhook_id="msg_1", webhook_timestamp=seconds, webhook_signature=" ".join(words)
    )
    return signatures.is_signed_by_headers(made, body, secret)


def signed(body: bytes, secret: str = SECRET) -> str:
    return Webhook(secret).sign("msg_1", AT, body.decode())


@pytest.mark.parametrize(
    ("secret", "message", "seconds", "body", "signature"),
    [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            "1649367553",
            b'{"email":"test@example.com","username":"test_user"}',
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ],
)
def test_published_vectors_of_standard_webhooks(
    secret: str, message: str, seconds: str, body: bytes, signature: str
) -> None:
    made = envelope(
        webhook_id=message, webhook_timestamp=seconds, webhook_signature=f"v1,AAAA {signature}"
    )
    assert signatures.is_signed_by_headers(made, body, secret)
    assert signatures.is_signed_by_headers(made, body, secret.removeprefix("whsec_"))
    assert not signatures.is_signed_by_headers(made, body + b" ", secret)
    later = envelope(
        webhook_id=message, webhook_timestamp=f"{int(seconds) + 1}", webhook_signature=signature
    )
    assert not signatures.is_signed_by_headers(later, body, secret)


def test_one_of_several_signatures_and_one_of_two_secrets() -> None:
    body = json.dumps(EVENT).encode()
    old, new = signed(body), signed(body, OTHER)
    assert by_headers(body, f"{OTHER} {SECRET}", old)
    assert by_headers(body, f"{OTHER} {SECRET}", new)
    assert by_headers(body, SECRET, "v1a,xyz", "nonsense", "", "v1,", old)
    assert not by_headers(body, SECRET, new)
    assert not by_headers(body, SECRET, old.replace("v1,", "v1a,"))
    assert not by_headers(body, SECRET, old[:-1])
    assert not by_headers(body, None, old)
    assert not by_headers(body, "", old)
    assert not by_headers(body, SECRET, "\udcff", "é")


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_",
        "not base64!",
        "!!!!",
        "a-b-c-d-",
        "whsec_MfKQ9r8GKYqrT$",
        "whsec_c2VjcmV0",
        "a" * 20,
    ],
)
def test_what_is_no_base64_signs_no_headers(secret: str) -> None:
    """Decoded carelessly, such a secret would be an empty key, or another one."""
    letters = re.sub(r"[^A-Za-z0-9+/]", "", secret.removeprefix("whsec_"))
    key = base64.b64decode(letters[: len(letters) // 4 * 4])
    seconds = int(AT.timestamp())
    mac = hmac.new(key, f"msg_1.{seconds}.{{}}".encode(), hashlib.sha256).digest()
    assert not by_headers(b"{}", secret, f"v1,{base64.b64encode(mac).decode()}")


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": ""},
        {"webhook-id": "a b"},
        {"webhook-id": "x" * 256},
        {"webhook-id": "é"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "1.5"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "01614265330"},
        {"webhook-timestamp": "1614265330 "},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "9" * 12},
        {"webhook-timestamp": "nan"},
    ],
)
def test_headers_that_are_none(headers: dict[str, str]) -> None:
    sound = {"webhook-id": "m", "webhook-timestamp": "1614265330", "webhook-signature": "v1,x"}
    assert signatures.read_envelope(sound) is not None
    assert signatures.read_envelope({**sound, **headers}) is None


@pytest.mark.parametrize(
    ("off", "is_timely"), [(300, True), (-300, True), (301, False), (-301, False)]
)
def test_five_minutes_either_way(off: int, is_timely: bool) -> None:
    seconds = str(int(AT.timestamp()))
    made = envelope(webhook_id="m", webhook_timestamp=seconds, webhook_signature="v1,x")
    assert made.is_timely(AT + timedelta(seconds=off)) is is_timely


def body_signature(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_a_body_signed_by_hand() -> None:
    """The canonical text is written out here: nothing of the program makes it."""
    canonical = (
        '{"connectorId":"gaa","event":"updated","extra":{"a":[1,2.50,1e3,null,true],"ü":"é\\n\\"/"},'
        '"federationOrgId":"st-judes","memberId":"Ó Sé"}'
    )
    sent = (
        '{ "memberId": "\\u00d3 S\\u00e9", "extra": {"\\u00fc": "é\\n\\"\\/", '
        '"a": [1, 2.50, 1e3, null, true]},'
        ' "federationOrgId": "st-judes", "event": "updated",\n "signature": "x", '
        '"connectorId": "gaa" }'
    )
    read = read_body(sent.encode())
    assert read.canonical == canonical.encode()
    assert (read.signature, read.connector) == ("x", "gaa")
    secret = "naïve sécret"
    for word in secret.split():
        signature = body_signature(canonical, word)
        assert signatures.is_signed_by_body(read.canonical, signature, secret)
        assert signatures.is_signed_by_body(read.canonical, signature.upper(), secret)
        assert not signatures.is_signed_by_body(read.canonical, signature[:-1], secret)
    assert not signatures.is_signed_by_body(read.canonical, body_signature(canonical, "x"), secret)
    assert not signatures.is_signed_by_body(read.canonical, body_signature(canonical, ""), None)
    assert not signatures.is_signed_by_body(read.canonical, "é\udcff", secret)


def test_whsec_secrets_sign_bodies_as_they_are() -> None:
    text = '{"connectorId":"gaa"}'
    assert signatures.is_signed_by_body(text.encode(), body_signature(text, SECRET), SECRET)
    decoded = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = hmac.new(decoded, text.encode(), hashlib.sha256).hexdigest()
    assert not signatures.is_signed_by_body(text.encode(), signature, SECRET)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"null",
        b"{",
        b"{} {}",
        b"\xff",
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":1,"a":1}',
        b'{"b":{"a":1,"a":2}}',
        b'{"signature":"x","signature":"y"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":01}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":"\n"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"a":' + b"[" * 30 + b"]" * 30 + b"}",
    ],
)
def test_what_is_no_json_object_or_more_than_one(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_body(body)


@pytest.mark.parametrize("number", ["1.0", "1", "1E+2", "-0", "0.10", "9" * 5000, "1e999"])
def test_a_number_keeps_its_spelling(number: str) -> None:
    assert read_body(f'{{"n": {number}}}'.encode()).canonical == f'{{"n":{number}}}'.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(st.text().filter(lambda key: key != "signature"), JSON, max_size=6),
    st.booleans(),
    st.integers(0, 3) | st.none(),
)
def test_canonical_json_is_that_of_python(
    members: dict[str, Any], escaped: bool, indent: int | None
) -> None:
    """However a body is written, it is signed as `json.dumps` with sorted keys writes it."""
    sent = json.dumps({**members, "signature": "x"}, ensure_ascii=escaped, indent=indent)
    wanted = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        body, canonical = sent.encode(), wanted.encode()
    except UnicodeEncodeError:
        return
    assert read_body(body).canonical == canonical


def test_the_event_of_a_body() -> None:
    def read(**changes: object) -> Event | Refusal:
        members = read_body(json.dumps({**EVENT, **changes}).encode()).members
        return read_event(members, ["st-judes", "7"])

    assert read() == Event("st-judes", "M0001", "updated")
    assert read(memberId=" 12 ", federationOrgId=7) == Event("7", "12", "updated")
    assert read(memberId=12) == Event("st-judes", "12", "updated")
    assert read(federationOrgId="x") == Refusal("unknown_organization")
    assert read(federationOrgId=["st-judes"]) == Refusal("unknown_organization")
    assert read(federationOrgId=None) == Refusal("unknown_organization")
    for member in ("", " ", ".", "..", "a\0b", "a\nb", "x" * 256, 1.5, 1e30, None, True, ["M"]):
        assert read(memberId=member) == Refusal("invalid_member", "st-judes")
    events: list[object] = ["UPDATED", "", None, 1, ["updated"], {}]
    for event in events:
        assert read(event=event) == Refusal("unknown_event", "st-judes", "M0001")
