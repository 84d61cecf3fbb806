"""Who stays active though a federation has deleted them (design, section 8)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support import queue
from tests.support.cli import Cli

pytestmark = pytest.mark.slow_on_postgresql

JUDES = "st-judes"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OTHER = """
[connectors.soccer]
kind = "csv"
path = "{{organization}}.csv"
enabled = {enabled}
[connectors.soccer.organizations.{name}]
[connectors.soccer.fields]
external_id = "id"
email = "email"
"""


@pytest.fixture
def both(cli: Cli) -> Cli:
    """Ann is a member of two federations."""
    queue.configure(cli, [JUDES], more=OTHER.format(enabled="true", name="rovers"))
    queue.export(cli, JUDES, ["Ann", "Bob"])
    (cli.folder / "rovers.csv").write_text("id,email\nR1,ann@st-judes.example.org\n")
    cli.ok("federation", "sync")
    assert len(cli.ok("members", "show", "1")["links"]) == 2
    return cli


@pytest.mark.parametrize(
    ("more", "stays"),
    [
        (OTHER.format(enabled="true", name="rovers"), True),
        # A pause: they are still there.
        (OTHER.format(enabled="false", name="rovers"), True),
        # Nobody will ever say of these that Ann has left.
        (OTHER.format(enabled="true", name="united"), False),
        ("", False),
    ],
    ids=["there", "switched off", "organization gone", "connector gone"],
)
def test_only_organizations_of_the_file_keep_a_member(both: Cli, more: str, *, stays: bool) -> None:
    queue.configure(both, [JUDES], more=more)
    queue.tell(both, JUDES, ["ann"], "deleted", NOON)
    (run,) = both.ok("federation", "retry")["runs"]
    assert (run["missing"], run["deactivated"]) == (1, 0 if stays else 1)
    assert both.ok("members", "show", "1")["member"]["active"] is stays
