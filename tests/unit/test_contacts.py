"""E-mail addresses, phone numbers and Discord ids: what spreadsheets and people make of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trcpoints.federation.fields import stored
from trcpoints.members.contacts import parse_email, parse_phone
from trcpoints.members.discord_ids import find_rounding, parse_discord_id
from trcpoints.members.fields import normalise
from trcpoints.records.rounded_ids import RoundedIds


def refusal(parse: Callable[[str], str], text: str) -> str:
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org",
        "ada.o'neill+club_1@mail.example.co.uk",
        "dan@exämple.org",
        "зоя@пример.рф",
        "संपर्क@डाटामेल.भारत",
        "a@1.2.3.de",
        "x/y=z@ex-ample.org",
    ],
)
def test_addresses(address: str) -> None:
    assert parse_email(address) == address
    assert parse_email(address.upper()) == address.upper().lower()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mailto:ada@example.org", "do you mean 'ada@example.org'?"),
        ("Ben <ben@example.org>", "do you mean 'ben@example.org'?"),
        ("<ben@example.org>", "do you mean 'ben@example.org'?"),
        ("cia@example.org; cia2@example.org", "has 2 addresses; give one of them"),
        ("cia@example.org;cia2@example.org", "has 2 addresses"),
        ("a@b.org,c@d.org,e@f.org", "has 3 addresses"),
        ("a@b.org c@d.org", "has 2 addresses"),
        ("ada@example.org.", "do you mean 'ada@example.org'?"),
        ('"ada"@example.org', "is not an e-mail address"),
        ("ada@example", "is not an e-mail address"),
        ("ada@", "is not an e-mail address"),
        ("@example.org", "is not an e-mail address"),
        ("ada@@example.org", "is not an e-mail address"),
        ("ada@exam ple.org", "is not an e-mail address"),
        ("ada@example.org?subject=x", "do you mean 'ada@example.org'?"),
        ("ada\u200b@example.org", "is not an e-mail address"),
        ("n/a", "is not an e-mail address"),
    ],
)
def test_what_is_not_one_address(text: str, words: str) -> None:
    reason = refusal(parse_email, text)
    assert words in reason
    assert reason.startswith(repr(text))


@pytest.mark.parametrize(
    "number", ["861234567", "00353 86 123 4567", "+353 86 123 4567", "(086) 123-4567 ext. 8", "1"]
)
def test_phone_numbers(number: str) -> None:
    assert parse_phone(number) == number


@pytest.mark.parametrize(
    "text", ["3.53861E+11", "3,53861E+11", "3.5e11", "4E+9", "=+353861234567", "=353", "＝1"]
)
def test_what_a_spreadsheet_makes_of_a_phone_number(text: str) -> None:
    assert "spreadsheet" in refusal(parse_phone, text)
    # However it comes in: a number could be found in each of these.
    for read in (normalise, lambda given: stored(given, "IE")):
        values, faults = read({"phone": text})
        assert [fault.split()[0] for fault in faults] == ["phone"]
        assert not values.get("phone")


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#NAME?", "#VALUE!"])
@pytest.mark.parametrize("field", ["name", "first_name", "address", "phone", "email"])
def test_an_error_of_a_spreadsheet_is_no_value(field: str, text: str) -> None:
    _, [fault] = normalise({field: text})
    assert "an error that a spreadsheet shows" in fault


@pytest.mark.parametrize("text", ["101", "159962941502783488", "18446744073709551615"])
def test_discord_ids(text: str) -> None:
    assert parse_discord_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "1.59963E+17",
        "1,59963E+17",
        "1e17",
        "159962941502783488.0",
        "159,962,941,502,783,000",
        "159.962.941.502.783.000",
        "159\u202f962\u202f941\u202f502\u202f783\u202f000",
    ],
)
def test_ids_that_are_written_like_numbers(text: str) -> None:
    reason = refusal(parse_discord_id, text)
    assert "was rounded by a spreadsheet: format the column as text" in reason


@pytest.mark.parametrize("text", ["", "0", "12x", "-1", "١", "ada", "1.5", "9" * 21])
def test_what_is_no_discord_id(text: str) -> None:
    assert "should be the digits" in refusal(parse_discord_id, text)


def rounding(*ids: str | None) -> str | None:
    rounded = RoundedIds()
    for text in ids:
        rounded.add(text)
    return rounded.reason()


A, B, C = "159962941502783000", "485020107559403000", "668035632475537000"


@pytest.mark.parametrize(
    "ids",
    [
        (A, B, C),
        (f" {A}", B, f"{C}\t", A),
        (A, B, C, None, "", "not an id", "1.59963E+17", "101"),
        ("1234567890123456000", "1234567890123457000", "1234567890123458000"),
        ("12345678901234500", "12345678901234600", "12345678901234700"),
        ("12345678901234500", A, "1234567890123450000"),
    ],
)
def test_ids_that_a_spreadsheet_rounded(ids: tuple[str | None, ...]) -> None:
    reason = rounding(*ids)
    assert reason is not None
    assert "a spreadsheet has rounded them; format the column as text" in reason
    assert rounding(*reversed(ids)) == reason


@pytest.mark.parametrize(
    "ids",
    [
        (),
        (A, B),
        (A, B, A, B, A),  # the same two
        (A, B, C, "159962941502783488"),
        ("159962941502783488", A, B, C),
        ("1000", "2000", "3000"),
        ("100000000000000", "200000000000000", "300000000000000"),
        ("159962941502783400", "485020107559403100", "668035632475537200"),
    ],
)
def test_ids_that_say_nothing_of_a_spreadsheet(ids: tuple[str, ...]) -> None:
    assert rounding(*ids) is None


def test_the_fault_is_at_the_first_id() -> None:
    [(line, reason)] = find_rounding([(2, None), (3, A), (4, ""), (5, B), (6, C)])
    assert line == 3
    assert reason.startswith(f"all 3 Discord ids end in zeros, like {A}")
    assert find_rounding([(2, A), (3, B)]) == []
