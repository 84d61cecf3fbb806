"""What the texts of the configuration may look like; each raises ValueError with the shape."""

from __future__ import annotations

import binascii
import codecs
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from trcpoints.federation.expressions import compile_expression
from trcpoints.federation.tables import nearest
from trcpoints.http.addresses import is_this_machine

W = TypeVar("W", bound=str)

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", re.ASCII)
_LIKE_A_WORD = re.compile(r"[A-Z0-9]{1,12}|[A-Z]{1,20}[0-9]{0,6}")
_SECRET = re.compile(r"token|secret|passw|api[_-]?key|access[_-]?key|credential", re.IGNORECASE)


def one_of(words: Sequence[W]) -> Callable[[str], W]:
    """One of a few words."""

    def parse(text: str) -> W:
        for word in words:
            if text == word:
                return word
        raise ValueError(f"should be {' or '.join(words)}{_meant(text, words)}")

    return parse


def connector_name(name: str) -> str:
    """A name that leases, scopes and messages can carry: federation:connector/organization."""
    if not name or len(name) > 100 or not name.isprintable() or re.search(r"[\s:/{}]", name):
        raise ValueError(
            "should have a name of printable characters, without spaces, colons, slashes and braces"
        )
    return name


def organization_name(name: str) -> str:
    """The federation's own id of an organization; it fills {organization}."""
    if name in {".", ".."}:
        raise ValueError("cannot be the name of an organization: addresses give it a meaning")
    if not name or len(name) > 100 or not name.isprintable() or re.search(r"\s", name):
        raise ValueError("should have a name of printable characters, without spaces")
    return name


def variable(text: str) -> str:
    """The name of an environment variable; a secret itself is refused, and not repeated."""
    parts = text.split("_")
    if not _VARIABLE.fullmatch(text) or not all(map(_LIKE_A_WORD.fullmatch, parts)):
        raise ValueError(
            "should be the name of an environment variable, in capitals, like GAA_TOKEN; "
            "a secret itself does not belong in this file"
        )
    return text


def expression(text: str) -> str:
    """A JMESPath expression."""
    compile_expression(text)
    return text


def address(text: str) -> str:
    """An HTTP address with placeholders, without anything secret in it."""
    shape = "should look like https://host/path"
    try:
        parts = urlsplit(PLACEHOLDER.sub("x", text))
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(shape) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid:
        raise ValueError(shape)
    if not text.isprintable() or re.search(r"\s", text) or parts.fragment:
        raise ValueError(f"{shape}, without spaces and without #")
    named = (name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if parts.username is not None or any(map(_SECRET.search, named)):
        raise ValueError(f"{shape}, without a secret in it: name its variable in token_env")
    return text


def is_private(address: str) -> bool:
    """Whether nobody but this machine sees what is sent to a valid address."""
    url = PLACEHOLDER.sub("x", address)
    return urlsplit(url).scheme == "https" or is_this_machine(url)


class TooShort(ValueError):
    """A secret that could be guessed."""


SHORTEST_KEY = 16
"""Bytes of a key of webhooks."""

KEY_PREFIX = "whsec_"


def webhook_secret(text: str) -> str:
    """One or several secrets with spaces between them; raises TooShort, and never shows them."""
    for word in text.split():
        is_standard = word.startswith(KEY_PREFIX)
        key = standard_key(word) if is_standard else word.encode("utf-8", "surrogateescape")
        if len(key) < SHORTEST_KEY:
            what = f"bytes of base64 after {KEY_PREFIX}" if is_standard else "bytes"
            raise TooShort(
                f"should have at least {SHORTEST_KEY} {what}, like that of: "
                f'echo "{KEY_PREFIX}$(openssl rand -base64 32)"'
            )
    return text


def standard_key(word: str) -> bytes:
    """The key in a secret of Standard Webhooks: its base64, with or without the prefix and the
    padding; nothing where it is none.
    """
    text = word.removeprefix(KEY_PREFIX).rstrip("=")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def region(text: str) -> str:
    """Where phone numbers without a country are dialled."""
    from trcpoints.federation.phones import is_region

    if not is_region(text):
        raise ValueError("should be a region of two capitals, like IE or GB")
    return text


def parameter(text: str) -> str:
    """The name of a parameter in a query."""
    if not re.fullmatch(r"[A-Za-z0-9_.\[\]$-]+", text):
        raise ValueError("should be the name of a parameter, like page")
    return text


def delimiter(text: str) -> str:
    """What stands between the cells of CSV."""
    if len(text) != 1 or text.isalnum() or text in "\"'\r\n\0":
        raise ValueError('should be one character, like "," or ";" or "\\t"')
    return text


def encoding(text: str) -> str:
    """How the characters of a file are written."""
    shape = "should be an encoding like utf-8 or cp1252"
    try:
        info = codecs.lookup(text)
        # Some of what Python looks up is no text in bytes: rot13, base64, …
        "".encode(info.name)
    except (LookupError, ValueError):
        raise ValueError(shape) from None
    return info.name


def file_path(text: str) -> str:
    """The path of a file, with placeholders."""
    if not text or "\0" in text:
        raise ValueError("should be the path of a file")
    return text


def _meant(text: str, words: Sequence[str]) -> str:
    meant = nearest(text, list(words))
    return meant if meant.startswith("; did") else ""
