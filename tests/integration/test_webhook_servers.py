"""The two ways to run it: gunicorn with several processes, and as a CGI script (section 8)."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.test_readme import blocks
from tests.support.cli import Cli
from tests.support.webhooks import (
    JSON,
    PATH,
    SECRET,
    Sent,
    by_body,
    by_headers,
    configure,
    connector,
    deliveries,
    environment,
    event,
    gunicorn,
    jobs,
    refusals,
    send,
    started,
    workers_of,
)
from trcpoints.federation.webhook.wsgi import LARGEST

pytestmark = pytest.mark.slow_on_postgresql

NOWHERE = "http://127.0.0.1:9/clubs/{organization}/members"


@pytest.fixture
def hooked(cli: Cli) -> Cli:
    """The program, with a connector that takes webhooks."""
    configure(cli, connector("gaa", url=NOWHERE, member_url=f"{NOWHERE}/{{member}}"))
    return cli


def test_the_limit_and_the_ids_hold_across_processes(hooked: Cli) -> None:
    with gunicorn(hooked, workers=4) as port, ThreadPoolExecutor(12) as pool:
        sent = [by_headers(event(f"M{n % 9}"), f"m{n % 110}") for n in range(220)]
        codes = [answer.code for answer in pool.map(lambda one: send(port, one), sent)]
    assert (codes.count(200), codes.count(429)) == (200, 20)
    ids = [row.delivery_id for row in deliveries(hooked) if row.outcome == "queued"]
    assert len(ids) == len(set(ids)) == len(jobs(hooked))
    assert (len(ids), len(deliveries(hooked))) == (100, 200)
    assert refusals(hooked) == {("gaa", "rate_limited"): 20}


def test_sizes_are_judged_before_anything_is_read(hooked: Cli) -> None:
    with gunicorn(hooked, workers=1) as port:
        # Told to be long: not a byte of it is waited for.
        long = Sent(b"", {**JSON, "Content-Length": str(LARGEST + 1)})
        assert send(port, long).code == 413
        chunked = Sent(
            b"1000\r\n" + b"x" * 4096 + b"\r\n0\r\n\r\n", {**JSON, "Transfer-Encoding": "chunked"}
        )
        assert send(port, chunked).code == 400
        for rest in (b"0\r\nno header\r\n\r\n", b"zz\r\n"):
            headers = {**JSON, "Transfer-Encoding": "chunked"}
            assert send(port, Sent(b"2\r\n{}\r\n" + rest, headers)).code == 400
        body = f"{LARGEST + 1:x}\r\n".encode() + b"x" * (LARGEST + 1) + b"\r\n0\r\n\r\n"
        assert send(port, Sent(body, {**JSON, "Transfer-Encoding": "chunked"})).code == 413
        whole = by_body(event())
        pieces = b"".join(
            b"%x\r\n%s\r\n" % (1, whole.body[n : n + 1]) for n in range(len(whole.body))
        )
        headers = {**JSON, "Transfer-Encoding": "chunked"}
        assert send(port, Sent(pieces + b"0\r\n\r\n", headers)).code == 200
    assert refusals(hooked) == {("", "too_large"): 2, ("", "malformed"): 3}


def test_killed_workers_lose_nothing_that_was_answered(hooked: Cli) -> None:
    answered = []
    with started(hooked, workers=2) as (master, port), ThreadPoolExecutor(6) as pool:

        def deliver(number: int) -> str | None:
            try:
                answer = send(port, by_headers(event(f"M{number}"), f"m{number}"))
            except OSError:
                return None
            assert answer.code == 200
            return f"m{number}"

        results = [pool.submit(deliver, number) for number in range(90)]
        for at in (20, 40, 60):
            results[at].result()
            os.kill(workers_of(master)[0], signal.SIGKILL)
        answered = [one.result() for one in results]
    kept = {row.delivery_id for row in deliveries(hooked)}
    done = {one for one in answered if one}
    assert len(done) > 30
    assert done <= kept
    assert {row.job_id for row in deliveries(hooked)} == {job.id for job in jobs(hooked)}


def test_a_secret_that_could_be_guessed_is_told_of_once(hooked: Cli) -> None:
    hooked.environment["HOOK_S_SECRET"] = "guess-me"
    with gunicorn(hooked, workers=1) as port:
        assert [send(port, by_body(event(), "guess-me")).code for _ in range(3)] == [401] * 3
    log = (hooked.folder / "gunicorn.log").read_text()
    assert log.count("the environment variable HOOK_S_SECRET should have at least 16 bytes") == 1
    assert "guess-me" not in log
    assert refusals(hooked) == {("gaa", "no_secret"): 3}


def test_what_the_readme_shows_to_senders(hooked: Cli) -> None:
    """Its lines for a shell with openssl and for Python, word for word but for the address."""
    file = hooked.folder / "federations.toml"
    file.write_text(file.read_text().replace("HOOK_S_SECRET", "GAA_WEBHOOK_SECRET"))
    hooked.environment["GAA_WEBHOOK_SECRET"] = f"the-one-before-this-one {SECRET}"
    given = {**environment(hooked), "GAA_WEBHOOK_SECRET": SECRET}
    with gunicorn(hooked, workers=1) as port:
        for line in (["bash", "-euxo", "pipefail", "-c"], [sys.executable, "-c"]):
            script = shown("shell" if line[0] == "bash" else "python")
            script = script.replace("https://points.example.org", f"http://127.0.0.1:{port}")
            subprocess.run([*line, script], env=given, check=True, timeout=60)
    assert [(row.form, row.external_id, row.event, row.outcome) for row in deliveries(hooked)] == [
        ("headers", "M0001", "updated", "queued"),
        ("body", "M0001", "updated", "queued"),
        ("headers", "M0002", "deleted", "queued"),
    ]


def test_the_service_of_the_readme(hooked: Cli) -> None:
    """Its gunicorn starts with these options, and the nginx before it names the same port."""
    place, workers, *options, app = shlex.split(service())[1:]
    assert f"proxy_pass http://{place};" in shown("nginx")
    assert (workers, app) == ("--workers=4", "trcpoints.federation.webhook:app")
    assert options == options_of_the_readme()
    with gunicorn(hooked, *options, workers=4) as port:
        assert send(port, Sent(b"", {}, "GET", "/healthz")).status == "ok"


def service() -> str:
    """The arguments of the README's gunicorn."""
    (line,) = re.findall(r"^ExecStart=\S+/gunicorn (.*)$", shown("systemd"), re.MULTILINE)
    return str(line)


