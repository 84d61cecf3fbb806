"""What Cloudflare, which is in front of MEE6, answers in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trcpoints.demo.faults import Fault
from trcpoints.demo.misbehaviour import How, Reply, number_in


def page(title: str, body: str) -> bytes:
    """A page of Cloudflare's, in so far as programs can tell one."""
    return (
        f"<!DOCTYPE html>\n<html lang='en-US'><head><title>{title}</title>"
        "<meta name='robots' content='noindex,nofollow'/></head>"
        f"<body>{body}<div id='cf-footer'>Cloudflare Ray ID: <strong>8f1e2d3c4b5a6978</strong>"
        "<p>Performance &amp; security by Cloudflare</p></div></body></html>\n"
    ).encode()


CHALLENGE_PAGE = page(
    "Just a moment...",
    "<noscript>Enable JavaScript and cookies to continue</noscript><script>"
    "window._cf_chl_opt={cType:'managed'};"
    "a.src='/cdn-cgi/challenge-platform/h/g/orchestrate/chl_page/v1';</script>",
)
BLOCK_PAGE = page(
    "Access denied | mee6.xyz used Cloudflare to restrict access",
    "<h1><span data-translate='error'>Error</span> <span>1020</span></h1><h2>Access denied</h2>",
)


def _forbidden(body: bytes, content_type: str = "text/html", **headers: str) -> Reply:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    common = {"Server": "cloudflare", "CF-RAY": "8f1e2d3c4b5a6978-DUB"}
    return Reply(403, body, {**common, **headers}, content_type=content_type)


def _banned(how: How) -> Reply:
    # Whoever does not ask for HTML gets this line, and mostly no word of how long.
    said = {"Retry_After": f"{number_in(how, 'seconds', 0):g}"} if "seconds" in how else {}
    return _forbidden(b"error code: 1015", "text/plain", **said)


CLOUDFLARE: Mapping[Fault, Callable[[How], Reply]] = {
    Fault.CHALLENGE: lambda _: _forbidden(CHALLENGE_PAGE, cf_mitigated="challenge"),
    Fault.BLOCKED: lambda _: _forbidden(BLOCK_PAGE),
    Fault.BANNED: _banned,
}
"""Faults that answer without a look at the board."""
