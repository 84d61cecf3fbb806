"""Which addresses are of this machine: no proxy is asked for them, and nobody else listens."""

from __future__ import annotations

import pytest

from trcpoints.http.addresses import is_this_machine


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8099/x", True),
        ("http://127.0.0.1/x", True),
        ("http://127.8.9.10", True),
        ("HTTP://LocalHost?x", True),
        ("http://[::1]/x", True),
        ("http://localhost.example.org/x", False),
        ("http://127.0.0.1.example.org/x", False),
        ("http://localhost@example.org/x", False),
        ("http://10.0.0.1:127/x", False),
        ("http://example.org/127.0.0.1", False),
        ("http://[::1", False),
    ],
)
def test_only_the_host_counts(url: str, own: bool) -> None:
    assert is_this_machine(url) == own
