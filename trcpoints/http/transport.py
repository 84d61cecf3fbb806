"""Polite HTTP GET: paced, bounded in every direction, repeated after a hiccup.

Knows nothing of MEE6: what an answer means is for the caller to say.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import backoff
import requests
import urllib3

from trcpoints.errors import RateLimited, SourceUnavailable, TrcpointsError
from trcpoints.http.addresses import is_this_machine
from trcpoints.http.deadline import Deadline, DeadlineAdapter
from trcpoints.http.mishaps import Hiccup, parse_retry_after, quoted, reason
from trcpoints.http.straight import StraightSession
from trcpoints.http.text import one_line, without

T = TypeVar("T")

_CHUNK = 65_536
_NEVER_RIGHT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
# What the libraries let through of an answer that is not HTTP belongs to it.
_BROKEN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ValueError,
    OverflowError,
)
_AROUND_A_BODY = 1024 * 1024
"""Bytes that the headers of an answer, and the frames of its chunks, may have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient and how greedy a transport is. Times are seconds, sizes bytes (section 3)."""

    interval: float = 2.0
    """Between the starts of two requests, at least."""
    retry_base: float = 5.0
    """The wait after a first hiccup, doubled after each further one; 0 for no waits."""
    longest_wait: float = 60.0
    retries: int = 3
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    request_time: float = 60.0
    """For one request, from its start to the last byte of its answer."""
    budget: float = 14 * 60.0
    """For all requests and waits together."""
    body_cap: int = 8 * 1024 * 1024
    """For one body, decompressed; 1000 players take a quarter of a megabyte."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. The body of one that is not 200 may be cut or missing."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """One server's connection for the length of a job; a context manager.

    `source` names the server in messages, `hint` is the way on when it cannot be read, `now`
    gives the wall clock (aware) that HTTP dates are measured by. `authorization` is sent as it
    is and never shown. `accept` is the kind of answer that is asked for. Proxies are taken from the
    environment, credentials from nowhere else.
    """

    def __init__(
        self,
        source: str,
        limits: Limits,
        *,
        user_agent: str,
        authorization: str | None,
        now: Callable[[], datetime],
        log: logging.Logger,
        hint: str,
        accept: str = "application/json",
    ) -> None:
        self.requests = 0
        self.retries = 0
        self._source = source
        self._limits = limits
        self._authorization = authorization
        self._now = now
        self._log = log
        self._hint = hint
        self._deadline = Deadline()
        self._next_start = float("-inf")
        self._budget_end = time.monotonic() + limits.budget
        self._session = StraightSession()
        # Made once, and sent to one address after the other: to make it takes requests as long as
        # to send it. This one is never asked. Made by the session, it would look into ~/.netrc.
        self._request = requests.PreparedRequest()
        self._request.prepare(
            "GET", "http://localhost", _headers(user_agent, accept, authorization)
        )
        adapter = DeadlineAdapter(self._deadline, limits.body_cap + _AROUND_A_BODY)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # It warns of answers in their own words, which may be anything.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()
        if isinstance(fault, TrcpointsError):
            fault.requests, fault.retries = self.requests, self.retries

    def get(self, url: str, read: Callable[[Answer], T], *, into: IO[bytes] | None = None) -> T:
        """GET `url`; what `read` makes of the answer, which is never a 429 or 5xx.

        `into` is a file that takes the body of a 200, alone in it, in place of the answer.
        `read` may raise Hiccup to have the request repeated, or anything else for good. Raises
        RateLimited, and SourceUnavailable for a server that did not answer well in all tries.
        """
        try:
            return self._patiently(url, read, into)
        except TrcpointsError as fault:
            # Whatever a server said, it may have said what we sent.
            fault.message = without(self._authorization, fault.message)
            fault.args = (fault.message,)
            raise

    def _patiently(self, url: str, read: Callable[[Answer], T], into: IO[bytes] | None) -> T:
        def attempt() -> T:
            return self._attempt(url, read, into)

        try:
            return backoff.on_exception(
                self._waits,
                Hiccup,
                max_tries=self._limits.retries + 1,
                jitter=None,
                giveup=self._is_hopeless,
                logger=None,
            )(attempt)()
        except Hiccup as hiccup:
            raise hiccup.lasting or self._failure(hiccup) from hiccup

    def _attempt(self, url: str, read: Callable[[Answer], T], into: IO[bytes] | None) -> T:
        self._pace()
        self.requests += 1
        try:
            answer = self._ask(url, into)
        except _NEVER_RIGHT as fault:
            raise SourceUnavailable(
                f"{self._source} cannot be asked at {one_line(url)}: {reason(fault)}",
                hint="Check the address, and HTTP_PROXY and HTTPS_PROXY if they are set.",
                quoted=quoted(fault),
            ) from fault
        except _BROKEN as fault:
            raise Hiccup(reason(fault), quoted=quoted(fault)) from fault
        self._tell(logging.DEBUG, f"GET {url}: {answer.status}, {len(answer.body)} bytes")
        if answer.status == 429:
            pause = parse_retry_after(answer.headers.get("Retry-After"), self._now())
            raise Hiccup("it answered 429 (too many requests)", limited=True, retry_after=pause)
        if answer.status >= 500:
            raise Hiccup(f"it answered {answer.status}")
        return read(answer)

    def _pace(self) -> None:
        wait = max(self._next_start - time.monotonic(), 0.0)
        if not self._fits(wait):
            raise self._out_of_time()
        if wait:
            time.sleep(wait)
        self._next_start = time.monotonic() + self._limits.interval

    def _ask(self, url: str, into: IO[bytes] | None) -> Answer:
        limits = self._limits
        left = max(self._budget_end - time.monotonic(), 0.001)
        self._deadline.start(min(limits.request_time, left), limits.read_timeout)
        # No proxy reaches what is on this machine, as the demo's MEE6 is.
        self._session.trust_env = not is_this_machine(url)
        with self._session.send(
            self._addressed(url),
            allow_redirects=False,
            timeout=(min(limits.connect_timeout, left), min(limits.read_timeout, left)),
            **self._session.merge_environment_settings(url, {}, True, None, None),
        ) as response:
            body = self._body(response, into)
            return Answer(url, response.status_code, response.headers, body)

    def _addressed(self, url: str) -> requests.PreparedRequest:
        """The request to an address, with the cookies that answers have set so far."""
        request = self._request.copy()
        request.prepare_url(url, None)
        if self._session.cookies:
            request.prepare_cookies(self._session.cookies)
        return request

    def _body(self, response: requests.Response, into: IO[bytes] | None) -> bytes:
        chunks: Iterator[bytes] = response.iter_content(_CHUNK)
        if response.status_code != 200:
            # Such a body has a sentence to tell at best; the status counts even where it breaks.
            with contextlib.suppress(*_BROKEN):
                return next(chunks, b"")
            return b""
        if into is None:
            body = io.BytesIO()
            self._take(chunks, body)
            return body.getvalue()
        # What another try left of it.
        into.seek(0)
        into.truncate()
        self._take(chunks, into)
        return b""

    def _take(self, chunks: Iterator[bytes], file: IO[bytes]) -> None:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self._limits.body_cap:
                raise Hiccup(f"its answer is larger than {self._limits.body_cap} bytes")
            file.write(chunk)

    # Any: it is sent the Hiccup, but the type of backoff's generators does not say so.
    def _waits(self) -> Generator[float, Any, None]:
        """Half of each wait is fixed and half is chance; a pause that was asked for is kept."""
        growing = backoff.expo(factor=self._limits.retry_base, max_value=self._limits.longest_wait)
        next(growing)
        hiccup: Hiccup = yield 0.0
        for half in (seconds / 2 for seconds in growing):
            asked = hiccup.retry_after
            wait = half + backoff.full_jitter(half) if asked is None else asked
            self._before_wait(hiccup, wait)
            hiccup = yield wait

    def _is_hopeless(self, fault: Exception) -> bool:
        if not isinstance(fault, Hiccup) or not fault.limited:
            return False
        return fault.retry_after is None or fault.retry_after > self._limits.longest_wait

    def _before_wait(self, hiccup: Hiccup, wait: float) -> None:
        if not self._fits(wait):
            if hiccup.limited:
                raise hiccup.lasting or self._failure(hiccup)
            raise self._out_of_time()
        self.retries += 1
        self._tell(logging.INFO, f"{self._source}: {hiccup.why}; trying again in {wait:.1f} s")

    def _tell(self, level: int, message: str) -> None:
        self._log.log(level, "%s", without(self._authorization, message))

    def _fits(self, wait: float) -> bool:
        return time.monotonic() + wait < self._budget_end

    def _out_of_time(self) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._source} could not be read within {self._limits.budget / 60:g} minutes "
            f"({self._asked()}).",
            hint=self._hint,
        )

    def _asked(self) -> str:
        requests = "1 request" if self.requests == 1 else f"{self.requests} requests"
        return f"{requests}, {self.retries} of them repeated" if self.retries else requests

    def _failure(self, hiccup: Hiccup) -> SourceUnavailable:
        if not hiccup.limited:
            return SourceUnavailable(
                f"{self._source} could not be read: {hiccup.why} ({self._asked()}).",
                hint=self._hint,
            )
        asked = hiccup.retry_after
        pause = "without saying for how long" if asked is None else f"of {asked:.0f} seconds"
        return RateLimited(
            f"{self._source} asks for a pause {pause} (429, too many requests).",
            retry_after=asked,
            hint=self._hint,
        )


def _headers(user_agent: str, accept: str, authorization: str | None) -> dict[str, str]:
    headers = {
        "User-Agent": user_agent,
        "Accept": accept,
        "Accept-Encoding": "gzip",
        "Connection": "keep-alive",
    }
    return headers if authorization is None else {**headers, "Authorization": authorization}
