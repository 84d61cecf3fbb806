"""Asking a federation over HTTP: with its token, and what each refusal means (section 8)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from trcpoints.config import DEFAULT_USER_AGENT
from trcpoints.errors import SourceRefused
from trcpoints.federation.config import Connector
from trcpoints.http.answers import origin, said, target
from trcpoints.http.transport import Answer, Limits, Transport

log = logging.getLogger("trcpoints.federation")

_TRY_LATER = "Try again later. What can be reached, and how: trcpoints federation check"


def transport(
    connector: Connector, now: Callable[[], datetime], limits: Limits, accept: str
) -> Transport:
    """The connection to a connector's server."""
    return Transport(
        f"The federation {connector.name}",
        limits,
        user_agent=DEFAULT_USER_AGENT,
        authorization=None if connector.token is None else f"Bearer {connector.token}",
        now=now,
        log=log,
        hint=_TRY_LATER,
        accept=accept,
    )


def refusal(connector: Connector, organization: str, answer: Answer) -> SourceRefused:
    """What a status other than 200 means, and what to do about it."""
    name, section = connector.name, f"[connectors.{connector.name}]"
    match answer.status:
        case 401 if connector.token is None:
            return SourceRefused(
                f"The federation {name} asks for a token to show {organization} (401).",
                hint=f"Name the variable that holds it by token_env in {section}.",
            )
        case 401:
            return SourceRefused(
                f"The federation {name} does not accept {_token(connector)} for "
                f"{organization} (401){said(answer)}.",
                hint=f"Put a valid token into {_token(connector)}.",
            )
        case 403:
            return SourceRefused(
                f"The federation {name} does not show {organization} to this program "
                f"(403){said(answer)}.",
                hint=f"Ask it what {_token(connector)} may read, and from where.",
            )
        case 404 | 410:
            return SourceRefused(
                f"The federation {name} has nothing for {organization} at its address "
                f"({answer.status}){said(answer)}.",
                hint=f"Check the address in {section} and the name of the organization.",
            )
        case status if 300 <= status < 400:
            return SourceRefused(
                f"{origin(answer.url)} sends requests for {organization} elsewhere ({status}, "
                f"{target(answer)}), and redirects are not followed.",
                hint=f"Put the address that it leads to into {section}.",
            )
        case status:
            return SourceRefused(
                f"The federation {name} answered {status} for {organization}{said(answer)}.",
                hint=f"Check the address in {section}.",
            )


def _token(connector: Connector) -> str:
    return connector.token_env or "a token"
