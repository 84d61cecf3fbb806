"""The file of the federations, checked as a whole (design, section 8)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trcpoints.config import DEFAULT_PERCENT, apprise_urls, header_value
from trcpoints.errors import ConfigurationInvalid
from trcpoints.federation import values
from trcpoints.federation.conflicts import STRATEGIES, Strategy
from trcpoints.federation.dates import DATE_ORDERS
from trcpoints.federation.mapping import RecordMapping
from trcpoints.federation.mapping_config import read_mapping
from trcpoints.federation.secrets import LookUp, Secrets
from trcpoints.federation.sources import KINDS, Csv, HttpJson, Source
from trcpoints.federation.tables import Table

NotifyOn = Literal["last", "first"]
_NOTIFY_ON: tuple[NotifyOn, ...] = ("last", "first")


@dataclass(frozen=True, slots=True)
class Organization:
    """One club or group in a federation, and the Apprise addresses of its admins.

    They are told when a job has failed for good, or with `notify_on` "first" at once.
    """

    name: str
    notify_urls: tuple[str, ...] = field(default=(), repr=False)
    notify_on: NotifyOn = "last"


@dataclass(frozen=True, slots=True)
class Connector:
    """How one federation is read. Its secrets are None where it has none, or is not enabled.

    `token_env` names the token's variable, for messages. `guard_percent` is the share of an
    organization's records that may change at once (section A4).
    """

    name: str
    kind: str
    enabled: bool
    strategy: Strategy
    phone_region: str | None
    source: Source
    mapping: RecordMapping
    organizations: dict[str, Organization]
    guard_percent: int = DEFAULT_PERCENT
    token_env: str | None = None
    token: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)

    def scope(self, organization: str) -> str:
        """How jobs, leases and `modified_by` call an organization."""
        return f"{self.name}/{organization}"


@dataclass(frozen=True, slots=True)
class Federations:
    """All connectors by name; `secrets` are what must not be told of them (section 14)."""

    connectors: dict[str, Connector]
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


def load_federations(
    path: Path, environ: Mapping[str, str], *, weak: list[str] | None = None
) -> Federations:
    """Read the file of FEDERATION_CONFIG; `environ` has the variables that it names.

    A webhook's secret that could be guessed is a fault; where there is a list for the `weak` ones,
    its connector has none instead, and the list says so.
    Raises ConfigurationInvalid with all the faults, each with its place in the file; and
    MissingExtra. The secrets of connectors that are not enabled are not looked up.
    """
    faults: list[str] = []
    root = Table("", _read(path), faults)
    section = root.table("connectors")
    root.refuse_unknown()
    if not section.names and not faults:
        root.fault("connectors", "should have at least one, like [connectors.gaa]")
    secrets = Secrets(environ, weak)
    found = [_read_connector(name, table, path.parent, secrets) for name, table in section.tables()]
    if faults:
        raise ConfigurationInvalid(faults, hint=_hint(path))
    connectors = {connector.name: connector for connector in found if connector is not None}
    return Federations(connectors, secrets.found)


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except tomllib.TOMLDecodeError as fault:
        reason = f"{path} is no TOML: {fault}"
    except OSError as fault:
        reason = f"{path} cannot be read: {fault.strerror}"
    except UnicodeDecodeError:
        reason = f"{path} is not UTF-8"
    except RecursionError:
        reason = f"{path} is nested too deeply"
    raise ConfigurationInvalid([reason], hint=_hint(path))


def _hint(path: Path) -> str:
    return f"Mend {path}, which FEDERATION_CONFIG names, and run: trcpoints federation check"


def _read_connector(name: str, table: Table, folder: Path, secrets: Secrets) -> Connector | None:
    """One connector; None where too much of it is wrong to make one. Faults go to the table's."""
    _check_name(table, values.connector_name, name)
    kinds = tuple(KINDS)
    kind = table.required_text("kind", values.one_of(kinds), example=" or ".join(kinds))
    # With a kind that is misspelt its keys are still worth reading: all faults at once.
    kind = kind or table.meant("kind", KINDS)
    source = KINDS[kind](table, folder) if kind else None
    enabled = table.flag("enabled", default=True)
    look_up = secrets.look_up if enabled else secrets.leave
    strategy = table.text("strategy", values.one_of(STRATEGIES)) or "federation_wins"
    region = table.text("phone_region", values.region)
    order = table.text("date_order", values.one_of(DATE_ORDERS))
    guard_percent = table.number("guard_percent", 1, 100) or DEFAULT_PERCENT
    token = look_up(table, "token_env", header_value)
    webhook_secret = look_up(table, "webhook_secret_env", values.webhook_secret)
    organizations = {
        key: _read_organization(key, one, look_up)
        for key, one in table.table("organizations").tables()
    }
    _check_organizations(table, source, organizations)
    if table.has("token_env") and source is not None:
        _check_addresses(table, source)
    mapping = read_mapping(table, region, order)
    if kind is None:
        return None
    table.refuse_unknown()
    if source is None or mapping is None:
        return None
    return Connector(
        name=name,
        kind=kind,
        enabled=enabled,
        strategy=strategy,
        phone_region=region,
        source=source,
        mapping=mapping,
        organizations=organizations,
        guard_percent=guard_percent,
        token_env=table.text("token_env", values.variable) if token else None,
        token=token,
        webhook_secret=webhook_secret,
    )


def _check_addresses(table: Table, source: Source) -> None:
    """A token goes to no address where somebody on the way could read it."""
    addresses = {"url": source.url}
    if isinstance(source, HttpJson):
        addresses["member_url"] = source.member_url
    for key, address in addresses.items():
        if address is not None and not values.is_private(address):
            table.fault(key, "should begin with https: the token of token_env is sent there")


def _read_organization(name: str, table: Table, look_up: LookUp) -> Organization:
    _check_name(table, values.organization_name, name)
    organization = Organization(
        name=name,
        notify_urls=look_up(table, "notify_env", apprise_urls) or (),
        notify_on=table.text("notify_on", values.one_of(_NOTIFY_ON)) or "last",
    )
    table.refuse_unknown()
    return organization


def _check_name(table: Table, parse: Callable[[str], str], name: str) -> None:
    try:
        parse(name)
    except ValueError as fault:
        table.fault_here(str(fault))


def _check_organizations(
    table: Table, source: Source | None, organizations: Mapping[str, Organization]
) -> None:
    """Each organization has records of its own: their address tells one from another."""
    if not organizations:
        table.fault("organizations", "should have at least one, like [….organizations.st-judes]")
    if len(organizations) < 2 or source is None:
        return
    key, template = (
        ("path", source.path) if isinstance(source, Csv) and source.path else ("url", source.url)
    )
    if "{organization}" not in (template or ""):
        table.fault(key, "should have {organization} in it, since there is more than one")
