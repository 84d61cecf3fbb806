"""The short form of the soak."""

from __future__ import annotations

import pytest

from tests.conftest import ENGINES
from tests.soak.soak import soak

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("engine", ENGINES)
def test_the_books_are_right_whatever_happens(engine: str) -> None:
    lived = soak(engine, seconds=40, seed=4)
    assert lived.faults == []
    # Trouble there was: of every kind that ends a sync.
    assert {"sync 0", "sync 69", "sync 75", "sync 143", "sync -9"} <= set(lived.seen)
