"""What the simulated servers have in common: a small web server on the loopback interface."""

from __future__ import annotations

import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from trcpoints.demo.misbehaviour import Line, Reply


class Site(ABC):
    """A server; a context manager that serves from its own thread. Port 0 takes a free one.

    A subclass says what it answers.
    """

    def __init__(self, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._server.accepted

    @property
    def origin(self) -> str:
        """Where it is, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @abstractmethod
    def answer(self, path: str, headers: Mapping[str, str], line: Line) -> None:
        """Answer one GET; header names are lower-case, `path` has the query."""

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


class _Server(ThreadingHTTPServer):
    # Threads are waited for, which is quick once their connections are gone.
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], site: Site) -> None:
        super().__init__(address, _Handler)
        self.site = site
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
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.site.answer(self.path, headers, self)

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
