"""`trcpoints federation unlink`: a member who was taken for somebody else (design, section 8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import queue
from tests.support.cli import Cli

pytestmark = pytest.mark.slow_on_postgresql

JUDES, FIANNA = "st-judes", "na-fianna"
THERE = ("--connector", "club", "--organization", JUDES)


@pytest.fixture
def club(cli: Cli) -> Cli:
    """Ann to Eve, members 1 to 5, who are records of the same names; Ann has two."""
    queue.configure(cli, [JUDES, FIANNA])
    queue.export(cli, JUDES)
    (cli.folder / f"{FIANNA}.csv").write_text("id,first,email\nF1,ann,ann@st-judes.example.org\n")
    cli.ok("federation", "sync")
    return cli


def links(cli: Cli, member: str) -> list[tuple[str, str]]:
    shown = cli.ok("members", "show", member)["links"]
    return [(link["organization"], link["external_id"]) for link in shown]


def test_a_wrong_match_is_undone_and_the_record_matched_anew(club: Cli) -> None:
    assert links(club, "1") == [(FIANNA, "F1"), (JUDES, "ann")]
    # Ann's address is what she was found by: mended, her record is somebody else.
    club.ok("members", "set", "1", "--email", "other@example.org")
    document = club.ok("federation", "unlink", "other@example.org", *THERE)
    assert document == {
        "schema": "trcpoints.federation.unlink/1",
        "member_id": "1",
        "name": "ann",
        "connector": "club",
        "organization": JUDES,
        "external_id": "ann",
    }
    # Nothing else of her is touched, and nobody else.
    assert links(club, "1") == [(FIANNA, "F1")]
    assert links(club, "2") == [(JUDES, "bob")]
    assert club.ok("members", "show", "1")["member"]["email"] == "other@example.org"
    (there, _) = club.ok("federation", "sync", "--organization", JUDES)["runs"], None
    assert [(run["created"], run["unchanged"]) for run in there] == [(1, 4)]
    assert links(club, "6") == [(JUDES, "ann")]
    assert links(club, "1") == [(FIANNA, "F1")]


def test_the_screen_says_what_was_removed(club: Cli) -> None:
    result = club("federation", "unlink", "1", *THERE)
    assert result.code == 0
    assert "member 1 ann is no longer record 'ann' of club/st-judes" in result.out
    # As everything in the file that was found by e-mail is: found again.
    assert club.ok("federation", "sync", "--organization", JUDES)["runs"][0]["updated"] == 1
    assert (JUDES, "ann") in links(club, "1")


@pytest.mark.parametrize(
    ("reference", "there", "said"),
    [
        (
            "2",
            ("--connector", "club", "--organization", FIANNA),
            "is no record of 'club/na-fianna'",
        ),
        (
            "2",
            ("--connector", "other", "--organization", JUDES),
            "is no record of 'other/st-judes'",
        ),
        ("99", THERE, "There is no member '99'"),
    ],
)
def test_without_a_link_nothing_is_removed(
    club: Cli, reference: str, there: tuple[str, ...], said: str
) -> None:
    result = club("federation", "unlink", reference, *there, "--json")
    assert result.code == 65
    assert result.json["error"]["code"] == "not_found"
    assert said in result.json["error"]["message"]
    assert result.json["error"]["hint"]
    assert links(club, "2") == [(JUDES, "bob")]


def test_what_is_in_the_file_no_more_can_be_unlinked(club: Cli, tmp_path: Path) -> None:
    del club.environment["FEDERATION_CONFIG"]
    club.ok("federation", "unlink", "2", *THERE)
    assert links(club, "2") == []


def test_it_says_what_it_needs(club: Cli) -> None:
    for words in ((), ("1",), ("1", "--connector", "club"), ("1", "--organization", JUDES)):
        assert club("federation", "unlink", *words).code == 2
