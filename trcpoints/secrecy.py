"""What must not be told to anybody, and texts without it (design, section 14)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from trcpoints.errors import InternalError, Interrupted, TrcpointsError

_SHORTEST = 4
"""Whatever is shorter is found in ordinary words, and could not be kept from anybody."""

_LONG = 8
"""Parts of a secret address that are at least so long may be a key by themselves."""

_LONGEST_WORD = 19

_ORDINARY = re.compile(r"[A-Z]?[a-z]*[0-9]{0,4}")
"""A word, perhaps with a number behind it. Keys mix letters and digits, or are longer."""

_OURS = "trcpoints"
"""In every name of a file; as a password it could not be kept from anybody."""

_SECRET = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSPHRASE|KEY)$")
_SECRET_ADDRESS = re.compile(r"(DSN|NOTIFY|NOTIFY_URLS|WEBHOOK_URL)$|PING_URL")
_CREDENTIALS = re.compile(
    r"://(?P<user>[^:@/?#\s]*):(?P<password>[^@/?#\s]+)@|[?&](ssl)?password=(?P<query>[^&#\s]+)"
)
_WEB = re.compile(r"https?://([^@/?#\s]*@)?[^/?#\s]*")
_E_MAIL = re.compile(r"[^\s@<>()\[\]'\",;:=]+@[^\s@<>()\[\]'\",;:/]+")
_DATABASE_USER = re.compile(r"(postgres(?:ql)?://[^\s@:/?#]+@)")
_HOME = re.compile(r"/(home|Users)/[^/\s'\"]+")


def secret_values(values: Mapping[str, str]) -> frozenset[str]:
    """The secrets among variables: by their names, and the passwords in any address."""
    return frozenset(_long_enough(_secrets(values.items())))


def _secrets(variables: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in variables:
        for word in value.split():
            yield from _passwords(word)
            if _SECRET.search(name):
                yield word
            elif _SECRET_ADDRESS.search(name):
                yield from parts_of_address(word)


def parts_of_address(address: str) -> Iterator[str]:
    """What of a secret address would give it away: all of it, its passwords and its keys.

    Hosts are none of them, as a reader has to know who did not answer, and words are none.
    """
    yield address
    yield from _passwords(address)
    web = _WEB.match(address)
    rest = address[web.end() :] if web else address.partition("://")[2]
    user = web[1] if web else None
    yield from filter(_is_key, re.split(r"[/:@?&=#]", f"{user or ''}{rest}"))


def _is_key(part: str) -> bool:
    return len(part) >= _LONG and not all(map(_is_ordinary, re.split(r"[-._~+%]", part)))


def _is_ordinary(word: str) -> bool:
    if word.lower() == _OURS:
        return True
    return len(word) <= _LONGEST_WORD and _ORDINARY.fullmatch(word) is not None


def _passwords(address: str) -> Iterator[str]:
    for found in _CREDENTIALS.finditer(address):
        password = found["password"] or found["query"]
        yield password
        yield unquote(password)


def _long_enough(secrets: Iterable[str]) -> Iterator[str]:
    return (secret for secret in secrets if len(secret) >= _SHORTEST and secret.lower() != _OURS)


class Scrubber:
    """Takes out of texts what is nobody's business: secrets, e-mail addresses, whose home it is."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: a secret may be the beginning of another one.
        words = sorted(_long_enough(secrets), key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, words)) or r"(?!)", re.IGNORECASE)
        home = os.environ.get("HOME", "")
        self._home = home if home.count("/") > 1 else None

    def __call__(self, text: str) -> str:
        """The text, with a sign in place of what was taken out."""
        text = self._secret.sub("***", text)
        if self._home:
            text = text.replace(self._home, "~")
        # The user of a database address looks like an e-mail address, together with the host.
        parts = _DATABASE_USER.split(_HOME.sub("~", text))
        parts[::2] = [_E_MAIL.sub("[e-mail]", part) for part in parts[::2]]
        return "".join(parts)

    def words(self, fault: BaseException) -> tuple[str, str]:
        """What may be told of a failure: a message and a hint.

        Of a fault that nobody expected only its kind: its text may quote rows and answers.
        """
        if isinstance(fault, Interrupted):
            return self(fault.message), self(fault.hint)
        if isinstance(fault, TrcpointsError) and not isinstance(fault, InternalError):
            return self(fault.told), self(fault.hint)
        return (
            f"trcpoints met a fault of its own: {kind_of(fault)}",
            "Run the command again with -v, and report what it prints.",
        )


def kind_of(fault: BaseException) -> str:
    """The type of an unexpected fault; of the one that shows a bug, not of our wrapping."""
    shown = fault.__cause__ if isinstance(fault, InternalError) else None
    return type(shown or fault).__name__
