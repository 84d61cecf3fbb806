"""What README shows is what the program shows: `python -m tests.pictures` makes it anew."""

from __future__ import annotations

import re

import pytest

from tests.pictures.__main__ import PAGE, README, with_status
from tests.pictures.community import open_community


@pytest.mark.slow
def test_the_status_screen_of_readme() -> None:
    with open_community() as cli:
        status = cli("status")
    assert status.code == 0
    text = README.read_text()
    assert _without_size(with_status(text, status.out)) == _without_size(text)


def test_the_picture_of_the_page_is_shown() -> None:
    assert f"]({PAGE.relative_to(README.parent)})" in README.read_text()
    assert PAGE.read_bytes().startswith(b"\x89PNG")


def _without_size(text: str) -> str:
    """Without that of the database, which is not the same with every SQLite."""
    return re.sub(r"\d+\.\d MB$", "", text, flags=re.MULTILINE)
