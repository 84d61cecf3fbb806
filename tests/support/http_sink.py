"""Servers on the loopback interface that take whatever comes, or nothing at all."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came; header names are lower-case, the body is unpacked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def everything(self) -> bytes:
        """All that was told: the line, the headers and the body."""
        head = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        return f"{self.method} {self.path}\n{head}\n".encode() + self.body

    @property
    def json(self) -> dict[str, Any]:
        """The body of a request that carries one JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


MOST = 64 * 1024 * 1024


class HttpSink:
    """Keeps every request, and answers each with `status` and `body`; a context manager.

    `location` is where it sends whoever asks; with `endless` a body goes on until nobody reads it,
    or `MOST` bytes of it are taken; `answered` are the bytes of bodies that were.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 200
        self.body = b"{}"
        self.location: str | None = None
        self.endless = False
        self.answered = 0
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [request.path for request in self.received]

    @property
    def everything(self) -> bytes:
        """All bytes that it was told."""
        return b"\n".join(request.everything for request in self.received)

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
        self._server.server_close()
        self._thread.join()


@contextmanager
def silent_port() -> Iterator[int]:
    """A port of 127.0.0.1 that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port of 127.0.0.1 where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sink: HttpSink) -> None:
        self.sink = sink
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.sink.received.append(Received(self.command, self.path, headers, body))
        sink = self.server.sink
        self.send_response(sink.status)
        self.send_header("Content-Type", "application/json")
        if sink.location is not None:
            self.send_header("Location", sink.location)
        if sink.endless:
            self._go_on()
            return
        self.send_header("Content-Length", str(len(sink.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(sink.body)

    def _go_on(self) -> None:
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while self.server.sink.answered < MOST:
                self.server.sink.answered += self.wfile.write(b" " * 65_536)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at what was received."""
