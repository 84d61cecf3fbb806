"""What is taken out of texts, and what must stay in them."""

from __future__ import annotations

import pytest

from trcpoints.errors import SourceRefused
from trcpoints.secrecy import Scrubber, parts_of_address, secret_values

KEPT = "trcpoints of guild 42: see trcpoints status; hooks.example.org, notifications, server-01"


@pytest.mark.parametrize(
    "address",
    [
        "json://hooks.example.org/trcpoints/notifications",
        "https://hooks.example.org/services/TrcPoints",
        "jsons://joe@server-01:8443/trcpoints",
        "postgresql://trc:trcpoints@hooks.example.org/trcpoints",
    ],
)
def test_words_of_an_address_stay(address: str) -> None:
    assert Scrubber(parts_of_address(address))(KEPT) == KEPT
    assert Scrubber(secret_values({"SENTRY_DSN": address}))(KEPT) == KEPT


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("https://hc-ping.com/5f0e9a3c-0000-4000-8000-1234567890ab", None),
        ("https://9f3c1a7e5b2d4860a1b2c3d4e5f60718@o0.example.org/42", None),
        ("slack://TokenA/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "TIiajkdnlazkcOXrIdevi7FQ"),
        ("slack://TokenA/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "A1BRTD4JD"),
        ("tgram://123456789:AAbbCCddEE/987", "AAbbCCddEE"),
        ("mailto://joe:pass-word@example.org", "pass-word"),
        ("ntfy://abcdefghijklmnopqrstuvw", "abcdefghijklmnopqrstuvw"),
    ],
)
def test_keys_and_passwords_of_an_address_go(address: str, secret: str | None) -> None:
    scrub = Scrubber(parts_of_address(address))
    key = secret or address.split("//")[1].split("@")[0].split("/")[-1]
    assert scrub(f"it said {key}.") == "it said ***."
    assert scrub(f"it said {address}.") == "it said ***."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("psql 'postgresql://bob@127.0.0.1:5999/books' -c", None),
        ("psql 'postgres://bob@db.example.org/books' by ann@x.org", "[e-mail]"),
        ("write to ann.o@club.example.org.", "write to [e-mail]"),
        ("http://ann@club.example.org/x", "[e-mail]"),
        ("postgresql://bob:word@db.example.org/books", "[e-mail]"),
    ],
)
def test_an_e_mail_address_goes_and_that_of_a_database_stays(
    text: str, expected: str | None
) -> None:
    shown = Scrubber(())(text)
    if expected is None:
        assert shown == text
    else:
        assert expected in shown
        assert "ann" not in shown
        assert "word@" not in shown


def test_what_others_said_is_not_told_even_when_the_message_was_changed_since() -> None:
    fault = SourceRefused("It answered 400: row of Ada.", hint="Look.", quoted=": row of Ada")
    fault.message = fault.message.replace("row", "***")
    assert Scrubber(())(fault.told) == "It answered 400."
    assert Scrubber(()).words(fault) == ("It answered 400.", "Look.")
