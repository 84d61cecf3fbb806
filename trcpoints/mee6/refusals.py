"""What an answer that is not 200 means, and what helps against it (design, section 3)."""

from __future__ import annotations

from datetime import datetime

from trcpoints.config import DEFAULT_API_BASE, Mee6Settings
from trcpoints.errors import RateLimited, SourceRefused
from trcpoints.http.answers import Undecodable, error_message, loads, origin, target
from trcpoints.http.mishaps import Hiccup, parse_retry_after
from trcpoints.http.text import one_line
from trcpoints.http.transport import Answer
from trcpoints.mee6 import cloudflare, remedies
from trcpoints.mee6.sizes import DEFAULT_SIZE

_FRONT = "Cloudflare, which is in front of MEE6,"


def refusal(
    settings: Mee6Settings, guild_id: str, answer: Answer, now: datetime
) -> SourceRefused | Hiccup:
    """Return the error for an answer that is neither 200, nor 429, nor 5xx.

    A Hiccup where it asks for a pause. `now` is the aware wall clock, for HTTP dates only.
    """
    board = f"MEE6 leaderboard of guild {guild_id}"
    match answer.status:
        case 401 if settings.auth_token is not None:
            return SourceRefused(
                f"MEE6 does not accept MEE6_AUTH_TOKEN for the {board} (401).",
                hint=remedies.RENEW_ACCESS,
            )
        case 401:
            return SourceRefused(f"The {board} is not public (401).", hint=remedies.PUBLISH)
        case 403:
            return _forbidden(board, answer, now)
        case 404 if _own_error(answer.body):
            return SourceRefused(
                f"MEE6 knows no guild {guild_id} (404).", hint=remedies.CHECK_GUILD
            )
        case 404:
            return _wrong_address(settings, answer)
        case status if 300 <= status < 400:
            return SourceRefused(
                f"{origin(answer.url)} sends requests for the {board} elsewhere ({status}, "
                f"{target(answer)}), and redirects are not followed.",
                hint=remedies.CHECK_BASE,
                quoted=f", {target(answer)}",
            )
        case status:
            return SourceRefused(
                f"MEE6 answered {status} for the {board}{_words(answer)}.",
                hint=_smaller_pages(settings) if status in {400, 422} else remedies.CHECK_BASE,
                quoted=_words(answer),
            )


def _forbidden(board: str, answer: Answer, now: datetime) -> SourceRefused | Hiccup:
    seen = cloudflare.recognize(answer.body, answer.headers)
    if seen is None:
        return SourceRefused(
            f"MEE6 refuses to show the {board} to this program (403){_words(answer)}.",
            hint=remedies.CHECK_AGENT,
            quoted=_words(answer),
        )
    if seen.error == cloudflare.RATE_LIMITED:
        pause = parse_retry_after(answer.headers.get("Retry-After"), now)
        why = (
            f"{_FRONT} has banned this network address for a time: too many requests (403, {seen})"
        )
        lasting = RateLimited(f"{why}.", retry_after=pause, hint=remedies.WAIT)
        return Hiccup(why, limited=True, retry_after=pause, lasting=lasting)
    does = (
        f"asks this program to prove that it is a browser, instead of showing the {board}"
        if seen.is_challenge
        else f"blocks requests of this program for the {board}"
    )
    return SourceRefused(f"{_FRONT} {does} (403, {seen}).", hint=remedies.OTHER_NETWORK)


def _wrong_address(settings: Mee6Settings, answer: Answer) -> SourceRefused:
    is_page = cloudflare.is_web_page(answer.body)
    instead = "a web page" if is_page else "no error of MEE6's"
    if settings.api_base == DEFAULT_API_BASE:
        hint = "MEE6 may have moved: look for a newer trcpoints. Until then read a saved answer: "
        hint += "trcpoints sync --from FILE"
    else:
        hint = f"Check MEE6_API_BASE. MEE6 itself is at {DEFAULT_API_BASE}, which is the default."
    return SourceRefused(
        f"The address is wrong, not the guild: {origin(answer.url)} has no leaderboards where "
        f"this program asks (404, with {instead}).",
        hint=hint,
    )


def _smaller_pages(settings: Mee6Settings) -> str:
    if settings.page_size <= DEFAULT_SIZE:
        return remedies.CHECK_BASE
    return (
        f"If {settings.page_size} players a page are too many for MEE6: set "
        f"MEE6_PAGE_SIZE={DEFAULT_SIZE}. Else check MEE6_API_BASE, or read a saved answer: "
        "trcpoints sync --from FILE"
    )


def _own_error(body: bytes) -> bool:
    try:
        value = loads(body)
    except Undecodable:
        return False
    return isinstance(value, dict) and "error" in value


def _words(answer: Answer) -> str:
    """Return the answer's own words with a colon before them; empty where it has none."""
    if cloudflare.is_web_page(answer.body):
        return ""
    try:
        message = error_message(loads(answer.body))
    except Undecodable:
        message = ""
    message = message or one_line(answer.body.decode("utf-8", "replace"))
    return f": {message}" if message else ""
