"""A record that has another external id now is the member it was (design, section 8)."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import queue
from tests.support.cli import Cli
from tests.support.engine import NOW, Federation, Record
from trcpoints.errors import MassChangeRefused

pytestmark = pytest.mark.slow_on_postgresql

ANN: Record = {
    "id": "M1",
    "first_name": "Ann",
    "date_of_birth": "1990-12-31",
    "discord_id": "101",
    "email": "ann@example.org",
    "address": "1 Base Rd",
}
BO: Record = {"id": "M2", "first_name": "Bo", "discord_id": "102", "email": "bo@example.org"}
BY_ACCOUNT: Record = {**ANN, "id": "X1", "email": "new@example.org"}
BY_MAIL: Record = {**ANN, "id": "X1", "discord_id": None}
LATER = NOW + timedelta(days=1)


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    return Federation(cli, tmp_path)


@pytest.mark.parametrize("again", [BY_ACCOUNT, BY_MAIL], ids=["by account", "by e-mail"])
@pytest.mark.parametrize("is_missing_before", [False, True])
def test_a_renumbered_member_is_who_they_were(
    federation: Federation, again: Record, *, is_missing_before: bool
) -> None:
    federation.sync(ANN, BO)
    if is_missing_before:
        federation.sync(BO)
    # What a person has set since stays: the federation says what it said.
    federation.by_hand(1, address="4 Ours Rd")
    plan = federation.sync(again, BO, now=LATER)
    assert (plan.counts.updated, plan.counts.created, plan.counts.missing) == (1, 0, 0)
    assert plan.counts.relinked == 1
    [relinked] = plan.relinked
    assert (relinked.before, relinked.external_id, relinked.member_id) == ("M1", "X1", 1)
    [link, _] = federation.links()
    assert (link["external_id"], link["member"], link["missing_since"]) == ("X1", 1, None)
    assert link["synced_at"] == LATER
    member = federation.member("X1")
    assert (member["address"], member["discord_id"]) == ("4 Ours Rd", "101")
    assert federation.conflicts() == []
    before = federation.everything()
    assert federation.sync(again, BO).counts.unchanged == 2
    assert federation.everything() == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_old_record_beside_the_new_one_keeps_its_member(
    federation: Federation, order: tuple[int, ...]
) -> None:
    federation.sync(ANN, BO)
    records = [ANN, {**BY_ACCOUNT, "first_name": "Al"}, BO]
    plan = federation.sync(*(records[n] for n in order))
    assert plan.rejections == [("X1", "its discord_id 101 is that of member 1, who is record 'M1'")]
    # By e-mail it is somebody new.
    assert federation.sync(ANN, BY_MAIL, BO).counts.created == 1
    assert federation.member("M1")["id"] == 1


@pytest.mark.parametrize(
    "old", [{**ANN, "subscription_status": "perhaps"}, {**ANN, "id": None}], ids=["wrong", "no id"]
)
def test_a_record_that_cannot_be_read_is_not_known_to_be_gone(
    federation: Federation, old: Record
) -> None:
    federation.sync(ANN, BO)
    plan = federation.sync(old, BY_ACCOUNT, BO)
    assert plan.counts.rejected == 2
    assert federation.member("M1")["id"] == 1
    assert [one["external_id"] for one in federation.links()] == ["M1", "M2"]


def test_of_one_who_is_asked_for_alone_nobody_knows_who_is_gone(federation: Federation) -> None:
    federation.sync(ANN, BO)
    for _ in range(2):
        plan = federation.sync(BY_ACCOUNT, BO, external_id="X1")
        assert plan.counts.rejected == 1
        federation.sync(BO)
    assert federation.sync(BY_ACCOUNT, BO).counts.relinked == 1


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Al"},
        {"date_of_birth": "1991-12-31"},
        {"discord_id": "109"},
    ],
)
def test_a_family_s_address_does_not_make_one_the_other(
    federation: Federation, other: Record
) -> None:
    federation.sync(ANN, BO)
    plan = federation.sync({**BY_MAIL, **other}, BO)
    assert (plan.counts.created, plan.counts.missing, plan.counts.relinked) == (1, 1, 0)
    assert federation.member("M1")["first_name"] == "Ann"


def test_the_case_of_a_name_and_what_is_not_said_make_nobody_another(
    federation: Federation,
) -> None:
    federation.sync(ANN, BO)
    plan = federation.sync({**BY_MAIL, "first_name": "ANN", "date_of_birth": None}, BO)
    assert plan.counts.relinked == 1


def test_an_e_mail_of_several_who_are_gone(federation: Federation) -> None:
    home = {"email": "home@example.org"}
    federation.sync({"id": "M1", **home}, {"id": "M2", **home}, BO_3)
    plan = federation.sync({"id": "X1", **home}, BO_3)
    assert plan.rejections == [
        ("X1", "its e-mail 'home@example.org' is shared by the members 1, 2")
    ]
    # Two for one who is gone.
    plan = federation.sync({"id": "M2", **home}, BO_3, {"id": "X1", **home}, {"id": "X2", **home})
    reason = "member 1 could be any of the records 'X1', 'X2'"
    assert sorted(plan.rejections) == [("X1", reason), ("X2", reason)]


BO_3: Record = {**BO, "id": "M3"}


def test_who_is_gone_and_has_an_account_is_found_by_it_first(federation: Federation) -> None:
    federation.sync(ANN, BO)
    plan = federation.sync(
        {"id": "X1", "email": "ann@example.org"}, {"id": "X2", "discord_id": "101"}, BO
    )
    assert (plan.counts.relinked, plan.counts.created) == (1, 1)
    assert federation.member("X2")["id"] == 1
    assert federation.member("X1")["id"] == 3


def test_a_whole_organization_renumbered_is_a_mass_change(federation: Federation) -> None:
    club = [{"id": f"M{n}", "first_name": f"N{n}", "discord_id": f"10{n}"} for n in range(6)]
    again = [{**one, "id": f"X{one['id']}"} for one in club]
    federation.sync(*club)
    before = federation.everything()
    with pytest.raises(MassChangeRefused, match="6 gone, 0 changed"):
        federation.sync(*again, accept_changes=False)
    assert federation.everything() == before
    plan = federation.sync(*again, accept_changes=True)
    assert (plan.counts.relinked, plan.counts.missing) == (6, 0)
    assert federation.sync(*again, accept_changes=False).counts.unchanged == 6
    assert len(federation.members()) == 6


def test_a_record_that_is_back_under_its_old_id_too(federation: Federation) -> None:
    federation.sync(ANN, BO)
    federation.sync(BY_ACCOUNT, BO)
    plan = federation.sync(ANN, BO)
    assert (plan.counts.relinked, plan.relinked[0].before) == (1, "X1")
    assert federation.member("M1")["id"] == 1


def test_history_tells_the_old_and_the_new_id(cli: Cli) -> None:
    queue.configure(cli, ["st-judes"])
    path = queue.export(cli, "st-judes")
    cli.ok("federation", "sync")
    path.write_text(path.read_text().replace("\neve,", "\nnew-eve,"))
    cli.ok("federation", "sync")
    run = queue.runs(cli)[-1]
    stats = cli.ok("history", "show", run.id)["run"]["stats"]
    assert stats["relinked"] == [{"before": "eve", "external_id": "new-eve", "member_id": "5"}]
    assert stats["missing"] == []
    screen = cli("history", "show", run.id).out
    assert re.search(r"^records +updated 1, unchanged 4, relinked 1 *$", screen, re.MULTILINE)
    assert re.search(r"relinked: 1\n.*\neve +new-eve +5 *$", screen, re.MULTILINE)
