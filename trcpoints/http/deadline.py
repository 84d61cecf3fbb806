"""A deadline and a size for a whole HTTP answer, which neither requests nor urllib3 can set.

Their read time-out starts anew with each byte that arrives, so a server that sends one byte a
second holds a client for days: in the headers, in a chunk's length, in a gzip stream that yields
nothing. Here every read from the socket gets what is left of the request's time, and no more;
and every byte counts, of a body or not.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Deadline:
    """When the request under way has to be over, on the monotonic clock."""

    def __init__(self) -> None:
        self._end = 0.0
        self._longest_read = 0.0

    def start(self, seconds: float, longest_read: float) -> None:
        """A request starts now, may last `seconds`, and be silent for `longest_read` seconds."""
        self._end = time.monotonic() + seconds
        self._longest_read = longest_read

    def for_next_read(self) -> float:
        """Seconds that a read may block; raises TimeoutError when the time is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        return min(left, self._longest_read)


class TooLarge(HTTPException):
    """An answer with more bytes than it may have."""


class DeadlineAdapter(HTTPAdapter):
    """Connections whose answers keep to a deadline, and have at most so many bytes each."""

    def __init__(self, deadline: Deadline, most_bytes: int) -> None:
        self._answer = _answer_class(deadline, most_bytes)
        super().__init__()

    # Any: the arguments are passed through as they come.
    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> ConnectionPool:
        """The pool of the request's host, direct or through a proxy, with our class of answers."""
        pool = super().get_connection_with_tls_context(request, *args, **kwargs)
        if isinstance(pool, HTTPConnectionPool) and "ConnectionCls" not in vars(pool):
            # The pool's own class stays the base: it may be one that goes through a proxy.
            kind = type(pool).ConnectionCls
            pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": self._answer})
        return pool


def _answer_class(deadline: Deadline, most_bytes: int) -> type[HTTPResponse]:
    class Answer(HTTPResponse):
        # Any: http.client and urllib3 pass arguments that are none of our business.
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            reader = _BoundedReader(self.fp.detach(), sock, deadline, most_bytes)
            self.fp = io.BufferedReader(reader)

    return Answer


class _BoundedReader(io.RawIOBase):
    def __init__(
        self, raw: io.RawIOBase, sock: socket.socket, deadline: Deadline, most_bytes: int
    ) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline
        self._most_bytes = most_bytes
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._sock.settimeout(self._deadline.for_next_read())
        # SocketIO has it, though the type of a raw stream does not say so.
        count: int | None = self._raw.readinto(buffer)
        self._bytes += count or 0
        if self._bytes > self._most_bytes:
            raise TooLarge(f"its answer is larger than {self._most_bytes} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
