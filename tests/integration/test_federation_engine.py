"""What a sync makes of the members of an organization (design, section 8), row by row."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.engine import NOW, TOML, Federation, Listed, Record
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import MemberLink
from trcpoints.errors import MassChangeRefused, SourceUnavailable
from trcpoints.federation.conflicts import Strategy

pytestmark = pytest.mark.slow_on_postgresql

ANN: Record = {
    "id": "M1",
    "first_name": " Ann ",
    "last_name": "Lee",
    "date_of_birth": "1990-12-31",
    "email": "Ann@Example.org",
    "phone": "087 123 4567",
    "address": "1 Main St",
    "discord_id": "101",
    "subscription_status": "paid",
}
STORED = {
    "first_name": "Ann",
    "last_name": "Lee",
    "date_of_birth": "1990-12-31",
    "email": "ann@example.org",
    "phone": "+353871234567",
    "address": "1 Main St",
    "discord_id": "101",
    "subscription_status": "ACTIVE",
}
LATER = NOW + timedelta(days=1)


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    return Federation(cli, tmp_path)


def ann(**changes: object) -> Record:
    return {**ANN, **changes}


def counts(federation: Federation, *records: Record, **options: Any) -> dict[str, int]:
    """What a sync counts, but what it counts none of."""
    plan = federation.sync(*records, **options)
    names = plan.counts.__struct_fields__
    return {name: n for name in names if (n := getattr(plan.counts, name))}


def test_a_record_becomes_a_member(federation: Federation) -> None:
    assert counts(federation, ANN) == {"created": 1}
    member = federation.member("M1")
    assert {name: member[name] for name in STORED} == STORED
    assert (member["name"], member["active"], member["points"]) == ("Ann Lee", True, 0)
    assert member["created_at"] == NOW
    [link] = federation.links()
    assert (link["connector"], link["organization"]) == ("gaa", "st-judes")
    assert (link["synced_at"], link["missing_since"]) == (NOW, None)
    [source] = federation.sources()
    assert (source["scope"], source["last_synced_at"]) == ("gaa/st-judes", NOW)
    assert federation.edits() == set()


def test_what_a_record_does_not_tell_is_as_if_added_by_hand(federation: Federation) -> None:
    records = {"id": "M1", "email": "ann@example.org"}, {"id": "M2", "first_name": "Bo"}
    assert counts(federation, *records) == {"created": 2}
    # The words of a status are mapped, and there is none: the federation says NONE.
    assert federation.member("M1")["subscription_status"] == "NONE"
    assert (federation.member("M1")["name"], federation.member("M2")["name"]) == (None, "Bo")


def test_fields_that_are_not_mapped_are_left_alone(cli: Cli, tmp_path: Path) -> None:
    lines = [line for line in TOML.splitlines() if "subscription_status" not in line]
    short = [line for line in lines if not line.startswith(("paid", "lapsed", "address"))]
    federation = Federation(cli, tmp_path, "\n".join(short))
    cli.ok("members", "add", "--discord-id=102", "--status=TRIALING", "--address=4 Ours Rd")
    federation.sync(ANN, ann(id="M2", discord_id="102", email=None))
    assert federation.member("M1")["subscription_status"] == "ACTIVE"
    adopted = federation.member("M2")
    assert (adopted["subscription_status"], adopted["address"]) == ("TRIALING", "4 Ours Rd")
    # A field that is mapped from now on has no base yet.
    federation = Federation(cli, tmp_path)
    federation.sync(ANN, ann(id="M2", discord_id="102", email=None), accept_changes=False)
    assert federation.member("M1")["address"] == "1 Main St"
    assert {one["field"] for one in federation.conflicts()} == {"subscription_status", "address"}


def test_who_is_not_active_is_active_again_though_the_record_is_as_it_was(
    federation: Federation,
) -> None:
    federation.sync(ANN)
    books.change_member(federation.cli, "101", active=False)
    assert counts(federation, ANN) == {"updated": 1}
    assert federation.member("M1")["active"] is True


def test_without_changes_nothing_is_written(federation: Federation) -> None:
    federation.sync(ANN, ann(id="M2", discord_id=None, email=None))
    before = federation.everything()
    again = ann(first_name=" Ann "), ann(id="M2", discord_id=None, email=None)
    assert counts(federation, *again, now=LATER) == {"unchanged": 2}
    assert federation.everything() == before
    assert federation.sources()[0]["last_synced_at"] == LATER


def test_another_spelling_changes_no_member(federation: Federation) -> None:
    federation.sync(ANN)
    before = federation.members()
    spelt = ann(email="ANN@example.org", phone="+353 87 123 4567", first_name="Ann")
    assert counts(federation, spelt, now=LATER) == {"unchanged": 1}
    assert federation.members() == before
    before = federation.members()
    assert federation.links()[0]["synced_at"] == LATER
    linked = federation.links()
    federation.sync(spelt, now=LATER + timedelta(days=1))
    assert federation.links() == linked


B, F, O = "2 Base Rd", "3 Theirs Rd", "4 Ours Rd"  # noqa: E741


@pytest.mark.parametrize(
    ("theirs", "ours", "after", "counted"),
    [
        (B, None, B, {"unchanged": 1}),
        (F, None, F, {"updated": 1}),
        ("", None, None, {"updated": 1}),
        (B, O, O, {"unchanged": 1}),
        (F, F, F, {"unchanged": 1}),
        (F, O, F, {"updated": 1, "conflicts": 1, "resolved": 1}),
        ("", O, None, {"updated": 1, "conflicts": 1, "resolved": 1}),
        (F, "", F, {"updated": 1, "conflicts": 1, "resolved": 1}),
    ],
)
def test_each_row_of_the_table(
    federation: Federation,
    theirs: str,
    ours: str | None,
    after: str | None,
    counted: dict[str, int],
) -> None:
    federation.sync(ann(address=B))
    if ours is not None:
        federation.by_hand(1, address=ours)
    assert counts(federation, ann(address=theirs)) == counted
    assert federation.member("M1")["address"] == after
    # Whatever came of it is over: the base is what was seen.
    before = federation.everything()
    assert counts(federation, ann(address=theirs)) == {"unchanged": 1}
    assert federation.everything() == before


@pytest.mark.parametrize(
    ("strategy", "by_hand", "after"),
    [
        ("federation_wins", True, F),
        ("local_wins", True, O),
        ("merge", True, O),
        ("federation_wins", False, F),
        ("local_wins", False, O),
        ("merge", False, F),
    ],
)
def test_each_strategy(
    federation: Federation, strategy: Strategy, *, by_hand: bool, after: str
) -> None:
    federation.strategy = strategy
    federation.sync(ann(address=B))
    if by_hand:
        federation.by_hand(1, address=O)
    else:
        # Another organization sets the member's address.
        federation.sync(ann(id="N1", address=O), organization="na-fianna")
    plan = federation.sync(ann(address=F, last_name="Lee-Smith"))
    assert (plan.counts.conflicts, plan.counts.resolved) == (1, 1)
    member = federation.member("M1")
    assert member["address"] == after
    # A conflict holds back no other field.
    assert (member["last_name"], member["name"]) == ("Lee-Smith", "Ann Lee-Smith")
    [conflict] = federation.conflicts()
    who = "ann" if by_hand else "nobody that we know of"
    expected = {
        "run_id": f"run-{federation.runs}",
        "member": 1,
        "connector": "gaa",
        "organization": "st-judes",
        "field": "address",
        "base": B,
        "federation": F,
        "ours": O,
        "resolved": after,
        "strategy": strategy,
        "note": f"both sides changed it; ours was set by {who}",
        "created_at": NOW,
        "kept": None,
    }
    assert {name: conflict[name] for name in expected} == expected
    is_theirs = (1, "address", "ann") not in federation.edits()
    assert is_theirs == (after == F or not by_hand)


def test_what_a_person_set_stays_theirs_until_the_federation_s_is_taken(
    federation: Federation,
) -> None:
    federation.sync(ann(address=B))
    federation.by_hand(1, address=O, by="ann")
    federation.by_hand(1, address=B, phone="+353 1 1", by="bob")
    assert federation.edits() == {(1, "address", "bob"), (1, "phone", "bob")}
    federation.sync(ann(address=F))
    assert federation.edits() == {(1, "phone", "bob")}


def test_the_first_change_of_a_created_member_is_no_conflict(federation: Federation) -> None:
    federation.sync(ANN)
    assert counts(federation, ann(email="new@example.org")) == {"updated": 1}
    assert federation.member("M1")["email"] == "new@example.org"
    assert federation.conflicts() == []


def test_no_member_loses_their_account(federation: Federation) -> None:
    federation.sync(ANN)
    assert counts(federation, ann(discord_id=None)) == {"unchanged": 1}
    assert federation.member("M1")["discord_id"] == "101"


def test_a_first_match_respects_what_a_person_set(federation: Federation) -> None:
    federation.cli.ok(
        "members", "add", "--discord-id=101", "--address=4 Ours Rd", "--by=ann", "--name=Annie"
    )
    plan = federation.sync(ANN)
    member = federation.member("M1")
    assert (member["id"], member["address"], member["email"]) == (1, "1 Main St", STORED["email"])
    # ACTIVE is what everybody is whom nobody said anything about; the name is not made of others.
    assert (member["name"], plan.counts.updated) == ("Annie", 1)
    assert [(c["field"], c["note"]) for c in federation.conflicts()] == [
        ("address", "matched for the first time; ours was set by ann")
    ]
    assert federation.edits() == {(1, "discord_id", "ann"), (1, "name", "ann")}


def test_an_import_is_by_a_person_too(federation: Federation) -> None:
    lines = "discord_id,address\n101,4 Ours Rd\n102,\n"
    federation.cli.ok("members", "import", "-", "--by", "eve", stdin=lines)
    assert federation.edits() == {
        (1, "discord_id", "eve"),
        (1, "address", "eve"),
        (2, "discord_id", "eve"),
    }
    federation.cli.ok("members", "import", "-", "--by", "bob", stdin=lines.replace("4", "5"))
    assert (1, "address", "bob") in federation.edits()
    assert federation.cli.ok("members", "show", "1")["member"]["subscription_status"] == "ACTIVE"


def test_who_sets_something_is_known_without_saying(federation: Federation) -> None:
    federation.cli.ok("members", "add", "--name=Ann", "--address=")
    [(_, field, by)] = federation.edits()
    assert (field, bool(by)) == ("name", True)
    assert federation.cli("members", "set", "1", "--name=Bo", "--by= ").code == 2
    federation.cli.ok("members", "rebaseline", "1", "--by", "bob")
    assert (1, "rebaseline", "bob") in federation.edits()


def test_the_name_follows_while_it_is_made_from_the_others(federation: Federation) -> None:
    federation.sync(ANN)
    federation.sync(ann(last_name="Smith"))
    assert federation.member("M1")["name"] == "Ann Smith"
    federation.by_hand(1, name="Annie")
    federation.sync(ann(last_name="Jones"))
    assert federation.member("M1")["name"] == "Annie"


def test_one_person_in_two_organizations(federation: Federation) -> None:
    federation.sync(ANN)
    there = ann(id="N1", phone=None)
    assert counts(federation, there, organization="na-fianna") == {"updated": 1}
    assert len(federation.members()) == 1
    assert len(federation.links()) == 2
    assert federation.member("M1") == federation.member("N1", "na-fianna")
    # What one does not tell is not cleared, and neither finds anything to do now.
    before = federation.everything()
    assert counts(federation, ANN) == {"unchanged": 1}
    assert counts(federation, there, organization="na-fianna") == {"unchanged": 1}
    assert federation.everything() == before


def test_a_failure_half_way_leaves_nothing(federation: Federation) -> None:
    class Broken(Listed):
        def records(self, organization: str, beat: Callable[[], None]) -> Generator[Record]:
            yield from self.listed
            raise SourceUnavailable("The line is dead.")

    federation.sync(ANN)
    before = federation.everything(), federation.sources()
    with pytest.raises(SourceUnavailable):
        federation.sync(source=Broken(ann(last_name="Smith"), {"id": "M2"}), now=LATER)
    assert (federation.everything(), federation.sources()) == before


def test_a_mistake_in_one_member_is_not_swallowed(federation: Federation) -> None:
    federation.sync(ANN)
    # Nothing writes such a base: whatever reads it must not go on as if nothing were wrong.
    with open_database(federation.cli.environment["DATABASE_URL"], Access.WRITE):
        MemberLink.update(base="[]").execute()
    before = federation.everything(), federation.sources()
    with pytest.raises(ValueError, match="Expected `object`"):
        federation.sync(ann(last_name="Smith"), {"id": "M2"}, now=LATER)
    assert (federation.everything(), federation.sources()) == before


def test_a_rejected_record_is_tried_again_and_the_others_go_on(federation: Federation) -> None:
    federation.sync(ANN, {"id": "M2", "first_name": "Bo"})
    wrong = ann(subscription_status="perhaps", last_name="Smith")
    for _ in range(2):
        plan = federation.sync(wrong, {"id": "M2", "first_name": "Cy"})
        assert plan.counts.rejected == 1
        [(external_id, reason)] = plan.rejections
        assert external_id == "M1"
        assert "'perhaps' is a word that is not in the table" in reason
    assert plan.counts.missing == 0
    assert federation.member("M1")["last_name"] == "Lee"
    assert federation.member("M2")["first_name"] == "Cy"
    assert counts(federation, ann(last_name="Smith"), {"id": "M2", "first_name": "Cy"}) == {
        "updated": 1,
        "unchanged": 1,
    }


def test_a_record_missing_from_a_full_read_is_reported(federation: Federation) -> None:
    bo: Record = {"id": "M2", "first_name": "Bo"}
    federation.sync(ANN, bo)
    for _ in range(2):
        plan = federation.sync(bo, now=LATER)
        assert plan.counts.missing == 1
        assert [(one.external_id, one.member_id) for one in plan.missing] == [("M1", 1)]
    assert federation.links()[0]["missing_since"] == LATER
    assert federation.member("M1")["active"] is True
    assert counts(federation, ANN, bo) == {"unchanged": 2}
    assert federation.links()[0]["missing_since"] is None


def test_one_member_who_is_asked_for(federation: Federation) -> None:
    federation.sync(ANN, {"id": "M2"})
    source = federation.sources()
    new = Listed(ann(last_name="Smith"), {"id": "M3", "first_name": "Cat"}, {"id": "M4"})
    assert counts(federation, source=new, external_id="M1", now=LATER) == {"updated": 1}
    assert counts(federation, source=new, external_id="M1", now=LATER) == {"unchanged": 1}
    assert counts(federation, source=new, external_id="M3", now=LATER) == {"created": 1}
    assert counts(federation, source=new, external_id="M4", now=LATER) == {"rejected": 1}
    # Nobody else was looked for, and the organization was not synced.
    assert federation.sources() == source
    assert {link["missing_since"] for link in federation.links()} == {None}


def test_the_answer_may_be_somebody_else(federation: Federation) -> None:
    class Wrong(Listed):
        def record(self, organization: str, external_id: str) -> Record:
            return ANN

    federation.sync({"id": "M1"})
    before = federation.everything()
    plan = federation.sync(source=Wrong(), external_id="M2")
    assert plan.rejections == [("M2", "the federation answered with the record of 'M1'")]
    assert federation.everything() == before


def test_a_member_whom_the_federation_has_no_more_is_not_active(federation: Federation) -> None:
    federation.sync(ANN)
    gone = Listed()
    counted = {"missing": 1, "deactivated": 1}
    assert counts(federation, source=gone, external_id="M1", now=LATER) == counted
    assert federation.member("M1")["active"] is False
    assert federation.links()[0]["missing_since"] == LATER
    before = federation.everything()
    assert counts(federation, source=gone, external_id="M1") == {"missing": 1}
    assert counts(federation, source=gone, external_id="M9") == {}
    assert federation.everything() == before
    # The same record again, as it was.
    assert counts(federation, ANN) == {"updated": 1}
    member = federation.member("M1")
    assert (member["active"], member["rebaseline"]) == (True, True)
    assert federation.links()[0]["missing_since"] is None
    assert counts(federation, ANN) == {"unchanged": 1}


def test_whom_another_organization_has_stays_active(federation: Federation) -> None:
    federation.sync(ANN)
    federation.sync(ann(id="N1"), organization="na-fianna")
    assert counts(federation, source=Listed(), external_id="M1") == {"missing": 1}
    assert federation.member("M1")["active"] is True
    left = federation.sync(source=Listed(), organization="na-fianna", external_id="N1")
    assert (left.counts.missing, left.counts.deactivated) == (1, 1)
    assert federation.member("M1")["active"] is False


CLUB: list[Record] = [
    {"id": f"M{n}", "first_name": f"N{n}", "phone": f"087 123 456{n}"} for n in range(6)
]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (CLUB[4:], "4 gone, 0 changed"),
        ([{**one, "first_name": "X"} for one in CLUB[:4]] + CLUB[4:], "0 gone, 4 changed"),
        ([{**one, "phone": ""} for one in CLUB[:4]] + CLUB[4:], "4 losing their phone"),
        ([{**one, "phone": ""} for one in CLUB[:2]] + CLUB[2:4], "2 gone, 2 changed"),
    ],
)
def test_mass_changes_are_refused(federation: Federation, records: list[Record], said: str) -> None:
    federation.sync(*CLUB)  # a first read changes nobody
    before = federation.everything(), federation.sources()
    with pytest.raises(MassChangeRefused, match=said):
        federation.sync(*records, accept_changes=False, now=LATER)
    assert (federation.everything(), federation.sources()) == before
    federation.sync(*records, accept_changes=True)
    # Those who were gone before are not gone anew.
    federation.sync(*records, accept_changes=False)


def test_those_who_were_missing_are_back_without_a_question(federation: Federation) -> None:
    federation.sync(*CLUB)
    federation.sync(*CLUB[4:])
    back = [{**one, "first_name": "X"} for one in CLUB[:4]]
    found = counts(federation, *back, *CLUB[4:], accept_changes=False)
    assert found == {"updated": 4, "unchanged": 2}


def test_half_of_them_may_change_and_new_ones_come(federation: Federation) -> None:
    federation.sync(*CLUB)
    records = [*({**one, "phone": ""} for one in CLUB[:3]), *CLUB[3:]]
    records += [{"id": f"X{n}", "first_name": "new"} for n in range(9)]
    assert counts(federation, *records, accept_changes=False) == {
        "created": 9,
        "updated": 3,
        "unchanged": 3,
    }
