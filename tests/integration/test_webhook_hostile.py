"""What a hostile network sends, byte for byte: refused alike, whomever it names (section 14)."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from tests.integration.test_webhook_servers import hooked, lighttpd, options_of_the_readme
from tests.support.cli import Cli
from tests.support.webhooks import PATH, deliveries, event, gunicorn, jobs

__all__ = ["hooked", "lighttpd"]

CHUNKED = b"Transfer-Encoding: chunked"


def request(body: bytes, *headers: bytes, length: bytes | None = None, path: str = PATH) -> bytes:
    """A request as it goes over the wire; a `length` of nothing: without one."""
    told = str(len(body)).encode() if length is None else length
    lines = [b"POST " + path.encode() + b" HTTP/1.1", b"Host: x", b"Connection: close"]
    lines += [b"Content-Length: " + told] if told else []
    if not any(header.lower().startswith(b"content-type") for header in headers):
        lines.append(b"Content-Type: application/json")
    return b"\r\n".join([*lines, *headers, b"", body])


def answer(place: int | Path, sent: bytes) -> tuple[int, bytes]:
    """The status and the body of what comes back."""
    is_port = isinstance(place, int)
    with socket.socket(socket.AF_INET if is_port else socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(("127.0.0.1", place) if is_port else str(place))
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while piece := connection.recv(65536):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


def envelope(
    name: bytes = b"m", at: bytes | None = None, signature: bytes = b"v1,AAAA"
) -> list[bytes]:
    """The headers of Standard Webhooks, with something wrong in them."""
    seconds = str(int(time.time())).encode() if at is None else at
    return [
        b"webhook-id: " + name,
        b"webhook-timestamp: " + seconds,
        b"webhook-signature: " + signature,
    ]


def bodies(connector: str) -> dict[str, bytes]:
    """Bodies that say to be of a connector, and could be a burden to read."""

    def told(member: str = '"M1"', more: str = "") -> bytes:
        text = json.dumps(event(connectorId=connector))
        return (text.replace('"M0001"', member)[:-1] + more + "}").encode()

    return {
        "plain": told(),
        "a key twice": told(more=',"event":"deleted"'),
        "a signature twice": told(more=',"signature":"a","signature":"b"'),
        "deep": told(more=',"x":' + "[" * 20_000 + "]" * 20_000),
        "deep objects": told(more=',"x":' + '{"a":' * 9000 + "1" + "}" * 9000),
        "open": b"[" * 60_000,
        "many digits": told("9" * 60_000),
        "a large power": told(more=',"x":1e' + "9" * 5000),
        "NaN": told(more=',"x":NaN'),
        "half a pair": told('"\\ud800"'),
        "half a pair for a signature": told(more=',"signature":"\\udfff"'),
        "a signature that grows": told(more=f',"signature":"{"İ" * 20_000}"'),
        "a list for a signature": told(more=',"signature":["a"]'),
        "NUL": told('"\\u0000"'),
        "NUL itself": told('"\0"'),
        "UTF-16": told().decode().encode("utf-16"),
        "many keys": told(more="".join(f',"{number}":1' for number in range(6000))),
        "a list for a connector": told().replace(
            b'"connectorId": "', b'"connectorId": ["x"], "y": "'
        ),
        "nothing": b"",
    }


def by_headers(connector: str) -> dict[str, bytes]:
    """Headers that could be a burden to read."""
    body = json.dumps(event(connectorId=connector)).encode()
    kept = {
        "no text": envelope(b"\xff\xfe"),
        "a signature that is no text": envelope(signature=b"v1,\xe9\xff"),
        "many signatures": envelope(signature=b" ".join([b"v1,AAAA"] * 900)),
        "far ahead": envelope(at=b"99999999999"),
        "farther": envelope(at=b"9" * 400),
        "before all": envelope(at=b"-99999999999"),
        "no time": envelope(at=b"nan"),
        "twice": [*envelope(), b"webhook-signature: v1,BBBB", b"webhook-id: n"],
        "a charset": [b"Content-Type: application/json; charset*=nonsense'en'%ff%fe"],
        "many parameters": [b"Content-Type: application/json;" + b";=" * 3000],
        "a coding": [b"Content-Encoding: \xff"],
    }
    return {name: request(body, *headers) for name, headers in kept.items()}


def framed(connector: str) -> dict[str, bytes]:
    """Lengths and pieces that do not fit, and headers that lead servers astray."""
    body = json.dumps(event(connectorId=connector)).encode()
    lengths = [b"-1", b"abc", b"+5", b"1_0", b"5, 5", b"1e3", b"9" * 40, b"9" * 5000, b"5"]
    pieces = [
        b"zz\r\nhello",
        b"-5\r\nhello",
        b"F" * 18 + b"\r\nhello",
        b"50\r\nhello",
        b"5\r\nhello",
    ]
    return {
        **{f"length {text[:9]!r}": request(body, length=text) for text in lengths},
        **{
            f"piece {text!r}": request(text + b"\r\n0\r\n\r\n", CHUNKED, length=b"")
            for text in pieces
        },
        "longer than it is": request(body, length=str(len(body) + 10).encode()),
        "in pieces and with a length": request(b"2\r\n{}\r\n0\r\n\r\n", CHUNKED),
        "another length": request(body, b"Content-Length: 5"),
        "another path": request(body, b"SCRIPT_NAME: /x"),
        "another path inside": request(body, b"PATH_INFO: /x"),
        "another scheme": request(body, b"X-Forwarded-Proto: https", b"X-Forwarded-Ssl: off"),
        "no path": request(body, path=f"{PATH}%00%ff"),
        "a query": request(body, path=f"{PATH}?%ff%00=%"),
    }


def test_a_service_answers_everybody_alike(hooked: Cli) -> None:
    with gunicorn(hooked, *options_of_the_readme(), workers=2) as port:

        def answers(connector: str) -> dict[str, tuple[int, bytes]]:
            said = {name: request(body) for name, body in bodies(connector).items()}
            signed = {
                f"{name}, by headers": request(body, *envelope())
                for name, body in bodies(connector).items()
            }
            sent = said | signed | by_headers(connector) | framed(connector)
            return {name: answer(port, one) for name, one in sent.items()}

        known, unknown = answers("gaa"), answers("none")
    assert known == unknown
    assert {name: code for name, (code, _) in known.items() if not 400 <= code < 500} == {}
    assert deliveries(hooked) == jobs(hooked) == []


@pytest.mark.system
def test_a_script_answers_everybody_alike(hooked: Cli, lighttpd: Path) -> None:
    def answers(connector: str) -> dict[str, tuple[int, bytes]]:
        said = {name: request(body, *envelope()) for name, body in bodies(connector).items()}
        sent = said | by_headers(connector)
        return {name: answer(lighttpd, one) for name, one in sent.items()}

    known, unknown = answers("gaa"), answers("none")
    assert known == unknown
    assert {name: code for name, (code, _) in known.items() if not 400 <= code < 500} == {}
    assert deliveries(hooked) == jobs(hooked) == []
