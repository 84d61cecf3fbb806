"""The pages in a saved file, in each of the forms that people save them in (design, A3).

A page is what the API answers. Several of them are documents that follow each other, with or
without a line break, or one list. A page may be a bare list of players, or have no guild: then
whoever gives the file says which guild it is of.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from trcpoints.errors import DataRefused, InvalidRecords, LeaderboardInvalid
from trcpoints.http.answers import Undecodable, loads
from trcpoints.http.text import one_line
from trcpoints.mee6 import cloudflare, remedies
from trcpoints.mee6.pages import Page, decode_page
from trcpoints.records.encodings import to_utf_8

EXPECTED = (
    "Expected is what the API answers: one JSON document, several of them one after the other, "
    "or an array of them. Save it with: curl -A trcpoints "
    "'https://mee6.xyz/api/plugins/levels/leaderboard/GUILD?page=0&limit=999' > FILE"
)

# Only finds where a document ends: what is in it is looked at later.
_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str)
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NULL = msgspec.Raw(b"null")


class _Outline(msgspec.Struct):
    """What tells a page from a player, and a page with a guild from one without."""

    guild: msgspec.Raw = _NULL
    players: msgspec.Raw = _NULL
    page: msgspec.Raw = _NULL
    id: msgspec.Raw = _NULL
    xp: msgspec.Raw = _NULL


@dataclass(frozen=True, slots=True)
class SavedPages:
    """A file of pages. `name` is how messages call it.

    `guild_id` is the guild that all pages must be of, None for any. `unnamed` is the guild of the
    pages that do not name theirs; None: such pages are refused.
    """

    name: str
    guild_id: str | None
    unnamed: str | None

    def decode(self, body: bytes) -> list[Page]:
        """Return the pages of a file. Raises LeaderboardInvalid."""
        try:
            text = _to_utf_8(body, self.name)
            if not text.lstrip().startswith((b"{", b"[")):
                self._refuse_web_page(text)
            return self._decode(text)
        except Undecodable as fault:
            raise LeaderboardInvalid(
                f"{self.name} is not JSON ({fault}).", hint=EXPECTED
            ) from fault

    def _decode(self, body: bytes) -> list[Page]:
        if _has_document_on_first_line(body):
            try:
                return [page for line in _lines(body) for page in self._pages(line, several=True)]
            except Undecodable:
                pass  # A document on a later line has several.
        try:
            return list(self._pages(body, several=False))
        except Undecodable as fault:
            documents = _split(body, fault)
            return [page for document in documents for page in self._pages(document, several=True)]

    def _pages(self, document: bytes, *, several: bool) -> Iterator[Page]:
        """The pages of one document: of a list each item, unless the items are players."""
        where = f"A page of {self.name}" if several else self.name
        if not document.lstrip().startswith(b"["):
            yield self._page(document, where)
            return
        items = _items(document)
        if not items:
            raise LeaderboardInvalid(f"{self.name} holds no page.", hint=EXPECTED)
        if _is_player(items[0]):
            yield self._page(document, where)
            return
        for item in items:
            yield self._page(bytes(item), f"A page of {self.name}")

    def _page(self, document: bytes, where: str) -> Page:
        if document.lstrip().startswith(b"["):
            return self._unnamed_page(document, b"null", where)
        try:
            return decode_page(document, self.guild_id, where)
        except LeaderboardInvalid:
            outline = _outline(document)
            if outline is None or outline.guild != _NULL or outline.players == _NULL:
                raise
        return self._unnamed_page(bytes(outline.players), bytes(outline.page), where)

    def _unnamed_page(self, players: bytes, number: bytes, where: str) -> Page:
        if self.unnamed is None:
            raise LeaderboardInvalid(
                f"{where} has players, but does not say of which guild.",
                hint="Say it with --guild ID (Discord: right-click the server, Copy Server ID).",
            )
        if b'"guild_id"' in players:
            self._refuse_other_guild(players, where)
        page = b'{"guild":{"id":"%b"},"page":%b,"players":%b}'
        return decode_page(page % (self.unnamed.encode(), number, players), self.guild_id, where)

    def _refuse_other_guild(self, players: bytes, where: str) -> None:
        """MEE6 notes the guild with each player, too."""
        try:
            found = loads(players)
        except Undecodable:
            return  # Whatever is malformed is refused when the page is read.
        records = found if isinstance(found, list) else []
        noted = (one.get("guild_id") for one in records if isinstance(one, dict))
        others = {str(guild) for guild in noted if guild} - {self.unnamed}
        if others:
            raise LeaderboardInvalid(
                f"{where} has players of guild {one_line(min(others))}, not of guild "
                f"{self.unnamed}.",
                hint="Check --guild, and that the file is from the right server.",
            )

    def _refuse_web_page(self, body: bytes) -> None:
        """Raise LeaderboardInvalid for a page for people, as a browser or curl may save it."""
        seen = cloudflare.recognize(body)
        if seen is not None:
            raise LeaderboardInvalid(
                f"{self.name} is no leaderboard, but an answer of Cloudflare, which is in front "
                f"of MEE6 ({seen}).",
                hint=remedies.OTHER_NETWORK,
            )
        if cloudflare.is_web_page(body):
            raise LeaderboardInvalid(
                f"{self.name} is a web page, and not what the API answers.", hint=EXPECTED
            )


def _to_utf_8(body: bytes, name: str) -> bytes:
    """The same text in UTF-8: PowerShell writes UTF-16 when it redirects. Raises Undecodable."""
    try:
        return to_utf_8(body, name)
    except InvalidRecords as fault:
        raise Undecodable(fault.faults[0][1]) from fault
    except DataRefused as fault:
        raise LeaderboardInvalid(fault.message, hint=fault.hint) from fault


def _has_document_on_first_line(body: bytes) -> bool:
    """Whether there are several lines, and the first is a document by itself."""
    lines = _lines(body)
    first = next(lines, b"")
    if next(lines, None) is None:
        return False
    try:
        loads(first)
    except Undecodable:
        return False
    return True


def _lines(body: bytes) -> Iterator[bytes]:
    # One at a time: a list of them would hold the file a second time.
    return filter(bytes.strip, io.BytesIO(body))


def _split(body: bytes, fault: Undecodable) -> Iterator[bytes]:
    """The documents of a text, one after the other.

    Raises Undecodable: `fault`, which the text as a whole has, where not even the first is one.
    """
    text = body.decode()
    place = _next(text, 0)
    end = 0
    while place < len(text):
        try:
            _, stop = _SCANNER.raw_decode(text, place)
        except (ValueError, RecursionError) as second:
            raise (Undecodable(one_line(str(second))) if end else fault) from second
        yield text[place:stop].encode()
        end, place = stop, _next(text, stop)
    if not end:
        raise fault


def _next(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _items(document: bytes) -> list[msgspec.Raw]:
    try:
        # Raw: each page is decoded on its own, and only then are there objects of its players.
        return msgspec.json.decode(document, type=list[msgspec.Raw])
    except _BROKEN as fault:
        raise Undecodable(one_line(str(fault))) from fault


def _outline(document: bytes) -> _Outline | None:
    try:
        return msgspec.json.decode(document, type=_Outline)
    except _BROKEN:
        return None


def _is_player(item: msgspec.Raw) -> bool:
    outline = _outline(bytes(item))
    if outline is None or outline.players != _NULL:
        return False
    return outline.id != _NULL or outline.xp != _NULL
