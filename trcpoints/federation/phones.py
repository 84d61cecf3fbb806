"""Phone numbers to E.164 (design, section 8)."""

from __future__ import annotations

from functools import lru_cache

from trcpoints.errors import MissingExtra

try:
    import phonenumbers
    from phonenumbers import NumberParseException, PhoneNumberFormat
except ImportError:
    raise MissingExtra("Reading phone numbers of federations", "federation") from None


def is_region(text: str) -> bool:
    """Whether numbers can be read as they are dialled there: IE, GB, …"""
    return text in phonenumbers.SUPPORTED_REGIONS


# One record's number is asked for several times in a row: by what it is stored as, by each side.
@lru_cache(maxsize=4096)
def e164(text: str, region: str | None) -> str | None:
    """The number in E.164, with `;ext=` where it has an extension; None for none that is valid."""
    return _e164(text, region) or _e164(_digits(text), region)


def comparable_phone(text: str, region: str | None) -> str:
    """What tells one number from another: E.164, else the digits, else the text itself."""
    return e164(text, region) or _digits(text) or text


@lru_cache(maxsize=4096)
def is_dialled_as(number: str, text: str) -> bool:
    """Whether a number in E.164 is what somebody in its country dials by a text without one."""
    if not number.startswith("+") or text.startswith("+"):
        return False
    try:
        country = phonenumbers.parse(number).country_code
    except NumberParseException:
        return False
    return e164(text, phonenumbers.region_code_for_country_code(country or 0)) == number


def _digits(text: str) -> str:
    digits: str = phonenumbers.normalize_digits_only(text)
    plus = "+" if digits and text.lstrip().startswith(("+", "＋")) else ""
    return plus + digits


def _e164(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    formatted: str = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{formatted};ext={number.extension}" if number.extension else formatted
