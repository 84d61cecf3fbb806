"""Connectors to the simulated federation, made by its configuration as an operator writes it.

`python -m tests.support.federation CONFIG` reads st-judes by the first connector of a file, holds
nothing of it, and prints the count of records and the most memory that was held, in bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.support.peak import peak_bytes
from trcpoints.demo.federation import TOKEN, SimulatedFederation
from trcpoints.demo.federation_faults import FederationFault
from trcpoints.federation.config import Connector, load_federations
from trcpoints.federation.connectors import open_source
from trcpoints.federation.mapping import UnreadableRecord
from trcpoints.http.transport import Limits

ORGANIZATION = "st-judes"
TOKEN_ENV = "GAA_TOKEN"
QUICK = Limits(interval=0, retry_base=0, retries=1, body_cap=8 * 1024**2)
"""Without pauses, and a server may be slow."""

HASTY = replace(QUICK, read_timeout=0.5, request_time=1.0)
"""For servers that never come to an end."""

PAGINGS = {
    "next": 'next = "links.next"',
    "page": 'pagination = "page"',
    "cursor": 'pagination = "cursor"\ncursor = "meta.cursor"',
}
HTTP_FIELDS = {
    "external_id": "memberId",
    "first_name": "firstName",
    "last_name": "lastName",
    "date_of_birth": "born",
    "email": "contact.email",
    "phone": "contact.phone",
    "address": "address",
    "discord_id": "discord",
    "subscription_status": "status",
}
CSV_FIELDS = {**HTTP_FIELDS, "email": "email", "phone": "phone"}

Record = Mapping[str, object]


def http_toml(federation: SimulatedFederation, paging: str = "next", *more: str) -> str:
    """A connector to its pages, by one of PAGINGS; `more` are lines of the connector's table."""
    return _toml(
        'kind = "http-json"',
        f'url = "{federation.url}"',
        f'member_url = "{federation.member_url}"',
        f'token_env = "{TOKEN_ENV}"',
        'records = "data[*]"',
        PAGINGS[paging],
        *more,
    ) + _fields(HTTP_FIELDS)


def csv_toml(*place: str, token: bool = True, fields: Mapping[str, str] = CSV_FIELDS) -> str:
    """A connector to CSV; `place` is its `path` or `url`, and what else is in its table."""
    token_env = (f'token_env = "{TOKEN_ENV}"',) if token else ()
    return _toml('kind = "csv"', *place, *token_env) + _fields(fields)


def connector(folder: Path, toml: str, token: str = TOKEN) -> Connector:
    """What the program makes of a configuration, which is written into a folder."""
    file = folder / "federations.toml"
    file.write_text(toml, encoding="utf-8")
    return load_federations(file, {TOKEN_ENV: token}).connectors["gaa"]


def read(
    connector: Connector,
    organization: str = ORGANIZATION,
    *,
    limits: Limits | None = QUICK,
    beat: Callable[[], None] = lambda: None,
) -> list[Record]:
    """All the records of an organization, each of which is readable; nothing where that fails."""
    found = read_any(connector, organization, limits=limits, beat=beat)
    records = [record for record in found if not isinstance(record, UnreadableRecord)]
    assert len(records) == len(found), found
    return records


def read_any(
    connector: Connector,
    organization: str = ORGANIZATION,
    *,
    limits: Limits | None = QUICK,
    beat: Callable[[], None] = lambda: None,
) -> list[Record | UnreadableRecord]:
    """What can be read of an organization and what cannot; nothing where that fails."""
    with open_source(connector, now, limits=limits) as source:
        return list(source.records(organization, beat))


def read_one(
    connector: Connector, member: str, organization: str = ORGANIZATION, limits: Limits = QUICK
) -> Record | None:
    """One member's record."""
    with open_source(connector, now, limits=limits) as source:
        return source.record(organization, member)


def patience(fault: FederationFault) -> Limits:
    """The limits to meet a fault with."""
    return HASTY if fault in {FederationFault.TIMEOUT, FederationFault.SLOW_BODY} else QUICK


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def _toml(*lines: str) -> str:
    return "\n".join(
        [
            "[connectors.gaa]",
            *lines,
            'phone_region = "IE"',
            "[connectors.gaa.organizations.st-judes]",
            "[connectors.gaa.organizations.na-fianna]",
            "[connectors.gaa.values.subscription_status]",
            'paid = "ACTIVE"',
            'lapsed = "CANCELLED"',
            "",
        ]
    )


def _fields(fields: Mapping[str, str]) -> str:
    return "[connectors.gaa.fields]\n" + "".join(f"{n} = '{e}'\n" for n, e in fields.items())


def _main(config: str) -> None:
    found = load_federations(Path(config), {TOKEN_ENV: TOKEN}).connectors["gaa"]
    patient = Limits(interval=0, body_cap=64 * 1024**2)
    with open_source(found, now, limits=patient) as source:
        count = sum(1 for _ in source.records(ORGANIZATION, lambda: None))
    sys.stdout.write(f"{count} {peak_bytes()}\n")


if __name__ == "__main__":
    _main(sys.argv[1])
