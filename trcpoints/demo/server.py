"""A simulated MEE6: the real API of the design's section 3, and all its bad days.

`python -m trcpoints.demo.server --help` runs it alone.
"""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from trcpoints.demo.faults import Fault, Faults
from trcpoints.demo.misbehaviour import (
    AFTERWARDS,
    BODIES,
    ENVELOPES,
    LINES,
    REPLIES,
    Reply,
    error_reply,
)
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


class SimulatedMee6:
    """The server, on the loopback interface; a context manager that serves from its own thread.

    `world` is the board, `requests` all requests so far; `private_token` is what `Authorization`
    must be for a leaderboard that is not public, None for one that is. Port 0 takes a free one.
    """

    def __init__(self, guild_id: str = GUILD_ID, *, port: int = 0) -> None:
        self.guild_id = guild_id
        self.world = World(guild_id)
        self.requests: list[Request] = []
        self.faults = Faults()
        self.private_token: str | None = None
        self._pages = _Pages(self.world)
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._server.accepted

    @property
    def api_base(self) -> str:
        """What MEE6_API_BASE should be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def misbehave(
        self, fault: Fault, times: int | None = None, page: int | None = None, **how: object
    ) -> None:
        """Answer the next `times` requests (None: all) of `page` (None: any) wrongly."""
        self.faults.add(fault, times, page, how)

    def behave(self) -> None:
        """Forget all faults."""
        self.faults.clear()

    def reply(self, request: Request, line: _Handler) -> None:
        """Answer one request for this guild."""
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
        page = 0 if fault is Fault.IGNORES_PAGE else request.page
        envelope = self.world.page(page, request.limit)
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


class _Server(ThreadingHTTPServer):
    # Threads are waited for, which is quick once their connections are gone.
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], mee6: SimulatedMee6) -> None:
        super().__init__(address, _Handler)
        self.mee6 = mee6
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._lines: set[socket.socket] = set()
        self.accepted = 0

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        line, address = super().get_request()
        with self._lock:
            self._lines.add(line)
            self.accepted += 1
        return line, address

    def forget(self, line: socket.socket) -> None:
        """The connection is about to be closed."""
        with self._lock:
            self._lines.discard(line)

    def hang_up(self) -> None:
        """End every connection, whatever it is waiting for."""
        self.stopping.set()
        with self._lock:
            for line in self._lines:
                try:
                    line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the other side was faster

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        # A client that goes away in mid-answer is what many tests are about.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        guild_id = parts.path.removeprefix(f"{PATH}/")
        query = parse_qs(parts.query)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            page = int(query.get("page", ["0"])[0])
            limit = min(int(query.get("limit", [str(_DEFAULT_LIMIT)])[0]), _HIGHEST_LIMIT)
        except ValueError:
            page = limit = -1
        request = Request(self.path, page, limit, headers, time.monotonic())
        self.server.mee6.requests.append(request)
        agent = headers.get("user-agent", "").lower()
        mee6 = self.server.mee6
        if not agent or agent.startswith(_REFUSED_AGENTS):
            self.send_reply(error_reply(403, "Forbidden"))
        elif guild_id != mee6.guild_id:
            self.send_reply(error_reply(404, "Not Found"))
        elif page < 0 or limit < 1:
            self.send_reply(error_reply(400, "Bad Request"))
        elif mee6.private_token not in (None, headers.get("authorization")):
            self.send_reply(error_reply(401, "Unauthorized"))
        else:
            mee6.reply(request, self)

    def send_reply(self, reply: Reply) -> None:
        """Send an answer in one piece."""
        if reply.cut:
            self.close_connection = True
        head = [
            f"HTTP/1.1 {reply.status} {_phrase(reply.status)}",
            f"Content-Type: {reply.content_type}",
            f"Content-Length: {len(reply.body)}",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
        ]
        data = "\r\n".join([*head, "", ""]).encode("latin-1") + reply.body
        self.wfile.write(data[: len(data) - reply.cut])

    def finish(self) -> None:
        self.server.forget(self.connection)
        super().finish()

    def pause(self, seconds: float) -> bool:
        """Wait, but not longer than the server lives; True when it is being stopped."""
        return self.server.stopping.wait(seconds)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: `requests` is the log."""


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"


if __name__ == "__main__":
    from trcpoints.demo.alone import main

    sys.exit(main())
