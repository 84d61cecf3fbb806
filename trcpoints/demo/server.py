"""A simulated MEE6: the real API of the design's section 3, and all its bad days.

`python -m trcpoints.demo.server --help` runs it alone.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import msgspec

from trcpoints.demo.cloudflare import CLOUDFLARE
from trcpoints.demo.faults import Fault, Faults
from trcpoints.demo.limits import LIMITS, page_of
from trcpoints.demo.misbehaviour import (
    AFTERWARDS,
    BODIES,
    ENVELOPES,
    LINES,
    REPLIES,
    Line,
    Reply,
    error_reply,
)
from trcpoints.demo.web import Site
from trcpoints.demo.world import World

PATH = "/api/plugins/levels/leaderboard"
GUILD_ID = "993536706509885777"
_REFUSED_AGENTS = ("python-requests/", "python-urllib", "python-httpx/", "go-http-client/")
_DEFAULT_LIMIT = 100
_HIGHEST_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; header names are lower-case, `at` is the monotonic clock in seconds."""

    path: str
    page: int
    limit: int
    headers: Mapping[str, str]
    at: float


class SimulatedMee6(Site):
    """The server, on the loopback interface; a context manager that serves from its own thread.

    `world` is the board, `requests` all requests so far; `private_token` is what `Authorization`
    must be for a leaderboard that is not public, None for one that is. Port 0 takes a free one.
    """

    def __init__(self, guild_id: str = GUILD_ID, *, port: int = 0) -> None:
        self.guild_id = guild_id
        self.world = World(guild_id)
        self.requests: list[Request] = []
        self.faults = Faults[Fault]()
        self.private_token: str | None = None
        self._pages = _Pages(self.world)
        super().__init__(port)

    @property
    def api_base(self) -> str:
        """What MEE6_API_BASE should be."""
        return f"{self.origin}{PATH}"

    def misbehave(
        self, fault: Fault, times: int | None = None, page: int | None = None, **how: object
    ) -> None:
        """Answer the next `times` requests (None: all) of `page` (None: any) wrongly."""
        self.faults.add(fault, times, page, how)

    def behave(self) -> None:
        """Forget all faults."""
        self.faults.clear()

    def answer(self, path: str, headers: Mapping[str, str], line: Line) -> None:
        """Answer any request."""
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        try:
            page = int(query.get("page", ["0"])[0])
            limit = min(int(query.get("limit", [str(_DEFAULT_LIMIT)])[0]), _HIGHEST_LIMIT)
        except ValueError:
            page = limit = -1
        request = Request(path, page, limit, headers, time.monotonic())
        self.requests.append(request)
        agent = headers.get("user-agent", "").lower()
        if not agent or agent.startswith(_REFUSED_AGENTS):
            line.send_reply(error_reply(403, "Forbidden"))
        elif parts.path.removeprefix(f"{PATH}/") != self.guild_id:
            line.send_reply(error_reply(404, "Not Found"))
        elif page < 0 or limit < 1:
            line.send_reply(error_reply(400, "Bad Request"))
        elif self.private_token not in (None, headers.get("authorization")):
            line.send_reply(error_reply(401, "Unauthorized"))
        else:
            self._reply(request, line)

    def _reply(self, request: Request, line: Line) -> None:
        order = self.faults.take(request.page)
        if order is None:
            line.send_reply(self._pages.reply(request))
            return
        fault, how = order
        reply = self._spoiled(fault, how, request)
        if fault in AFTERWARDS:
            AFTERWARDS[fault](self.world, request.page, request.limit, how)
        if fault in LINES:
            line.close_connection = True
            LINES[fault](line, reply, how)
        else:
            line.send_reply(reply)

    def _spoiled(self, fault: Fault, how: Mapping[str, object], request: Request) -> Reply:
        if fault in REPLIES:
            return REPLIES[fault](how)
        if fault in CLOUDFLARE:
            return CLOUDFLARE[fault](how)
        refused = LIMITS[fault](request.limit, how) if fault in LIMITS else None
        if refused is not None:
            return refused
        page = 0 if fault is Fault.IGNORES_PAGE else request.page
        envelope = page_of(self.world, page, request.limit, fault, how)
        if fault is Fault.DUPLICATE and page > 0 and envelope.players:
            before = self.world.ranking(page * request.limit - 1, 1)
            envelope.players[0] = before[0].as_json(self.guild_id)
        if fault in ENVELOPES:
            ENVELOPES[fault](envelope, how)
        body = json.dumps(envelope.as_json()).encode()
        return BODIES[fault](body) if fault in BODIES else Reply(200, body)


class _Pages:
    """Rendered pages, kept until the world changes: rendering a million players takes its time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._version = -1
        self._replies: dict[tuple[int, int, bool], Reply] = {}

    def reply(self, request: Request) -> Reply:
        packed = "gzip" in request.headers.get("accept-encoding", "")
        key = (request.page, request.limit, packed)
        with self._lock:
            if self._version != self._world.version:
                self._replies.clear()
                self._version = self._world.version
            if key not in self._replies:
                self._replies[key] = self._render(*key)
            return self._replies[key]

    def _render(self, page: int, limit: int, packed: bool) -> Reply:
        envelope = self._world.page(page, limit).as_json()
        try:
            body = msgspec.json.encode(envelope)
        except UnicodeEncodeError:
            # Half a surrogate pair in a name, which JSON can say and UTF-8 cannot.
            body = json.dumps(envelope).encode()
        if not packed:
            return Reply(200, body)
        return Reply(200, gzip.compress(body, 1, mtime=0), {"Content-Encoding": "gzip"})


if __name__ == "__main__":
    from trcpoints.demo.alone import main

    sys.exit(main())
