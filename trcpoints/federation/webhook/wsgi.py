"""The way in by WSGI: paths, methods, sizes, and the answer as HTTP (design, sections 8 and 14)."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trcpoints.db.models import WebhookDelivery
from trcpoints.errors import MissingExtra, TrcpointsError
from trcpoints.federation.webhook.configuration import Configuration
from trcpoints.federation.webhook.connection import Database

try:
    from werkzeug import Request, Response
    from werkzeug.exceptions import RequestEntityTooLarge

    from trcpoints.federation.webhook.deliveries import DatabaseRegister
    from trcpoints.federation.webhook.receiving import MALFORMED, Answer, receive
except ImportError:
    raise MissingExtra("Receiving webhooks", "webhook") from None

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATH = "/webhooks/federation"
HEALTH = "/healthz"
LARGEST = 64 * 1024
"""Bytes of a body that are read."""

SILENCE = 60.0
"""Seconds between two words that refusals are not counted."""

_RETRY_AFTER = {"Retry-After": "30"}
_READERS = ("GET", "HEAD")

log = logging.getLogger("trcpoints.federation")


class Application:
    """The WSGI application. Nothing is opened before the first request."""

    def __init__(self, database: Database) -> None:
        self._configuration = Configuration()
        self._database = database
        self._told = ""
        self._silent_until = float("-inf")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        answer = self._guarded(lambda: self._route(request))
        document = {"status": answer.status}
        if answer.reason is not None:
            document["reason"] = answer.reason
        response = Response(
            json.dumps(document) + "\n",
            answer.code,
            {"Cache-Control": "no-store", **answer.headers},
            content_type="application/json",
        )
        return response(environ, start_response)

    def _guarded(self, work: Callable[[], Answer]) -> Answer:
        """What cannot be done now is to be tried again; of a bug only its place is logged, for
        its words may quote a body.
        """
        try:
            answer = work()
        except TrcpointsError as fault:
            # Anybody can make us say it: once is enough.
            if self._told != fault.message:
                self._told = fault.message
                log.error("%s %s", fault.message, fault.hint)  # noqa: TRY400
            return Answer(503, "unavailable", headers=_RETRY_AFTER)
        except Exception as fault:  # noqa: BLE001 (the one place that tells of all)
            place = "".join(traceback.format_tb(fault.__traceback__))
            log.error("a fault of trcpoints' own: %s\n%s", type(fault).__name__, place)  # noqa: TRY400
            return Answer(500, "error")
        self._told = ""
        return answer

    def _not_counted(self, why: str) -> None:
        # Anybody can make us say it: once in a while is enough.
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SILENCE
            log.warning("refusals are not counted: %s", why)

    def _route(self, request: Request) -> Answer:
        inside: str = request.environ.get("PATH_INFO", "")
        # As a script it may be at the path itself, or be what comes before it.
        paths = {inside, request.root_path + inside}
        if HEALTH in paths:
            return self._health() if request.method in _READERS else _not_allowed(*_READERS)
        if PATH not in paths:
            return Answer(404, "not_found")
        if request.method != "POST":
            return _not_allowed("POST")
        return self._webhook(request)

    def _health(self) -> Answer:
        settings, _ = self._configuration.current()
        self._database.run(settings.database_url, lambda _: WebhookDelivery.select().first())
        return Answer(200, "ok")

    def _webhook(self, request: Request) -> Answer:
        settings, federations = self._configuration.current()
        register = DatabaseRegister(self._database, settings.database_url, self._not_counted)
        now = datetime.now(UTC)
        try:
            body = _body(request)
        except RequestEntityTooLarge:
            register.count(None, "too_large", now)
            return Answer(413, "too_large")
        except Exception:  # noqa: BLE001 (servers have errors of their own for what is no HTTP)
            register.count(None, "malformed", now)
            return MALFORMED
        if not _is_json(request):
            register.count(None, "content_type", now)
            return Answer(415, "unsupported_media_type")
        headers = {name.lower(): value for name, value in request.headers.items()}
        return receive(body, headers, now, federations, register)


def _body(request: Request) -> bytes:
    """The body; what is too long is not read, or not to its end where its length is not told."""
    # Werkzeug cuts off silently what is longer than that.
    request.max_content_length = LARGEST + 1
    body = b"" if (request.content_length or 0) > LARGEST else request.get_data(cache=False)
    if max(request.content_length or 0, len(body)) > LARGEST:
        raise RequestEntityTooLarge
    return body


def _is_json(request: Request) -> bool:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    coding = request.headers.get("Content-Encoding", "identity").lower()
    is_utf8 = charset in {"utf-8", "utf8"}
    return request.mimetype == "application/json" and is_utf8 and coding == "identity"


def _not_allowed(*methods: str) -> Answer:
    return Answer(405, "method_not_allowed", headers={"Allow": ", ".join(methods)})


app = Application(Database())
