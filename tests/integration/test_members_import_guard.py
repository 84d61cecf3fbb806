"""The guard of `members import`, and its dry run (design, section A4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import books
from tests.support.cli import Cli, Result
from tests.support.mee6 import show
from tests.support.terminal import QUESTION, typed
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

NAMES = ("Ann", "Bob", "Cat", "Dan", "Eve")


@pytest.fixture
def linked(cli: Cli) -> Cli:
    """Five linked members, 101 to 105, and one who is not."""
    fill(cli)
    return cli


def fill(cli: Cli) -> None:
    lines = [f"{101 + at},{name},{name}@x.ie" for at, name in enumerate(NAMES)]
    cli.ok("members", "import", "-", stdin="\n".join(["discord_id,name,email", *lines]))
    cli.ok("members", "add", "--name", "Fay")


def file(**ids: str | None) -> str:
    """A file with other Discord ids; `m1="201"` is that of member 1."""
    lines = [f"{key[1:]},{value or ''}" for key, value in ids.items()]
    return "\n".join(["member_id,discord_id", *lines])


THREE = file(m1="201", m2="202", m3=None)


def unchanged(cli: Cli, before: dict[str, Any]) -> bool:
    return books.everything(cli) == before


def refused(result: Result) -> dict[str, Any]:
    """The document of a refusal."""
    document = result.json
    assert (result.code, document["status"]) == (65, "failed")
    assert document["error"]["code"] == "mass_change"
    return document


def test_more_than_half_of_the_linked_would_lose_their_account(linked: Cli) -> None:
    before = books.everything(linked)
    document = refused(linked("members", "import", "-", "--json", stdin=THREE))
    assert unchanged(linked, before)
    assert (document["relinked"], document["unlinked"], document["updated"]) == (2, 1, 3)
    message, hint = document["error"]["message"], document["error"]["hint"]
    assert (
        "changes the Discord account of 3 of 5 linked members: 2 would get another Discord "
        in message
    )
    assert "account and 1 would lose their Discord account." in message
    assert "new baseline" in message
    assert hint.index("--dry-run") < hint.index("--accept-changes")


@pytest.mark.parametrize(
    "stdin",
    [
        file(m1="201", m2="202"),  # two of five
        file(m1="201", m2=None, m6="206"),  # of three, one had no account before
        file(m1="101", m2="102", m3="103", m4="104", m5="105"),
        "discord_id,name\n101,A\n102,B\n103,C\n104,D\n105,E",
        "discord_id,name\n201,Kim\n202,Lou\n203,Mac\n204,Nan",
    ],
)
def test_what_is_no_mass_change(sqlite_cli: Cli, stdin: str) -> None:
    fill(sqlite_cli)
    assert sqlite_cli("members", "import", "-", stdin=stdin).code == 0


def test_three_but_only_half(sqlite_cli: Cli) -> None:
    fill(sqlite_cli)
    sqlite_cli.ok("members", "set", "6", "--discord-id", "106")
    assert sqlite_cli("members", "import", "-", stdin=THREE).code == 0


def test_accepted_it_is_done(linked: Cli, mee6: SimulatedMee6) -> None:
    show(mee6, dict.fromkeys(("101", "102", "103", "104", "105"), 500))
    linked.ok("sync")
    document = linked.ok("members", "import", "-", "--accept-changes", stdin=THREE)
    assert (document["status"], document["dry_run"], document["error"]) == (
        "completed", False, None
    )  # fmt: skip
    assert (document["relinked"], document["unlinked"]) == (2, 1)
    assert "changes" not in document
    assert set(books.members(linked)) == {"201", "202", "104", "105"}
    # As the refusal said: the new accounts are baselined.
    show(mee6, {"201": 9_000, "202": 9_000, "104": 500, "105": 500})
    assert linked.ok("sync")["members"]["baselined"] == 2


def test_the_text_says_what_becomes_of_accounts(sqlite_cli: Cli) -> None:
    fill(sqlite_cli)
    stdin = file(m1="201", m2=None)
    told = "2 updated, 0 unchanged; 1 member with another Discord account, to be baselined again"
    for options in (["--dry-run"], []):
        result = sqlite_cli("members", "import", "-", *options, stdin=stdin)
        assert (result.code, told in result.out) == (0, True)
        assert "; 1 member without a Discord account now" in result.out


def test_the_share_is_a_setting(sqlite_cli: Cli) -> None:
    fill(sqlite_cli)
    sqlite_cli.environment["MASS_CHANGE_PERCENT"] = "60"
    assert sqlite_cli("members", "import", "-", "--dry-run", stdin=THREE).code == 0
    sqlite_cli.environment["MASS_CHANGE_PERCENT"] = "59"
    assert sqlite_cli("members", "import", "-", "--dry-run", stdin=THREE).code == 65


def test_a_dry_run_shows_each_change_and_writes_nothing(linked: Cli) -> None:
    before = books.everything(linked)
    stdin = "member_id,discord_id,name\n1,101,Anna\n2,,Bob\n,301,\n3,103,Cat"
    document = linked.ok("members", "import", "-", "--dry-run", stdin=stdin)
    assert unchanged(linked, before)
    assert document["dry_run"]
    assert [document[key] for key in ("records", "created", "updated", "unchanged")] == [4, 1, 2, 1]
    assert document["changes"] == [
        {"record": 2, "member_id": "1", "name": "Ann", "field": "name",
         "ours": "Ann", "theirs": "Anna"},
        {"record": 3, "member_id": "2", "name": "Bob", "field": "discord_id",
         "ours": "102", "theirs": None},
        {"record": 4, "member_id": None, "name": None, "field": "discord_id",
         "ours": None, "theirs": "301"},
    ]  # fmt: skip
    shown = linked("members", "import", "-", "--dry-run", stdin=stdin)
    assert shown.code == 0
    rows = [line.split() for line in shown.out.splitlines()]
    assert rows[0][:2] == ["Dry", "run:"]
    assert ["2", "1", "Ann", "name", "Ann", "Anna"] in rows
    assert ["3", "2", "Bob", "discord_id", "102"] in rows
    assert ["4", "new", "discord_id", "301"] in rows
    assert unchanged(linked, before)


def test_a_dry_run_is_judged_too_and_shows_what_it_refuses(linked: Cli) -> None:
    document = refused(linked("members", "import", "-", "--dry-run", "--json", stdin=THREE))
    assert [change["theirs"] for change in document["changes"]] == ["201", "202", None]
    shown = linked("members", "import", "-", "--dry-run", stdin=THREE)
    assert (shown.code, "201" in shown.out) == (65, True)
    assert "--accept-changes" in shown.err
    assert linked("members", "import", "-", "--dry-run", "--accept-changes", stdin=THREE).code == 0


def test_a_name_that_follows_is_shown(sqlite_cli: Cli) -> None:
    header = "discord_id,first_name,last_name,name"
    sqlite_cli.ok("members", "import", "-", stdin=f"{header}\n101,Ann,Lee,Ann Lee")
    stdin = "discord_id,first_name\n101,Anna"
    changes = sqlite_cli.ok("members", "import", "-", "--dry-run", stdin=stdin)["changes"]
    assert {change["field"]: change["theirs"] for change in changes} == {
        "name": "Anna Lee", "first_name": "Anna"
    }  # fmt: skip


def test_a_long_table_ends(sqlite_cli: Cli) -> None:
    lines = [f"{number},member {number}" for number in range(1001, 1061)]
    stdin = "\n".join(["discord_id,name", *lines])
    shown = sqlite_cli("members", "import", "-", "--dry-run", stdin=stdin).out
    assert "and 70 more; all of them with --json" in shown
    assert len(sqlite_cli.ok("members", "import", "-", "--dry-run", stdin=stdin)["changes"]) == 120


def test_a_dry_run_makes_no_database(sqlite_cli: Cli) -> None:
    sqlite_cli.environment["DATABASE_URL"] = f"sqlite:///{sqlite_cli.folder}/new.db"
    assert sqlite_cli("members", "import", "-", "--dry-run", stdin=THREE).code == 78
    assert not (sqlite_cli.folder / "new.db").exists()


def test_a_dry_run_names_what_is_wrong(sqlite_cli: Cli) -> None:
    result = sqlite_cli("members", "import", "-", "--dry-run", stdin="member_id,name\n9,X")
    assert (result.code, "there is no member '9'" in result.err) == (65, True)


def test_a_person_is_asked(linked: Cli) -> None:
    (linked.folder / "members.csv").write_text(THREE)
    before = books.everything(linked)
    arguments = ("members", "import", "members.csv", "--accept-changes", "--json")
    result = typed(linked, "n", *arguments)
    refused(result)
    assert "3 of 5 linked members" in result.err
    assert unchanged(linked, before)
    result = typed(linked, "y", *arguments)
    assert (result.code, result.json["relinked"]) == (0, 2)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize(("account", "code"), [("777", 65), ("104", 0)])
def test_a_person_agrees_to_what_was_shown_and_no_more(
    linked: Cli, account: str, code: int
) -> None:
    (linked.folder / "members.csv").write_text(file(m1="201", m2="202", m3=None, m4="104"))
    result = typed(
        linked, "y", "members", "import", "members.csv", "--accept-changes",
        # Nothing is locked meanwhile. Then the file would take another account from a fourth.
        meanwhile=lambda: linked.ok("members", "set", "4", "--discord-id", account),
    )  # fmt: skip
    assert result.code == code
    assert ("201" in books.members(linked)) == (code == 0)


def test_yes_does_not_ask(sqlite_cli: Cli) -> None:
    fill(sqlite_cli)
    (sqlite_cli.folder / "members.csv").write_text(THREE)
    command = ("members", "import", "members.csv", "--accept-changes")
    result = typed(sqlite_cli, "n", *command, "--yes")
    assert (result.code, QUESTION.decode() in result.err) == (0, False)
    result = typed(sqlite_cli, "n", *command)
    assert (result.code, QUESTION.decode() in result.err) == (0, False), "nothing is left to do"


def test_an_export_of_an_older_version_is_still_read(sqlite_cli: Cli) -> None:
    """It has not all the columns that cannot be imported and that ours has."""
    fill(sqlite_cli)
    lines = sqlite_cli("members", "export").out.splitlines()
    at = lines[0].split(",").index("awaiting_baseline")
    older = [",".join(cell for n, cell in enumerate(x.split(",")) if n != at) for x in lines]
    document = sqlite_cli.ok("members", "import", "-", stdin="\n".join(older))
    assert (document["unchanged"], document["updated"]) == (6, 0)