def options_of_the_readme() -> list[str]:
    """What the README's gunicorn is told besides where, how many and what."""
    return shlex.split(service())[3:-1]


def run_script(cli: Cli, sent: Sent, **variables: str) -> tuple[str, str]:
    """One request by the Common Gateway Interface; the answer's head and body."""
    given = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": sent.path,
        "CONTENT_TYPE": sent.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(sent.body)),
        **{
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in sent.headers.items()
            if name != "Content-Type"
        },
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "trcpoints.federation.webhook"],
        cwd=cli.folder,
        env={**environment(cli), **given},
        input=sent.body,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    return head, body


def test_as_a_cgi_script(hooked: Cli) -> None:
    sent = by_headers(event(), "msg_1")
    head, body = run_script(hooked, sent)
    assert head.startswith("Status: 200 OK")
    assert body == '{"status": "queued"}\n'
    head, body = run_script(hooked, sent, SCRIPT_NAME=PATH, PATH_INFO="")
    assert body == '{"status": "duplicate"}\n'
    head, _ = run_script(hooked, by_body(event(), "wrong"), SCRIPT_NAME="/cgi-bin/hook")
    assert head.startswith("Status: 401")
    head, _ = run_script(hooked, sent, CONTENT_LENGTH=str(LARGEST + 1))
    assert head.startswith("Status: 413")
    head, _ = run_script(hooked, sent, CONTENT_LENGTH="")
    assert head.startswith("Status: 400")
    head, _ = run_script(hooked, sent, SCRIPT_NAME=PATH, PATH_INFO="/x")
    assert head.startswith("Status: 404")
    assert [row.outcome for row in deliveries(hooked)] == ["queued", "duplicate"]


LIGHTTPD = """
server.modules = ()
server.document-root = "{folder}"
server.port = 0
server.bind = "{folder}/web.sock"
server.errorlog = "{folder}/web.log"
"""


def shown(language: str) -> str:
    """The one block of the README in a language."""
    (block,) = blocks(language)
    return block


@pytest.fixture
def lighttpd(hooked: Cli, tmp_path: Path) -> Iterator[Path]:
    """A web server that starts the script of the README for every request; its socket."""
    script = tmp_path / "federation-webhook"
    settings = "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in environment(hooked).items()
    )
    first, line = shown("cgi").splitlines()
    line = line.replace("/srv/trcpoints", str(hooked.folder))
    line = line.replace(".venv/bin/python", sys.executable)
    script.write_text(f"{first}\n{settings}{line}\n")
    script.chmod(0o755)
    config = tmp_path / "lighttpd.conf"
    lines = shown("lighttpd").replace("/srv/trcpoints/federation-webhook", str(script))
    config.write_text(LIGHTTPD.format(folder=tmp_path) + lines)
    program = shutil.which("lighttpd", path="/usr/sbin:/usr/bin")
    assert program is not None
    with subprocess.Popen([program, "-D", "-f", str(config)]) as server:
        end = time.monotonic() + 30
        while not (tmp_path / "web.sock").exists():
            assert time.monotonic() < end, (tmp_path / "web.log").read_text()
            time.sleep(0.02)
        yield tmp_path / "web.sock"
        server.terminate()


@pytest.mark.system
def test_under_a_web_server_nothing_stays_alive(hooked: Cli, lighttpd: Path) -> None:
    sent = by_headers(event(), "msg_1")
    answers = [send(lighttpd, one) for one in (sent, sent, by_body(event("M0002")))]
    assert [(answer.code, answer.status) for answer in answers] == [
        (200, "queued"),
        (200, "duplicate"),
        (200, "queued"),
    ]
    wrong = by_body(event(connectorId="none"))
    assert {repr(send(lighttpd, one).text) for one in (wrong, by_body(event(), "wrong"))} == {
        repr('{"status": "unauthorized"}\n')
    }
    assert send(lighttpd, Sent(b"", {}, "GET")).code == 405
    assert send(lighttpd, Sent(b" " * (LARGEST + 1))).code == 413
    pieces = b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent.body), sent.body)
    headers = {**sent.headers, "Transfer-Encoding": "chunked"}
    assert send(lighttpd, Sent(pieces, headers)).status == "duplicate"
    with ThreadPoolExecutor(4) as pool:
        many = [by_headers(event(f"M{n}"), f"n{n}") for n in range(12)]
        assert {one.code for one in pool.map(lambda one: send(lighttpd, one), many)} == {200}
    alive = subprocess.run(["pgrep", "-f", "trcpoints.federation.webhook$"], stdout=subprocess.PIPE)
    assert [pid for pid in alive.stdout.split() if is_of(int(pid), hooked)] == []
    assert len(jobs(hooked)) == 14


def is_of(pid: int, cli: Cli) -> bool:
    """Whether a process works in this test's folder."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == cli.folder
    except OSError:  # it has just ended
        return False
