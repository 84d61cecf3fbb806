"""`points import`: a file of awards, all or nothing (design, section 2.7)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import books
from tests.support.cli import Cli

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB = "101", "102"
HEADER = "member,points,source,key,at,note"


@pytest.fixture(autouse=True)
def members(cli: Cli) -> None:
    cli.ok("members", "add", "--discord-id", ANN, "--email", "ann@example.org")
    cli.ok("members", "add", "--discord-id", BOB, "--name", "Bob")


def lines(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def counts(cli: Cli, text: str) -> tuple[int, int, int, int]:
    """Import; the records, those awarded, those booked before, and the points."""
    document = cli.ok("points", "import", "-", stdin=text)
    assert document["status"] == "completed"
    return (
        document["records"],
        document["awarded"],
        document["duplicates"],
        document["points"],
    )


def faults(cli: Cli, text: str) -> dict[int, str]:
    """Import what must be refused and change nothing; the bad lines with the reasons."""
    before = books.everything(cli)
    result = cli("points", "import", "-", "--json", stdin=text)
    assert result.code == 65, result
    assert books.everything(cli) == before
    _, *named = result.json["error"]["message"].split("\n")
    numbered = (line.strip().removeprefix("line ").split(": ", 1) for line in named)
    return {int(number): reason for number, reason in numbered}


def test_every_way_to_name_a_member(cli: Cli) -> None:
    text = lines(
        "1,3,download,a,,",
        "ANN@example.org,4,download,b,2026-01-19,",
        f"discord:{ANN},5,intro,a,2026-01-19T10:00+02:00,hello",
        f"Discord:{BOB},-2,adjustment,a,,too much",
        "2,+7,benchmark,a,,",
    )
    assert counts(cli, text) == (5, 5, 0, 17)
    assert books.ledger(cli, ANN) == [3, 4, 5]
    assert books.ledger(cli, BOB) == [-2, 7]
    third = books.entries(cli, ANN)[2]
    assert (third.source, third.note) == ("intro", "hello")
    assert third.occurred_at == datetime(2026, 1, 19, 8, tzinfo=UTC)
    found = books.members(cli)
    assert (found[ANN].points, found[BOB].points) == (12, 5)
    assert found[ANN].last_active_at == books.entries(cli, ANN)[0].occurred_at
    cli.ok("points", "verify")


def test_a_discord_id_has_a_column_of_its_own(cli: Cli) -> None:
    assert counts(cli, lines(f"{ANN},3,intro,a", header="discord_id,points,source,key"))[1] == 1
    records = [{"discord_id": BOB, "points": 3, "source": "intro", "key": "b", "note": None}]
    assert counts(cli, json.dumps(records))[1] == 1
    assert counts(cli, '{"member": "1", "points": 1, "source": "intro", "key": "c"}\n')[1] == 1
    assert (books.ledger(cli, ANN), books.ledger(cli, BOB)) == ([3, 1], [3])


def test_importing_again_changes_nothing(cli: Cli) -> None:
    text = lines("1,3,download,a,2026-01-19,", "2,4,download,b,,note")
    assert counts(cli, text) == (2, 2, 0, 7)
    before = books.everything(cli)
    assert counts(cli, text) == (2, 0, 2, 0)
    assert books.everything(cli) == before
    assert counts(cli, text + "2,4,download,c,,\n") == (3, 1, 2, 4)


def test_a_key_twice_in_one_file_is_booked_once(cli: Cli) -> None:
    assert counts(cli, lines("1,3,download,a,,", "1,3,download,a,,")) == (2, 1, 1, 3)
    assert faults(cli, lines("1,3,download,b,,", "1,4,download,b,,")) == {
        3: "the key 'b' of source 'download' was used before with other content: points 3, now 4"
    }


def test_every_bad_line_is_named_and_nothing_is_imported(cli: Cli) -> None:
    cli.ok("points", "award", "1", "--points", "5", "--source", "intro", "--key", "old")
    found = faults(
        cli,
        lines(
            "1,1,download,good,,",
            "9,1,download,b,,",
            "discord:999,1,download,c,,",
            "who@example.org,1,download,d,,",
            "Bob,1,download,e,,",
            ",1,download,f,,",
            "1,1.5,download,g,,",
            "1,0,download,h,,",
            "1,-1,download,i,,",
            "1,1,discord,j,,",
            "1,1,Download,k,,",
            "1,1,download,,,",
            "1,1,download,l,2999-01-01,",
            "1,1,download,m,someday,",
            "1,1,adjustment,n,,",
            "1,6,intro,old,,",
            "1,1,download",
            "1,99999999999999999999999999,download,o,,",
            "1,1000000001,download,p,,",
        ),
    )
    assert sorted(found) == list(range(3, 21))
    expected = {
        3: "no member '9'",
        4: "Discord account '999'",
        5: "e-mail 'who@example.org'",
        6: "'Bob'",
        8: "whole number",
        9: "0",
        10: "negative",
        11: "sync alone",
        13: "no key",
        14: "future",
        15: "not a time",
        16: "reason",
        17: "points 5, now 6",
    }
    for line, words in expected.items():
        assert words in found[line]


def test_both_columns_for_one_member(cli: Cli) -> None:
    header = "member,discord_id,points,source,key"
    assert list(faults(cli, lines(f"1,{ANN},1,intro,a", header=header))) == [2]
    assert counts(cli, lines("1,,1,intro,a", f",{BOB},1,intro,b", header=header))[1] == 2


def test_an_email_that_two_members_share(cli: Cli) -> None:
    cli.ok("members", "add", "--name", "Twin", "--email", "ann@example.org")
    found = faults(cli, lines("ann@example.org,1,intro,a,,"))
    assert "2 members share" in found[2]


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "member,points\n1,2\n", "[1, 2]", '[{"member": "1", "points": 2.5}]', "[{"],
)
def test_files_that_are_refused(cli: Cli, text: str) -> None:
    result = cli("points", "import", "-", "--json", stdin=text)
    assert result.code == 65
    assert result.json["status"] == "failed"
    assert books.ledger(cli, ANN) == []


def test_a_file_that_is_not_there(cli: Cli) -> None:
    assert cli("points", "import", "nowhere.csv").code == 65


@pytest.mark.slow
def test_more_members_and_keys_than_one_statement_takes(cli: Cli) -> None:
    count = 66_000  # PostgreSQL takes 65,535 parameters, SQLite 32,766 or more
    people = "\n".join(["discord_id", *(str(10**17 + i) for i in range(count))])
    cli.ok("members", "import", "-", stdin=people)
    rows = (f"discord:{10**17 + i % count},1,download,k{i},2026-01-19," for i in range(count + 5))
    text = lines(*rows)
    assert counts(cli, text) == (count + 5, count + 5, 0, count + 5)
    assert counts(cli, text) == (count + 5, 0, count + 5, 0)
    cli.ok("points", "verify")


def test_a_person_reads_a_sentence(cli: Cli) -> None:
    at = datetime.now(UTC) - timedelta(days=1)
    text = lines(f"1,1500,intro,a,{at.isoformat()},", "1,2,intro,b,,")
    shown = cli("points", "import", "-", stdin=text).out
    assert shown == "2 records: 2 awarded, +1,502 points; 0 booked before.\n"
