"""A server that takes what the real Sentry SDK sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.http_sink import HttpSink, Received

KEY = "9f3c1a7e5b2d4860a1b2c3d4e5f60718"


class SentryServer(HttpSink):
    """Takes envelopes; a context manager."""

    @property
    def dsn(self) -> str:
        """What SENTRY_DSN should be."""
        return sentry_dsn(self.port)

    @property
    def check_ins(self) -> list[dict[str, Any]]:
        """The check-ins, in order."""
        return self._items("check_in")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The errors and messages, in order."""
        return self._items("event")

    def _items(self, kind: str) -> list[dict[str, Any]]:
        items = [item for request in self.received for item in _items_of(request)]
        return [payload for item_kind, payload in items if item_kind == kind]


def sentry_dsn(port: int) -> str:
    """The DSN of a project at this port of 127.0.0.1."""
    return f"http://{KEY}@127.0.0.1:{port}/42"


def _items_of(request: Received) -> Iterator[tuple[str, dict[str, Any]]]:
    assert request.path == "/api/42/envelope/"
    _, *lines = request.body.split(b"\n")
    for header, payload in zip(lines[::2], lines[1::2], strict=False):
        yield json.loads(header)["type"], json.loads(payload)
