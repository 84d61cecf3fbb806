"""Whether a webhook is from whom it says it is from. Decides, no I/O (design, sections 8 and 14).

Both forms take as long for a sender whom nobody knows as for one whose signature is wrong.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from standardwebhooks import Webhook

from trcpoints.federation.values import SHORTEST_KEY, standard_key

TOLERANCE = timedelta(minutes=5)
"""How far the clock of a sender of Standard Webhooks may be from ours."""

_NOBODY = secrets.token_bytes(32)
"""The key that signatures are compared under where there is none: nobody knows it."""

_LEAST_KEYS = 2
"""As many as there are while a secret is changed: how many there are does not show."""

_ID = re.compile(r"[!-~]{1,255}")
_SECONDS = re.compile(r"0|[1-9][0-9]{0,10}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The headers of Standard Webhooks."""

    delivery_id: str
    at: datetime
    signatures: tuple[str, ...]

    def is_timely(self, now: datetime) -> bool:
        """Whether it was signed within TOLERANCE of now."""
        return abs(now - self.at) <= TOLERANCE


def has_envelope(headers: Mapping[str, str]) -> bool:
    """Whether these headers, with lower-case names, are meant as Standard Webhooks."""
    return "webhook-signature" in headers


def read_envelope(headers: Mapping[str, str]) -> Envelope | None:
    """The headers of Standard Webhooks; None where one is missing or is not as it should be."""
    delivery_id = headers.get("webhook-id", "")
    seconds = headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(delivery_id) or not _SECONDS.fullmatch(seconds):
        return None
    words = headers.get("webhook-signature", "").split(" ")
    return Envelope(delivery_id, datetime.fromtimestamp(int(seconds), UTC), tuple(words))


def is_signed_by_headers(envelope: Envelope, body: bytes, secret: str | None) -> bool:
    """Whether one of the secrets has signed id, time and body, by Standard Webhooks.

    `secret` has one or two, with a space between them; None has none. Each is base64, with or
    without `whsec_` before it.
    """
    text = body.decode("utf-8")

    def signature(key: bytes) -> bytes:
        return Webhook(key).sign(envelope.delivery_id, envelope.at, text).encode()

    return _is_any(_standard_keys(secret), signature, envelope.signatures)


def is_signed_by_body(canonical: bytes, signature: str, secret: str | None) -> bool:
    """Whether one of the secrets, as they are, has signed the body's canonical JSON.

    `signature` is the hexadecimal HMAC-SHA256.
    """

    def expected(key: bytes) -> bytes:
        return hmac.new(key, canonical, sha256).hexdigest().encode()

    return _is_any(_body_keys(secret), expected, (signature.lower(),))


def digest(canonical: bytes) -> str:
    """By what a body that is signed by itself is recognised, in 64 hexadecimal digits."""
    return sha256(canonical).hexdigest()


def _is_any(
    keys: Iterable[bytes], expected: Callable[[bytes], bytes], given: tuple[str, ...]
) -> bool:
    """Compares all with all, so that the time it takes does not tell how far it came."""
    found = False
    words = [word.encode("utf-8", "surrogatepass") for word in given]
    for key in keys:
        signature = expected(key)
        for word in words:
            found |= hmac.compare_digest(signature, word)
    return found


def _body_keys(secret: str | None) -> list[bytes]:
    return _padded([word.encode("utf-8", "surrogateescape") for word in (secret or "").split()])


def _standard_keys(secret: str | None) -> list[bytes]:
    keys = map(standard_key, (secret or "").split())
    return _padded([key for key in keys if len(key) >= SHORTEST_KEY])


def _padded(keys: list[bytes]) -> list[bytes]:
    return keys + [_NOBODY] * (_LEAST_KEYS - len(keys))
