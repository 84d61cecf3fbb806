"""The screens of federations on terminals of any width (design, section 4)."""

from __future__ import annotations

import re

import pytest

from tests.support import queue
from tests.support.cli import Cli
from tests.support.screen import on_a_screen

CLUB = "st-judes-of-the-mountain"
PLACE = f"club/{CLUB}"
WIDTHS = (80, 100, 200)
IDS = ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440001")
MAIL, MAIL_BY_HAND = "augusta.ada.king@mountain.example.org", "augusta.byron@mountain.example.org"


@pytest.fixture
def club(sqlite_cli: Cli) -> Cli:
    """An organization with long names of everything; a record of it is rejected."""
    queue.configure(sqlite_cli, [CLUB])
    write(sqlite_cli, "ada.lovelace@mountain.example.org")
    return sqlite_cli


def write(cli: Cli, mail: str) -> None:
    rows = [f"{IDS[0]},Ada,{mail}", f"{IDS[1]},Bob,bob@mountain.example.org", "gus,gus,no e-mail"]
    (cli.folder / f"{CLUB}.csv").write_text("\n".join(["id,first,email", *rows, ""]))


def shown(cli: Cli, width: int, *arguments: str) -> tuple[list[str], list[str]]:
    """The lines on a screen, none of which is too long, and the words in them."""
    lines = on_a_screen(cli, width, "federation", *arguments)
    assert all(len(line) <= width for line in lines)
    return lines, [word for line in lines for word in line.split()]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_sync(club: Cli, width: int) -> None:
    lines, words = shown(club, width, "sync")
    (run,) = queue.runs(club)
    assert {PLACE, run.id, "completed", "rejected", "history", "show"} <= set(words)
    # Each number is by what it counts: in words beside it, or in the heading above.
    if width == 200:
        assert re.search(rf"^{PLACE} +completed +2 +0 +0 +1 +0 +0 +\d+\.\d +{run.id}", lines[1])
    else:
        assert re.search(rf"^{PLACE} +completed +\d+\.\d +2 created, 1 rejected", lines[1])
        assert lines[2].split() == [run.id]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_conflicts(club: Cli, width: int) -> None:
    club.ok("federation", "sync")
    club.ok("members", "set", "1", "--email", MAIL_BY_HAND)
    write(club, MAIL)
    club.ok("federation", "sync")
    _, words = shown(club, width, "conflicts", "list")
    assert {"1", "email", "conflict", "member", MAIL_BY_HAND} <= set(words)
    assert words.count(MAIL) == 2  # theirs, and resolved


@pytest.mark.parametrize("width", WIDTHS)
def test_a_check(club: Cli, width: int) -> None:
    _, words = shown(club, width, "check")
    expected = {*IDS, "ada.lovelace@mountain.example.org", "bob@mountain.example.org"}
    assert {*expected, "first_name", "email"} <= set(words)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_queue(club: Cli, width: int) -> None:
    club.ok("federation", "sync")
    (club.folder / f"{CLUB}.csv").unlink()
    assert club("federation", "sync").code == 69
    _, words = shown(club, width, "queue")
    assert [word.rstrip(":") for word in words].count(PLACE) == 2
    joined = " ".join(words)
    assert f"{CLUB}.csv cannot be read" in joined
    (pending,) = [job for job in queue.jobs(club) if job.status == "pending"]
    assert f"{pending.next_retry_at:%Y-%m-%d %H:%M}" in joined
