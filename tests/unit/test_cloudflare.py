"""Whose answer a refusal is: Cloudflare's, or that of MEE6 behind it."""

from __future__ import annotations

import pytest

from trcpoints.demo.cloudflare import BLOCK_PAGE, CHALLENGE_PAGE, page
from trcpoints.mee6.cloudflare import recognize

RAY = {"server": "cloudflare", "cf-ray": "8f1e2d3c4b5a6978-DUB"}
ATTENTION = page(
    "Attention Required! | Cloudflare",
    "<h1 data-translate='block_headline'>Sorry, you have been blocked</h1>"
    "<h2>You are unable to access mee6.xyz</h2>",
)
RATE_LIMITED = page(
    "Access denied | mee6.xyz used Cloudflare to restrict access",
    "<h1 class='inline-block'><span class='text-60'>Error</span>\n"
    "<span class='text-60'>1015</span></h1><h2>You are being rate limited</h2>",
)
PROBLEM = b'{"type":"https://developers.cloudflare.com/","title":"Error 1015: You are being rate \
limited","status":429,"error_code":1015,"cloudflare_error":true,"retryable":true}'


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (CHALLENGE_PAGE, {}, "a challenge"),
        (b"", {"cf-mitigated": "challenge"}, "a challenge"),
        (BLOCK_PAGE, RAY, "error 1020"),
        (ATTENTION, RAY, "a block"),
        (RATE_LIMITED, RAY, "error 1015"),
        (b"\xef\xbb\xbf \n" + RATE_LIMITED, {}, "error 1015"),
        (b"error code: 1015", RAY, "error 1015"),
        (b"error code: 1010\n", {}, "error 1010"),
        (PROBLEM, RAY, "error 1015"),
    ],
)
def test_answers_of_cloudflare(body: bytes, headers: dict[str, str], says: str) -> None:
    seen = recognize(body, headers)
    assert seen is not None
    assert str(seen) == says


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"error": {"message": "Forbidden"}, "status_code": 403}',
        b'{"error": {"message": "error code: 1015, says Cloudflare"}, "status_code": 403}',
        b"<html><head><title>403 Forbidden</title></head><body>nginx</body></html>",
        b"the error code: 1015 is Cloudflare's",
        b'{"players": [{"username": "<title>Just a moment"}]}',
        b'{"players": [{"username": "error code: 1015"}]}',
    ],
)
def test_answers_of_others(body: bytes) -> None:
    """Each of them bears Cloudflare's headers, as everything from MEE6 does."""
    assert recognize(body, RAY) is None
