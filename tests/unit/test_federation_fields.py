"""How a federation's values are stored and compared (design, section 8)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trcpoints.federation.dates import DateOrder, iso_date
from trcpoints.federation.fields import FIELDS, column_value, comparable, is_same, stored

TEXTS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"\+?[0-9 ()x/.-]{3,18}", fullmatch=True),
    st.from_regex(r"[0-9]{1,4}[-/. ][0-9]{1,2}[-/. ][0-9]{1,4}", fullmatch=True),
    st.from_regex(r"[A-Za-zÀ-ž]{1,6}@[a-z]{1,5}\.(ie|ORG)", fullmatch=True),
    st.sampled_from(["active", "None", "159962941502783488", "Ǆ", "İ@x.ie", "A\u030a", "\u2000"]),
)
REGIONS = st.sampled_from(["IE", "GB", "US", "DE", None])


@pytest.mark.parametrize("name", FIELDS)
@given(text=TEXTS, region=REGIONS)
@example(text="+12345678", region="IE")
@example(text="087x123x4567", region="IE")
@example(text="087 123 4567 ext. 12", region="IE")
def test_normalising_again_changes_nothing(name: str, text: str, region: str | None) -> None:
    once = comparable(name, text, region)
    assert comparable(name, once, region) == once
    values, faults = stored({name: text}, region)
    if not faults:
        assert stored(values, region) == (values, [])
        assert comparable(name, values[name], region) == once


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("first_name", " Ann  Mary\n", "Ann Mary"),
        ("last_name", "Ó Sé", "O\u0301 Se\u0301"),
        ("email", "Ann@Example.ORG", "ann@example.org"),
        ("phone", "087 123 4567", "+353 (0)87-1234567"),
        ("phone", "00353871234567", "+353871234567"),
        ("phone", "12 34", "1234"),
        ("date_of_birth", "1990-12-31T00:00:00Z", "31.12.1990"),
        ("subscription_status", "active", "ACTIVE"),
        ("subscription_status", None, "NONE"),
        ("address", "", None),
        ("address", " \t", None),
    ],
)
def test_spellings_that_say_the_same(name: str, one: str | None, other: str | None) -> None:
    assert is_same(name, one, other, "IE")


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("first_name", "Ann", "ann"),
        ("phone", "087 123 4567", "087 123 4568"),
        ("phone", "087 123 4567 ext 1", "087 123 4567 ext 2"),
        ("phone", "unknown", None),
        ("date_of_birth", "1990-12-31", "1990-12-30"),
        ("discord_id", "1", None),
    ],
)
def test_values_that_are_not_the_same(name: str, one: str, other: str | None) -> None:
    assert not is_same(name, one, other, "IE")


def test_what_is_stored_is_the_federations_own_spelling() -> None:
    given = {
        "first_name": " Seán  Óg ",
        "email": "Sean@Example.ORG",
        "phone": "087 123 4567",
        "address": "1 Main St,\n Cork ",
        "date_of_birth": "31/12/1990",
        "last_name": None,
    }
    values, faults = stored(given, "IE")
    assert not faults
    assert values == {
        "first_name": "Seán  Óg",
        "email": "sean@example.org",
        "phone": "+353871234567",
        "address": "1 Main St,\n Cork",
        "date_of_birth": "1990-12-31",
        "last_name": None,
    }


def test_a_phone_number_that_is_none_keeps_its_spelling() -> None:
    assert stored({"phone": "ask Ann (12)"}, "IE") == ({"phone": "ask Ann (12)"}, [])
    assert stored({"phone": "087 123 4567"}, None) == ({"phone": "087 123 4567"}, [])


def test_a_number_with_an_extension_does_not_lose_it() -> None:
    assert stored({"phone": "087 123 4567 ext 12"}, "IE")[0] == {"phone": "+353871234567;ext=12"}


def test_no_subscription_is_none_in_our_column() -> None:
    assert column_value("subscription_status", None) == "NONE"
    assert column_value("email", None) is None


@pytest.mark.parametrize(
    "text",
    [
        "1990-12-31",
        "1990-12-31T23:59:59.000+01:00",
        "1990-12-31 00:00:00",
        "1990/12/31",
        "1990.12.31",
        "19901231",
        "31/12/1990",
        "12/31/1990",
        "12/31/1990 12:00:00 AM",
        "31.12.1990",
        "31-12-1990",
        "31 Dec 1990",
        "31st December 1990",
        "31-DEC-1990",
        "December 31, 1990",
        "Dec. 31 1990",
    ],
)
def test_dates_as_federations_spell_them(text: str) -> None:
    assert iso_date(text) == "1990-12-31"


def test_a_date_with_dots_has_the_day_first() -> None:
    assert iso_date("01.02.1990") == "1990-02-01"
    assert iso_date("2/2/1990") == "1990-02-02"


@pytest.mark.parametrize("text", ["01/02/1990", "1-2-1990"])
def test_a_date_that_could_be_two_is_refused(text: str) -> None:
    _, (fault,) = stored({"date_of_birth": text}, None)
    assert fault == (
        f"date_of_birth '{text}' could be two dates; should be a date like 1990-12-31, unless the "
        'connector says which comes first, the day or the month: date_order = "dmy" or "mdy"'
    )


@pytest.mark.parametrize("text", ["01/02/1990", "1-2-1990", "01.02.1990", "1/2/1990 10:30"])
def test_the_connector_says_whether_the_day_comes_first(text: str) -> None:
    assert stored({"date_of_birth": text}, None, "dmy") == ({"date_of_birth": "1990-02-01"}, [])
    assert stored({"date_of_birth": text}, None, "mdy") == ({"date_of_birth": "1990-01-02"}, [])


@pytest.mark.parametrize(
    ("order", "right", "wrong"),
    [("dmy", "31/12/1990", "12/31/1990"), ("mdy", "12/31/1990", "31.12.1990")],
)
def test_a_date_in_the_other_order_shows_that_the_order_is_wrong(
    order: DateOrder, right: str, wrong: str
) -> None:
    assert stored({"date_of_birth": right}, None, order) == ({"date_of_birth": "1990-12-31"}, [])
    _, (fault,) = stored({"date_of_birth": wrong}, None, order)
    assert fault == (
        f"date_of_birth '{wrong}' is no date by the connector's date_order, which is \"{order}\""
    )
    for text in ("1990-12-31", "31 Dec 1990", "Dec 31, 1990"):
        assert stored({"date_of_birth": text}, None, order)[0] == {"date_of_birth": "1990-12-31"}
    _, (fault,) = stored({"date_of_birth": "32/13/1990"}, None, order)
    assert fault == "date_of_birth '32/13/1990' should be a date like 1990-12-31"


@pytest.mark.parametrize(
    "text",
    ["1990-02-30", "0000-00-00", "31/12/90", "31/13/1990", "1990", "662601600", "12 Foo 1990", "x"],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    _, (fault,) = stored({"date_of_birth": text}, None)
    assert fault == f"date_of_birth '{text}' should be a date like 1990-12-31"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("discord_id", "ann#1234", "should be the digits of a Discord account's id"),
        ("email", "n/a", "is not an e-mail address"),
        ("subscription_status", "gold", "should be one of NONE, TRIALING, ACTIVE"),
        ("first_name", "A\0", "NUL"),
        ("address", "x" * 1001, "at most 1,000"),
        # Though it could be read as a shorter one.
        ("phone", f"+353{'-' * 1000}871234567", "has 1,013 characters; at most 1,000"),
        ("date_of_birth", f"31{' ' * 1000}Dec 1990", "has 1,010 characters; at most 1,000"),
    ],
)
def test_what_no_member_can_have_is_refused(name: str, text: str, reason: str) -> None:
    values, (fault,) = stored({name: text, "last_name": "Lee"}, "IE")
    assert fault.startswith(name)
    assert reason in fault
    assert values["last_name"] == "Lee"
