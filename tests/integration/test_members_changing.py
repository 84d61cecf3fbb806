"""`members add`, `set` and `rebaseline`, and the references that name a member."""

from __future__ import annotations

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show as show_board
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB = "101", "102"
PROFILE = {
    "discord_id": ANN,
    "name": "Ann",
    "email": "ann@example.org",
    "subscription_status": "TRIALING",
    "first_name": "Ann",
    "last_name": "Lee",
    "date_of_birth": "1990-12-31",
    "phone": "+353 1 234",
    "address": "1 Main St\nDublin",
}


def options(values: dict[str, str]) -> list[str]:
    spelt = {"subscription_status": "status"}
    return [
        part
        for name, value in values.items()
        for part in (f"--{spelt.get(name, name).replace('_', '-')}", value)
    ]


def refused(cli: Cli, *arguments: str, code: int = 65) -> tuple[str, str]:
    """Run a command that must change nothing; its message and hint."""
    before = books.everything(cli)
    result = cli("members", *arguments, "--json")
    assert result.code == code, (result.out, result.err)
    assert books.everything(cli) == before
    return result.json["error"]["message"], result.json["error"]["hint"]


def test_add_takes_every_field(cli: Cli) -> None:
    document = cli.ok("members", "add", *options(PROFILE))
    assert document["schema"] == "trcpoints.members.add/1"
    added = document["member"]
    assert {name: added[name] for name in PROFILE} == PROFILE
    assert added["member_id"] == "1"
    assert added == cli.ok("members", "show", "1")["member"]


def test_add_normalises_and_defaults(cli: Cli) -> None:
    member = cli.ok("members", "add", "--name", " Ann ", "--email", " ANN@Example.ORG")["member"]
    assert (member["name"], member["email"]) == ("Ann", "ann@example.org")
    assert (member["subscription_status"], member["discord_id"]) == ("ACTIVE", None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"discord_id": "x1"}, "discord_id 'x1'"),
        ({"email": "nowhere"}, "email 'nowhere'"),
        ({"name": "a", "subscription_status": "paid"}, "subscription_status 'paid'"),
        ({"name": "a", "date_of_birth": "19901231"}, "date_of_birth '19901231'"),
        ({"name": "a\0b"}, "NUL"),
        ({"name": "a\ud83d"}, "surrogate"),
        ({"name": "a" * 1001}, "1,001 characters"),
        ({"first_name": "a"}, "needs a Discord id, an e-mail or a name"),
        ({"name": "  "}, "needs a Discord id, an e-mail or a name"),
    ],
)
def test_add_and_set_refuse(cli: Cli, given: dict[str, str], words: str) -> None:
    assert words in refused(cli, "add", *options(given))[0]
    cli.ok("members", "add", "--name", "Ann")
    if "needs" not in words:
        assert words in refused(cli, "set", "1", *options(given))[0]


def test_all_faults_are_told_at_once(cli: Cli) -> None:
    message, _ = refused(cli, "add", "--email", "x", "--discord-id", "y", "--date-of-birth", "z")
    for field in ("email", "discord_id", "date_of_birth"):
        assert f"\n  {field} " in message


def test_an_account_belongs_to_one_member(cli: Cli) -> None:
    books.link(cli, [ANN, BOB])
    for command in (["add"], ["set", "2"]):
        message, hint = refused(cli, *command, "--discord-id", ANN)
        assert message == f"The Discord account {ANN} is linked to member 1 already."
        assert hint.endswith("members show 1")


def test_set_changes_and_clears(cli: Cli) -> None:
    cli.ok("members", "add", *options(PROFILE))
    before = cli.ok("members", "show", "1")["member"]
    document = cli.ok("members", "set", "1", "--name", "Anna", "--phone", "", "--first-name", "Ann")
    assert document["schema"] == "trcpoints.members.set/1"
    assert document["changed"] == ["name", "phone"]
    after = document["member"]
    assert after == cli.ok("members", "show", "1")["member"]
    assert {name for name in after if after[name] != before[name]} == {
        "name",
        "phone",
        "updated_at",
    }
    assert (after["name"], after["phone"]) == ("Anna", None)
    assert cli.ok("members", "set", "1", "--status", "")["member"]["subscription_status"] == "NONE"


