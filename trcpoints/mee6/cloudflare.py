"""Tells the answers of Cloudflare, which is in front of MEE6, from those of MEE6 itself.

Every answer of MEE6 passes Cloudflare and bears its headers, so `server: cloudflare` alone says
nothing: the body does, or the header `cf-mitigated`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

RATE_LIMITED = 1015
"""Cloudflare's number for a ban for too many requests."""

_CHALLENGES = (b"/cdn-cgi/challenge-platform/", b"_cf_chl_opt", b"<title>Just a moment")
_PLAIN = re.compile(rb"\s*error code: 1[0-9]{3}\s*", re.IGNORECASE)
"""The whole body where a client does not ask for HTML."""

_TAG = re.compile(rb"<[^<>]*>")
_NUMBER = re.compile(rb'error(?:[ _]code)?["\s:]*(1[0-9]{3})\b', re.IGNORECASE)
_LOOKED_AT = 65_536


@dataclass(frozen=True, slots=True)
class Cloudflare:
    """An answer of Cloudflare. `error` is its number (1000 to 1999), None where it has none."""

    is_challenge: bool
    error: int | None

    def __str__(self) -> str:
        if self.error is not None:
            return f"error {self.error}"
        return "a challenge" if self.is_challenge else "a block"


def recognize(body: bytes, headers: Mapping[str, str] | None = None) -> Cloudflare | None:
    """Return what Cloudflare says in an answer; None for an answer that is not its own."""
    body = body[:_LOOKED_AT]
    is_challenge = (headers or {}).get("cf-mitigated", "").lower() == "challenge"
    is_page = False
    if is_web_page(body):
        is_challenge |= any(mark in body for mark in _CHALLENGES)
        is_page = b"cloudflare" in body.lower()
    is_problem = body.lstrip().startswith(b"{") and b'"cloudflare_error"' in body
    if not (is_challenge or is_page or is_problem or _PLAIN.fullmatch(body)):
        return None
    found = _NUMBER.search(b" ".join(_TAG.sub(b" ", body).split()))
    return Cloudflare(is_challenge, int(found[1]) if found else None)


def is_web_page(body: bytes) -> bool:
    """Return whether a body is HTML or XML, as far as its beginning shows."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
