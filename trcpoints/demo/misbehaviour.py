"""How each fault changes an answer, or the bytes of it on their way."""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Protocol

from trcpoints.demo.faults import Fault
from trcpoints.demo.world import Envelope, World

HUGE = 20 * 1024 * 1024
HTML = b"<!DOCTYPE html><html><head><title>Attention Required!</title></head><body></body></html>"
WEBSITE = (
    b"<!DOCTYPE html><html><head><title>404: page not found</title></head><body></body></html>"
)
JSON_TYPE = "application/json"

How = Mapping[str, object]


@dataclass(slots=True)
class Reply:
    """An HTTP answer before it is sent. `cut` bytes are promised by Content-Length but not sent."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    cut: int = 0


class Line(Protocol):
    """What a fault may do to a connection."""

    connection: socket.socket
    close_connection: bool

    def send_reply(self, reply: Reply) -> None:
        """Send a whole answer."""

    def pause(self, seconds: float) -> bool:
        """Wait; True when the server is being stopped."""


def error_reply(status: int, message: str, **headers: str) -> Reply:
    """An error as MEE6 puts it."""
    body = json.dumps({"error": {"message": message}, "status_code": status}).encode()
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def number_in(how: How, name: str, default: float) -> float:
    value = how.get(name, default)
    if not isinstance(value, int | float):
        raise TypeError(f"{name} should be a number, not {value!r}")
    return value


def _limited(how: How) -> Reply:
    return error_reply(429, "Too Many Requests", Retry_After=f"{number_in(how, 'seconds', 1800):g}")


def _limited_until(how: How) -> Reply:
    # One second more, for a date has no fractions.
    date = formatdate(time.time() + number_in(how, "seconds", 1800) + 1, usegmt=True)
    return error_reply(429, "Too Many Requests", Retry_After=date)


def _limited_saying(value: str) -> Reply:
    return error_reply(429, "Too Many Requests", Retry_After=value)


REPLIES: Mapping[Fault, Callable[[How], Reply]] = {
    Fault.UNAUTHORIZED: lambda _: error_reply(401, "Unauthorized"),
    Fault.FORBIDDEN: lambda _: Reply(403, HTML, content_type="text/html"),
    Fault.NOT_FOUND: lambda _: error_reply(404, "Not Found"),
    Fault.WRONG_ADDRESS: lambda _: Reply(404, WEBSITE, content_type="text/html"),
    Fault.BAD_REQUEST: lambda how: error_reply(
        int(number_in(how, "status", 400)), "Bad\x1b[31m Request"
    ),
    Fault.REDIRECT: lambda how: Reply(
        302, b"", {"Location": str(how.get("location", "https://elsewhere.example/secret?k=v"))}
    ),
    Fault.RATE_LIMITED: _limited,
    Fault.RATE_LIMITED_SHORT: lambda _: _limited({"seconds": 0}),
    Fault.RATE_LIMITED_DATE: _limited_until,
    Fault.RATE_LIMITED_PAST_DATE: lambda _: _limited_until({"seconds": -3600}),
    Fault.RATE_LIMITED_MISSING: lambda _: error_reply(429, "Too Many Requests"),
    Fault.RATE_LIMITED_HUGE: lambda _: _limited_saying("9" * 5000),
    Fault.RATE_LIMITED_GARBAGE: lambda how: _limited_saying(str(how.get("value", "soon"))),
    Fault.RATE_LIMITED_NEGATIVE: lambda _: _limited_saying("-5"),
    Fault.RATE_LIMITED_HTML: lambda _: Reply(429, HTML, content_type="text/html"),
    Fault.SERVER_ERROR: lambda how: error_reply(
        int(number_in(how, "status", 500)), "Internal Server Error"
    ),
    Fault.UNAVAILABLE: lambda _: Reply(503, HTML, content_type="text/html"),
    Fault.EMPTY_BODY: lambda _: Reply(200, b""),
    Fault.HTML: lambda _: Reply(200, HTML, content_type="text/html"),
    Fault.NOT_AN_OBJECT: lambda _: Reply(200, b"[]"),
    Fault.ERROR_WITH_200: lambda _: Reply(200, b'{"error": {"message": "Try \\u0007 again"}}'),
    Fault.BAD_GZIP: lambda _: Reply(200, b"not gzip at all", {"Content-Encoding": "gzip"}),
}
"""Faults that answer without a look at the board."""


def _huge(body: bytes) -> Reply:
    return Reply(200, body + b" " * HUGE)


def _bomb(body: bytes) -> Reply:
    packed = gzip.compress(body + b" " * HUGE, 9)
    return Reply(200, packed, {"Content-Encoding": "gzip"})


BODIES: Mapping[Fault, Callable[[bytes], Reply]] = {
    Fault.TRUNCATED_JSON: lambda body: Reply(200, body[: len(body) // 2]),
    Fault.WRONG_LENGTH: lambda body: Reply(200, body, cut=len(body) // 2),
    Fault.INVALID_UTF8: lambda body: Reply(200, body.replace(b'"guild"', b'"\xff": 1, "guild"', 1)),
    Fault.HUGE_BODY: _huge,
    Fault.GZIP_BOMB: _bomb,
}
"""Faults that spoil the bytes of a page."""


def _victim(envelope: Envelope, how: How) -> dict[str, object]:
    for player in envelope.players:
        if how.get("player", player["id"]) == player["id"]:
            return player
    # A page without the victim is served as it is.
    return {}


def _with_xp(xp: object) -> Callable[[Envelope, How], None]:
    return lambda envelope, how: _victim(envelope, how).update(xp=xp)


def _nameless(envelope: Envelope, how: How) -> None:
    _victim(envelope, how).pop("id", None)


def _not_a_player(envelope: Envelope, how: How) -> None:
    victim = _victim(envelope, how)
    envelope.other["players"] = [
        None if player is victim else player for player in envelope.players
    ]


def _many_malformed(envelope: Envelope, how: How) -> None:
    count = int(number_in(how, "count", max(5, len(envelope.players) // 2)))
    for player in envelope.players[:count]:
        player["xp"] = None


def _numeric_ids(envelope: Envelope, _: How) -> None:
    for player in envelope.players:
        player["id"] = int(str(player["id"]))


def _short_numeric_id(envelope: Envelope, _: How) -> None:
    if envelope.players:
        envelope.players.append({"id": 4711, "xp": 0})


def _numeric_guild(envelope: Envelope, _: How) -> None:
    envelope.guild["id"] = int(str(envelope.guild["id"]))


STRANGE_NAMES = (
    "nul\x00byte",
    "half \ud83d pair",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "[bold red]markup[/bold red] [/]",
    '=HYPERLINK("https://example.org")',
    "<script>alert(1)</script>",
    "\u202eright to left\nand a line",
)


def _strange_names(envelope: Envelope, _: How) -> None:
    for place, player in enumerate(envelope.players):
        player["username"] = STRANGE_NAMES[place % len(STRANGE_NAMES)]


def _unknown_keys(envelope: Envelope, _: How) -> None:
    envelope.players = [
        {"id": player["id"], "xp": player["xp"], "monetize": {"deep": [None, {"er": 1e300}]}}
        for player in envelope.players
    ]
    envelope.other = {"is_member": False}


def _twice_on_page(envelope: Envelope, how: How) -> None:
    victim = _victim(envelope, how)
    if victim:
        envelope.players.append({**victim, "xp": 0})


ENVELOPES: Mapping[Fault, Callable[[Envelope, How], None]] = {
    Fault.NAN: _with_xp(float("nan")),
    Fault.NEGATIVE_XP: _with_xp(-1),
    Fault.HUGE_XP: _with_xp(2**70),
    Fault.STRING_XP: _with_xp("100"),
    Fault.FLOAT_XP: _with_xp(100.5),
    Fault.NULL_XP: _with_xp(None),
    Fault.BOOLEAN_XP: _with_xp(True),
    Fault.NAMELESS: _nameless,
    Fault.NOT_A_PLAYER: _not_a_player,
    Fault.MANY_MALFORMED: _many_malformed,
    Fault.NUMERIC_ID: _numeric_ids,
    Fault.SHORT_NUMERIC_ID: _short_numeric_id,
    Fault.WRONG_GUILD: lambda envelope, _: envelope.guild.update(id="111111111111111111"),
    Fault.NUMERIC_GUILD: _numeric_guild,
    Fault.NO_GUILD: lambda envelope, _: envelope.other.update(guild=None),
    Fault.NO_PLAYERS: lambda envelope, _: envelope.other.update(players=None),
    Fault.STRANGE_NAMES: _strange_names,
    Fault.UNKNOWN_KEYS: _unknown_keys,
    Fault.TWICE_ON_PAGE: _twice_on_page,
    Fault.EMPTY_BOARD: lambda envelope, _: envelope.players.clear(),
}
"""Faults that change what is on a page."""


def _hang(line: Line, reply: Reply, how: How) -> None:
    line.pause(3600)


def _reset(line: Line, reply: Reply, how: How) -> None:
    # With no time to linger, closing sends RST; a shutdown first would end in good order.
    line.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(line.connection.detach())


def _close(line: Line, reply: Reply, how: How) -> None:
    """Nothing is sent; the connection is closed after every fault of this kind."""


def _late(line: Line, reply: Reply, how: How) -> None:
    until = how.get("until")
    if isinstance(until, threading.Event):
        until.wait()
    line.send_reply(reply)


def _drip(line: Line, data: bytes, how: How) -> None:
    for byte in data:
        line.connection.sendall(bytes([byte]))
        if line.pause(number_in(how, "delay", 0.05)):
            return


def _slow_headers(line: Line, reply: Reply, how: How) -> None:
    _drip(line, b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 50_000, how)


def _slow_body(line: Line, reply: Reply, how: How) -> None:
    line.connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n".encode())
    _drip(line, reply.body + b" " * 50_000, how)


def _slow_gzip(line: Line, reply: Reply, how: How) -> None:
    line.connection.sendall(
        f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {HUGE}\r\n\r\n".encode()
    )
    # A name in the gzip header may be of any length, and is no content.
    _drip(line, b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 50_000, how)


LINES: Mapping[Fault, Callable[[Line, Reply, How], None]] = {
    Fault.TIMEOUT: _hang,
    Fault.RESET: _reset,
    Fault.CLOSED: _close,
    Fault.SLOW_HEADERS: _slow_headers,
    Fault.SLOW_BODY: _slow_body,
    Fault.SLOW_GZIP: _slow_gzip,
    Fault.LATE: _late,
}
"""Faults of the connection: they take the place of sending the reply, and end in closing it."""


def _ranks_move(world: World, page: int, limit: int, how: How) -> None:
    behind = world.ranking((page + 1) * limit, 1)
    top = world.ranking(0, 1)
    mover = how.get("player", behind[0].id if behind else None)
    if mover is not None and top:
        world.set_xp(str(mover), top[0].xp + 1)


def _xp_drops(world: World, page: int, limit: int, how: How) -> None:
    first = world.ranking(page * limit, 1)
    victim = how.get("player", first[0].id if first else None)
    if victim is not None:
        world.set_xp(str(victim), 0)


def _newcomer(world: World, page: int, limit: int, how: How) -> None:
    world.add(str(4 * 10**17 + len(world)), "newcomer", int(number_in(how, "xp", 0)))


AFTERWARDS: Mapping[Fault, Callable[[World, int, int, How], None]] = {
    Fault.RANKS_MOVE: _ranks_move,
    Fault.XP_DROPS: _xp_drops,
    Fault.NEWCOMER: _newcomer,
}
"""Faults that move the board once a page is rendered: the next page tells another story."""
