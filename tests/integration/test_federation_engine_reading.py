"""What counts as one record: an external id however it is written, and pages that overlap."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.engine import Federation, Listed, Record
from trcpoints.errors import SourceInvalid
from trcpoints.federation.engine import fetching

pytestmark = pytest.mark.slow_on_postgresql

ANN: Record = {"id": "M1", "first_name": "Ann"}
BO: Record = {"id": "M2", "first_name": "Bo"}
WRONG: Record = {"id": "M1", "first_name": "Ann", "subscription_status": "perhaps"}
SEVERAL = "its external_id is that of several records"
COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "É1"), unicodedata.normalize("NFD", "É1")


@pytest.fixture
def federation(cli: Cli, tmp_path: Path) -> Federation:
    return Federation(cli, tmp_path)


def test_a_row_that_moved_to_the_next_page_is_one_record(federation: Federation) -> None:
    plan = federation.sync(ANN, BO, ANN)
    assert (plan.counts.created, plan.rejections) == (2, [])
    # Of a known record too, whether it changed or not.
    plan = federation.sync(ANN, BO, ANN, ANN)
    assert (plan.counts.unchanged, plan.counts.missing, plan.rejections) == (2, 0, [])
    changed = {**ANN, "first_name": "An"}
    plan = federation.sync(BO, changed, changed, BO)
    assert (plan.counts.updated, plan.counts.unchanged, plan.rejections) == (1, 1, [])
    assert federation.member("M1")["first_name"] == "An"


def test_a_wrong_record_on_two_pages_is_rejected_once_and_says_why(federation: Federation) -> None:
    for _ in range(2):
        [(external_id, reason)] = federation.sync(WRONG, BO, WRONG).rejections
        assert external_id == "M1"
        assert "'perhaps' is a word" in reason
        federation.sync(ANN, BO)


@pytest.mark.parametrize("known", [(), (ANN,), ({**ANN, "first_name": "An"},)])
def test_records_that_differ_are_rejected_in_any_order(
    federation: Federation, known: tuple[Record, ...]
) -> None:
    other = {**ANN, "first_name": "An"}
    federation.sync(*known)
    for order in set(itertools.permutations([0, 0, 1, 2])):
        plan = federation.sync(*([ANN, other, BO][n] for n in order))
        assert plan.rejections == [("M1", SEVERAL)] * 2
    for records in itertools.permutations([ANN, WRONG, other, ANN]):
        assert federation.sync(*records, BO).rejections == [("M1", SEVERAL)] * 3
    assert [one["first_name"] for one in federation.members().values() if one["id"] > 1] in (
        [], ["Bo"]
    )  # fmt: skip


def test_an_external_id_is_the_same_however_it_is_written(federation: Federation) -> None:
    assert COMPOSED != DECOMPOSED
    federation.sync({**ANN, "id": f" {DECOMPOSED} "}, BO)
    assert [one["external_id"] for one in federation.links()] == [COMPOSED, "M2"]
    for spelt in (COMPOSED, DECOMPOSED, f"\t{DECOMPOSED}"):
        assert federation.sync({**ANN, "id": spelt}, BO).counts.unchanged == 2
    plan = federation.sync({**ANN, "id": DECOMPOSED}, {**ANN, "id": COMPOSED}, BO)
    assert (plan.counts.unchanged, plan.rejections) == (2, [])
    wrong = {**WRONG, "id": DECOMPOSED}
    plan = federation.sync(wrong, BO)
    assert (plan.counts.missing, [name for name, _ in plan.rejections]) == (0, [COMPOSED])
    # Case tells one from another.
    lower = COMPOSED.lower()
    assert federation.sync({**ANN, "id": COMPOSED}, {**ANN, "id": lower}, BO).counts.created == 1


def test_one_who_is_asked_for_or_deleted_by_another_spelling(federation: Federation) -> None:
    federation.sync({**ANN, "id": COMPOSED}, BO)
    changed = {**ANN, "id": DECOMPOSED, "first_name": "An"}
    plan = federation.sync(changed, external_id=DECOMPOSED)
    assert (plan.counts.updated, plan.rejections) == (1, [])
    assert federation.sync(source=Listed(), external_id=f" {DECOMPOSED}").counts.deactivated == 1
    assert federation.member(COMPOSED)["active"] is False


def test_there_is_an_end_to_what_is_read(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST_RECORDS", 2)
    federation.sync(ANN, BO)
    with pytest.raises(SourceInvalid, match="more than 2 records"):
        federation.sync(ANN, BO, {**BO, "id": "M3"})
    assert len(federation.members()) == 2