def test_a_name_that_is_made_of_the_others_follows_unless_it_is_given(cli: Cli) -> None:
    cli.ok("members", "add", "--name", "Ann Lee", "--first-name", "Ann", "--last-name", "Lee")
    document = cli.ok("members", "set", "1", "--last-name", "Ray")
    assert (document["changed"], document["member"]["name"]) == (["last_name"], "Ann Ray")
    document = cli.ok("members", "set", "1", "--name", "Ann Ray", "--first-name", "Anna")
    assert (document["changed"], document["member"]["name"]) == (["first_name"], "Ann Ray")


def test_setting_what_is_there_writes_nothing(cli: Cli) -> None:
    cli.ok("members", "add", *options(PROFILE))
    before = books.everything(cli)
    assert cli.ok("members", "set", "1", *options(PROFILE))["changed"] == []
    assert books.everything(cli) == before
    _, hint = refused(cli, "set", "1", code=2)
    assert "--help" in hint


def test_another_account_is_baselined_again_and_points_stay(cli: Cli, mee6: SimulatedMee6) -> None:
    """Design, section 2.2."""
    books.link(cli, [ANN])
    for xp in (1000, 1250):
        show_board(mee6, {ANN: xp, BOB: 90_000})
        cli.ok("sync")
    assert cli.ok("members", "set", "1", "--discord-id", f" {ANN} ")["changed"] == []
    assert cli.ok("members", "show", "1")["member"]["xp_total"] == 1250
    member = cli.ok("members", "set", "1", "--discord-id", BOB)["member"]
    assert (member["xp_total"], member["points"], member["carry"]) == (None, 2, 50)
    cli.ok("sync")
    show_board(mee6, {ANN: 1250, BOB: 90_060})
    cli.ok("sync")
    member = cli.ok("members", "show", "1")["member"]
    assert (member["xp_total"], member["points"], member["carry"]) == (90_060, 3, 10)
    member = cli.ok("members", "set", "1", "--discord-id", "")["member"]
    assert (member["discord_id"], member["xp_total"], member["points"]) == (None, None, 3)
    cli.ok("members", "set", "1", "--discord-id", BOB)
    show_board(mee6, {ANN: 1250, BOB: 200_000})
    cli.ok("sync")
    member = cli.ok("members", "show", "1")["member"]
    assert (member["xp_total"], member["points"], member["carry"]) == (200_000, 3, 10)


def test_rebaseline_pays_nothing_for_the_next_xp(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show_board(mee6, {ANN: 1000})
    cli.ok("sync")
    document = cli.ok("members", "rebaseline", f"discord:{ANN}")
    assert document["schema"] == "trcpoints.members.rebaseline/1"
    assert document["member"]["rebaseline"] is True
    before = books.everything(cli)
    cli.ok("members", "rebaseline", "1")
    assert books.everything(cli) == before
    show_board(mee6, {ANN: 50_000})
    cli.ok("sync")
    member = cli.ok("members", "show", "1")["member"]
    assert (member["xp_total"], member["points"], member["rebaseline"]) == (50_000, 0, False)


@pytest.mark.parametrize("reference", ["1", " 1", "discord:101", "Discord: 101", "ANN@Example.org"])
def test_references(cli: Cli, reference: str) -> None:
    cli.ok("members", "add", "--discord-id", ANN, "--email", "ann@example.org")
    assert cli.ok("members", "show", reference)["member"]["discord_id"] == ANN


@pytest.mark.parametrize(
    "reference",
    [
        "2",
        "0",
        "9" * 25,
        "٣",
        "Ann",
        "discord:102",
        "discord:",
        "discord:x\0",
        "no@example.org",
        "a\0@b",
        "a\ud83d@b",
        "",
    ],
)
def test_references_to_nobody(cli: Cli, reference: str) -> None:
    cli.ok("members", "add", "--discord-id", ANN, "--name", "Ann")
    for command in (["show"], ["set", "--name", "x"], ["rebaseline"]):
        result = cli("members", *command, "--json", "--", reference)
        assert result.code == 65, (result.out, result.err)
        assert result.json["error"]["code"] == "not_found"
        assert "trcpoints members list" in result.json["error"]["hint"]


def test_an_account_given_as_an_id_is_explained(cli: Cli) -> None:
    _, hint = refused(cli, "show", "159962941502783488")
    assert hint == "For a Discord account write discord:159962941502783488"


def test_an_email_that_several_share_is_ambiguous(cli: Cli) -> None:
    for name in ("Ann", "Bob"):
        cli.ok("members", "add", "--name", name, "--email", "home@example.org")
    message, hint = refused(cli, "set", "home@example.org", "--name", "x")
    assert "1, 2" in message
    assert hint
