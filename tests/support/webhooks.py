"""Senders of webhooks, and the program that receives them."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from standardwebhooks import Webhook

from tests.conftest import REPOSITORY
from tests.support.cli import Cli
from tests.support.federation import HTTP_FIELDS
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import FederationJob, WebhookDelivery, WebhookRefusal

PATH = "/webhooks/federation"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VARIABLE = "S"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Sent:
    """A request that a sender makes."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))
    method: str = "POST"
    path: str = PATH


def event(member: str = "M0001", kind: str = "updated", **more: object) -> dict[str, object]:
    """What a federation says of one member of st-judes."""
    return {
        "connectorId": "gaa",
        "federationOrgId": "st-judes",
        "memberId": member,
        "event": kind,
        **more,
    }


def by_headers(
    says: Mapping[str, object],
    delivery_id: str,
    secret: str = SECRET,
    *,
    age: timedelta = timedelta(),
) -> Sent:
    """Signed by the published library of Standard Webhooks."""
    body = json.dumps(says)
    at = datetime.now(UTC) - age
    headers = {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery_id, at, body),
    }
    return Sent(body.encode(), {**JSON, **headers})


def by_body(says: Mapping[str, object], secret: str = SECRET) -> Sent:
    """Signed by a `signature` in the body."""
    text = json.dumps(says, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return Sent(json.dumps({**says, "signature": signature}).encode())


@dataclass(frozen=True)
class Answer:
    """What came back."""

    code: int
    headers: Mapping[str, str]
    text: str

    @property
    def status(self) -> str:
        """The word in its document."""
        return str(json.loads(self.text)["status"])


def send(place: int | Path, sent: Sent, *, wait: float = 30) -> Answer:
    """Send to a port of this machine, or to a Unix socket."""
    connection = _Connection(place, wait)
    try:
        connection.request(sent.method, sent.path, sent.body, dict(sent.headers))
        reply = connection.getresponse()
        headers = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, headers, reply.read().decode())
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, place: int | Path, wait: float) -> None:
        super().__init__("127.0.0.1", place if isinstance(place, int) else 80, timeout=wait)
        self._path = place if isinstance(place, Path) else None

    def connect(self) -> None:
        if self._path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def connector(
    name: str,
    *,
    member_url: str | None,
    url: str,
    enabled: bool = True,
    secret: str | None = VARIABLE,
) -> str:
    """A connector of TOML; `secret` is the end of its variable's name."""
    lines = [
        f"[connectors.{name}]",
        'kind = "http-json"',
        f'url = "{url}"',
        'records = "data[*]"',
        'next = "links.next"',
        'phone_region = "IE"',
        f"enabled = {str(enabled).lower()}",
    ]
    if member_url:
        lines.append(f'member_url = "{member_url}"')
    if secret:
        lines.append(f'webhook_secret_env = "HOOK_{secret}_SECRET"')
    lines += [
        f"[connectors.{name}.organizations.st-judes]",
        f"[connectors.{name}.organizations.na-fianna]",
        f"[connectors.{name}.values.subscription_status]",
        'paid = "ACTIVE"',
        'lapsed = "CANCELLED"',
        f"[connectors.{name}.fields]",
        *(f'{ours} = "{theirs}"' for ours, theirs in HTTP_FIELDS.items()),
        "",
    ]
    return "\n".join(lines)


def configure(cli: Cli, *connectors: str, **secrets: str) -> None:
    """Write the file of the federations, and the secrets, by the ends of their names."""
    (cli.folder / "federations.toml").write_text("\n".join(connectors))
    cli.environment["FEDERATION_CONFIG"] = "federations.toml"
    for name, value in (secrets or {"S": SECRET}).items():
        cli.environment[f"HOOK_{name}_SECRET"] = value


@contextmanager
def gunicorn(cli: Cli, *options: str, workers: int = 2) -> Iterator[int]:
    """The application as the README runs it, on a free port; yields the port."""
    with started(cli, *options, workers=workers) as (_, port):
        yield port


@contextmanager
def started(
    cli: Cli, *options: str, workers: int = 2
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """As `gunicorn`, with the process of its master."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        listener.set_inheritable(True)
        number = listener.fileno()
        line = [
            *(sys.executable, "-m", "gunicorn", "--bind", f"fd://{number}"),
            *("--workers", str(workers), "--log-level", "warning", "--no-control-socket"),
            # A worker that has just begun may miss the signal to end.
            *("--graceful-timeout", "5"),
            *options,
            "trcpoints.federation.webhook:app",
        ]
        with (cli.folder / "gunicorn.log").open("ab") as log:
            process = subprocess.Popen(
                line,
                cwd=cli.folder,
                env={**cli.environment, "PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
                pass_fds=[number],
            )
        port: int = listener.getsockname()[1]
        try:
            until_up(port, process)
            yield process, port
        finally:
            process.terminate()
            process.wait(30)


def until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something answers at a port."""
    end = time.monotonic() + 60
    while True:
        try:
            send(port, Sent(b"", {}, "GET", "/healthz"))
        except OSError:
            assert process.poll() is None, "it ended"
            assert time.monotonic() < end, "it does not answer"
            time.sleep(0.05)
        else:
            return


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The ids of a master's workers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(word) for word in children.read_text().split()]


def deliveries(cli: Cli) -> list[WebhookDelivery]:
    """What was verified, in order."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return list(WebhookDelivery.select().order_by(WebhookDelivery.id))


def refusals(cli: Cli) -> dict[tuple[str, str], int]:
    """How many were refused, by connector and reason."""
    found: dict[tuple[str, str], int] = {}
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        for row in WebhookRefusal.select():
            key = (row.connector, row.reason)
            found[key] = found.get(key, 0) + row.count
    return found


def jobs(cli: Cli) -> list[FederationJob]:
    """The queue, in order."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return list(FederationJob.select().order_by(FederationJob.id))


def environment(cli: Cli) -> dict[str, str]:
    """For a process that is not the program: what it has, and how it finds the program."""
    return {**cli.environment, "PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
