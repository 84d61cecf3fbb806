"""Answers that no HTTP server would send: bytes on a socket, read by the real command."""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

import pytest

from tests.support import books
from tests.support.cli import Cli
from trcpoints.http.transport import Limits
from trcpoints.mee6 import client

ANN = "101"
GUILD = "993536706509885777"
TOKEN = "Xq7-Zp41Lm.Kd92-Vb55"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

Answer = Callable[[], Iterator[bytes]]


@dataclass
class Wire:
    """A server whose answers are bytes: those of `answer`, and the end of the connection."""

    answer: Answer = lambda: iter(())
    requests: list[bytes] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):  # until the listener is shut down
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):  # a client that has read enough goes away
                    self.requests.append(connection.recv(65_536))
                    for piece in self.answer():
                        connection.sendall(piece)


@pytest.fixture
def wire(sqlite_cli: Cli) -> Iterator[Wire]:
    """Such a server, which the program is pointed at; one member wants to be found."""
    server = Wire()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=server.serve, args=[listener])
        thread.start()
        sqlite_cli.environment["MEE6_API_BASE"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sqlite_cli.environment["MEE6_GUILD_ID"] = GUILD
        books.link(sqlite_cli, [ANN])
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body may have a thousand bytes, which is what these tests would wait for."""
    monkeypatch.setattr(client, "Limits", functools.partial(Limits, body_cap=1000))


def reply(body: bytes, status: str = "200 OK", *headers: str) -> Answer:
    """A whole answer, its headers as they are given."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    head = "".join(f"{line}\r\n" for line in lines).encode()
    return lambda: iter((head, b"\r\n", body))


def page(*players: object) -> bytes:
    return json.dumps({"guild": {"id": GUILD}, "players": players}).encode()


def endless(start: bytes, piece: bytes) -> Answer:
    def answer() -> Iterator[bytes]:
        yield start
        while True:
            yield piece

    return answer


def said(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


ECHOES = {
    "in a refusal": reply(said(f"bad token {TOKEN}"), "400 Bad Request"),
    "in a 403": reply(said(f"bad token {TOKEN.upper()}!"), "403 Forbidden"),
    "with 200": reply(said(f"bad token {TOKEN}")),
    "where the message is cut": reply(said(f"{'x' * 189} {TOKEN}"), "400 Bad Request"),
    "after much white space": reply(said(f"{' ' * 790}{TOKEN}"), "400 Bad Request"),
    "in a redirect": reply(b"", "302 Found", f"Location: http://{TOKEN}/"),
    "in the status line": lambda: iter((f"HTTX {TOKEN}\r\n\r\n".encode(),)),
    "in a chunk's size": lambda: iter((CHUNKED, f"{TOKEN}\r\n".encode())),
    "in a header": reply(page(), "200 OK", f"Content-Encoding: {TOKEN}", TOKEN),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
def test_a_server_that_echoes_the_token(sqlite_cli: Cli, wire: Wire, echo: Answer) -> None:
    wire.answer = echo
    environment = {"MEE6_AUTH_TOKEN": TOKEN}
    told = [sqlite_cli("sync", "-vv", *flags, env=environment) for flags in ([], ["--json"])]
    assert f"Authorization: {TOKEN}".encode() in wire.requests[0]
    texts = [text for result in told for text in (result.out, result.err)]
    texts += [run.error_message or "" for run in books.runs(sqlite_cli)]
    assert not [text for text in texts if TOKEN[:6].lower() in text.lower()]
    assert "Traceback" not in "".join(texts)


def test_the_word_after_bearer_is_the_token(sqlite_cli: Cli, wire: Wire) -> None:
    wire.answer = reply(said(f"bad token {TOKEN}, sorry"), "400 Bad Request")
    result = sqlite_cli("sync", env={"MEE6_AUTH_TOKEN": f"Bearer  {TOKEN}"})
    assert TOKEN not in result.err
    assert "bad token ***, sorry" in result.err


def test_what_urllib3_thinks_of_a_header_is_not_told(sqlite_cli: Cli, wire: Wire) -> None:
    wire.answer = reply(page({"id": ANN, "xp": 5}), "200 OK", "no colon in this line")
    for arguments in (["sync"], ["sync", "-vv"]):
        result = sqlite_cli(*arguments)
        assert result.code == 0
        assert "colon" not in result.err
        assert "Traceback" not in result.err
    assert sqlite_cli("sync").err == ""


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "503 Busy"])
@pytest.mark.parametrize("size", [b"-5", b"-ffffffffffffffffffff", b"0x", b"\xff", b""])
def test_a_chunk_of_no_size(sqlite_cli: Cli, wire: Wire, status: str, size: bytes) -> None:
    head = CHUNKED.replace(b"200 OK", status.encode())
    wire.answer = lambda: iter((head, size + b"\r\nhello\r\n0\r\n\r\n"))
    result = sqlite_cli("sync", "--json")
    assert result.code == 69
    refused = status.startswith("404")
    assert result.json["error"]["code"] == ("source_refused" if refused else "source_unavailable")
    assert len(wire.requests) == (1 if refused else 4)


ENDLESS = {
    "trailers": endless(CHUNKED + b"0\r\n", b"X: " + b"y" * 60_000 + b"\r\n"),
    "chunks of one byte": endless(CHUNKED, b"1;" + b"y" * 60_000 + b"\r\nx\r\n"),
    "continue": endless(b"", b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 60_000 + b"\r\n\r\n"),
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_is_around_a_body_counts_too(sqlite_cli: Cli, wire: Wire, answer: Answer) -> None:
    wire.answer = answer
    result = sqlite_cli("sync", "--json")
    assert result.code == 69
    assert "larger than" in result.json["error"]["message"]
    assert len(wire.requests) == 4


@pytest.mark.usefixtures("hasty")
def test_the_size_of_a_chunk_has_an_end(sqlite_cli: Cli, wire: Wire) -> None:
    wire.answer = endless(CHUNKED, b"0" * 60_000)
    result = sqlite_cli("sync", "--json")
    assert (result.code, result.json["error"]["code"]) == (69, "source_unavailable")


def test_pages_of_players_without_a_name(sqlite_cli: Cli, wire: Wire) -> None:
    wire.answer = reply(page({"xp": 5}))
    result = sqlite_cli("sync", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "leaderboard_invalid")
    assert "Pages 0 to 3 of" in result.json["error"]["message"]
    assert len(wire.requests) == 4


def crowded(item: bytes) -> bytes:
    """As many of these in place of players as 7 MB can hold."""
    return b'{"guild":{"id":"%s"},"players":[%s]}' % (
        GUILD.encode(),
        b",".join([item] * (7_000_000 // (len(item) + 1))),
    )


CROWDS = {
    "objects": crowded(b"{}"),
    "lists": crowded(b"[]"),
    "numbers": crowded(b"257"),
    "players": crowded(b'{"id":"1","xp":1}'),
    "elsewhere": crowded(b"{}").replace(b'"players":', b'"players":[],"more":'),
}


@pytest.mark.parametrize("body", CROWDS.values(), ids=CROWDS.keys())
def test_a_page_of_millions_costs_no_memory(sqlite_cli: Cli, wire: Wire, body: bytes) -> None:
    wire.answer = reply(page({"id": ANN, "xp": 5}))
    healthy, _ = _peak(sqlite_cli)
    wire.requests.clear()
    wire.answer = reply(body)
    hostile, out = _peak(sqlite_cli)
    assert json.loads(out)["error"]["code"] == "leaderboard_invalid"
    assert len(wire.requests) == 1
    # The body itself comes in pieces, and is held twice while the last is added.
    assert hostile - healthy < 32 * 1024 * 1024


def _peak(cli: Cli) -> tuple[int, bytes]:
    """The most memory of a sync, in bytes, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.peak", "sync", "--json"],
        env={**cli.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=cli.folder,
        capture_output=True,
        check=False,
    )
    return int(done.stderr.splitlines()[-1]), done.stdout


def test_a_page_of_the_largest_real_size(sqlite_cli: Cli, wire: Wire) -> None:
    """1000 players, each with a name of nothing but what the count of entries counts."""
    name = '{[,"' * 8
    players = [
        {"id": str(10**18 + n), "xp": 5, "detailed_xp": [1, 2, 3], "username": name, "avatar": name}
        for n in range(999)
    ]
    wire.answer = reply(page({"id": ANN, "xp": 5}, *players))
    assert sqlite_cli.ok("sync")["leaderboard"]["players"] == 1000
