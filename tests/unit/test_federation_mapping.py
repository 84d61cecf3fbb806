"""From a federation's record to our fields, and the digest that knows an unchanged one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.support.nested import deep_list
from trcpoints.federation.mapping import RecordMapping, RecordRejected

EXPRESSIONS = {
    "external_id": "memberId",
    "first_name": "name.first",
    "phone": "phone",
    "date_of_birth": "dob",
    "discord_id": "discord",
    "subscription_status": "paid",
}
WORDS = {"subscription_status": {"true": "ACTIVE", "lapsed": "CANCELLED", "gone": ""}}
RECORD: dict[str, object] = {"memberId": 7, "name": {"first": " Ann "}, "phone": 353871234567}


def mapping(
    expressions: Mapping[str, str] = EXPRESSIONS,
    words: Mapping[str, Mapping[str, str]] = WORDS,
    region: str | None = "IE",
) -> RecordMapping:
    return RecordMapping(expressions, words, region)


def values(record: object) -> dict[str, str | None]:
    one = mapping()
    return one.read(one.see(record))


def reasons(record: object) -> list[str]:
    with pytest.raises(RecordRejected) as caught:
        values(record)
    return caught.value.reasons


def test_every_mapped_field_is_read() -> None:
    record = {
        "memberId": 7,
        "name": {"first": " Ann "},
        "phone": 871234567,
        "dob": "31/12/1990",
        "discord": "159962941502783488",
        "paid": True,
        "shoe_size": 7,
    }
    assert mapping().see(record).external_id == "7"
    assert values(record) == {
        "first_name": "Ann",
        "date_of_birth": "1990-12-31",
        "phone": "+353871234567",
        "discord_id": "159962941502783488",
        "subscription_status": "ACTIVE",
    }


@pytest.mark.parametrize("empty", [None, "", "  \t"])
def test_null_missing_and_empty_are_the_same(empty: str | None) -> None:
    record = {"memberId": "x", **dict.fromkeys(("phone", "dob", "discord", "paid"), empty)}
    assert values(record) == values({"memberId": "x"})
    assert set(values(record).values()) == {None}


def test_numbers_become_text() -> None:
    assert values({"memberId": 7.0, "discord": 42.0, "phone": 12})["discord_id"] == "42"
    assert mapping().see({"memberId": 7.0}).external_id == "7"


def test_a_number_that_has_lost_digits_is_refused() -> None:
    (reason,) = reasons({"memberId": "7", "discord": 159962941502783488})
    assert reason.startswith("discord_id is the number 159962941502783488, beyond 2**53")
    exact = mapping({**EXPRESSIONS, "discord_id": "to_string(discord)"})
    sighting = exact.see({"memberId": "7", "discord": 159962941502783488})
    assert exact.read(sighting)["discord_id"] == "159962941502783488"


def test_words_are_translated() -> None:
    assert values({"memberId": 1, "paid": " lapsed "})["subscription_status"] == "CANCELLED"
    assert values({"memberId": 1, "paid": "gone"})["subscription_status"] is None


def test_a_star_stands_for_all_other_words() -> None:
    table = {"subscription_status": {"paid": "ACTIVE", "*": "CANCELLED"}}
    expressions = {"external_id": "id", "subscription_status": "status"}
    mapping = RecordMapping(expressions, table, None)

    def status(word: object) -> str | None:
        return mapping.read(mapping.see({"id": "1", "status": word}))["subscription_status"]

    assert [status(word) for word in ("paid", " paid ", "Paid", "lapsed", "*", False)] == [
        *("ACTIVE", "ACTIVE"),
        *("CANCELLED",) * 4,
    ]
    # Nothing is no word.
    assert [status(word) for word in ("", "  ", None)] == [None, None, None]


def test_all_that_is_wrong_with_a_record_is_said() -> None:
    record = {
        "memberId": "7",
        "name": {"first": ["Ann"]},
        "phone": False,
        "dob": "01/02/1990",
        "discord": "ann",
        "paid": "Lapsed",
    }
    assert reasons(record) == [
        'first_name should be text, not ["Ann"]',
        "phone should be text, not false",
        "subscription_status 'Lapsed' is a word that is not in the table of values: "
        "'true', 'lapsed', 'gone'",
        "date_of_birth '01/02/1990' could be two dates; should be a date like 1990-12-31, unless "
        'the connector says which comes first, the day or the month: date_order = "dmy" or "mdy"',
        "discord_id 'ann' should be the digits of a Discord account's id",
    ]
    with pytest.raises(RecordRejected) as caught:
        values(record)
    assert caught.value.external_id == "7"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([1], "is no object: [1]"),
        ("x", 'is no object: "x"'),
        ({}, "external_id is missing"),
        ({"memberId": " "}, "external_id is missing"),
        ({"memberId": {"id": 1}}, 'external_id should be text, not {"id": 1}'),
        ({"memberId": True}, "external_id should be text, not true"),
        ({"memberId": "a\0"}, "external_id has a NUL character"),
        ({"memberId": "1", "phone": "\ud800"}, "has half a surrogate pair"),
        # Before it is normalised, which would take the square of the length, and after.
        ({"memberId": "e\u0301" * 501}, "external_id has 1,002 characters; at most 1,000"),
        ({"memberId": "\ufb2c" * 334}, "external_id has 1,002 characters; at most 1,000"),
    ],
)
def test_a_record_that_cannot_be_told_is_rejected(record: object, reason: str) -> None:
    (told,) = reasons(record)
    assert told.startswith(reason)


def test_a_value_that_is_nested_too_deeply_rejects_the_record() -> None:
    nested = deep_list()
    for record, reason in (
        ({"memberId": nested}, "external_id should be text, not a value that is nested"),
        ({"memberId": "1", "phone": nested}, "has a value that is no JSON, or is nested too"),
    ):
        (told,) = reasons(record)
        assert told.startswith(reason)


def test_an_expression_that_fails_rejects_the_record() -> None:
    joined = mapping({**EXPRESSIONS, "first_name": "join(' ', [first, middle])"})
    assert joined.read(joined.see({"memberId": 1, "first": "Ann", "middle": "M"}))["first_name"]
    with pytest.raises(RecordRejected, match="first_name cannot be found: In function join"):
        joined.see({"memberId": 1, "first": "Ann"})


def test_an_expression_that_finds_no_json_rejects_the_record() -> None:
    with pytest.raises(RecordRejected, match="has a value that is no JSON"):
        mapping({**EXPRESSIONS, "first_name": "&first"}).see({"memberId": 1, "first": "Ann"})


def test_a_record_that_is_the_same_has_the_same_digest() -> None:
    backwards = dict(reversed(RECORD.items()))
    other_process = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.unit.test_federation_mapping import *; "
            "print(mapping().see({**RECORD, 'shoe_size': 7}).digest)",
        ],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert mapping().see(RECORD).digest == mapping().see(backwards).digest == other_process
    reordered = RecordMapping(dict(reversed(EXPRESSIONS.items())), WORDS, "IE")
    assert reordered.see(RECORD).digest == other_process


@pytest.mark.parametrize(
    "changed",
    [
        {"name": {"first": "Anne"}},
        {"phone": None},
        {"discord": "1"},
        {"name": {"first": None}, "phone": " Ann "},
    ],
)
def test_a_record_that_changed_has_another_digest(changed: dict[str, object]) -> None:
    assert mapping().see({**RECORD, **changed}).digest != mapping().see(RECORD).digest


def test_another_mapping_gives_another_digest() -> None:
    expressions = {**EXPRESSIONS, "first_name": "first"}
    digests = {
        one.see(RECORD).digest
        for one in (
            mapping(),
            mapping(expressions),
            mapping({name: text for name, text in EXPRESSIONS.items() if name != "discord_id"}),
            mapping(words={}),
            mapping(words={"subscription_status": {**WORDS["subscription_status"], "x": "NONE"}}),
            mapping(region="GB"),
            mapping(region=None),
            RecordMapping(EXPRESSIONS, WORDS, "IE", "dmy"),
            RecordMapping(EXPRESSIONS, WORDS, "IE", "mdy"),
        )
    }
    assert len(digests) == 9
