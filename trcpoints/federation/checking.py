"""Can every federation be read, and how do its first records map? Writes nothing (section 8)."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from trcpoints.config import Settings
from trcpoints.documents import ErrorInfo
from trcpoints.documents.federation import (
    FederationCheckDocument,
    FederationCheckRecord,
    FederationCheckSecret,
    FederationCheckSource,
)
from trcpoints.errors import ConfigurationInvalid, TrcpointsError
from trcpoints.federation.config import Connector, Federations, load_federations
from trcpoints.federation.connectors import Source, open_source
from trcpoints.federation.draining import Tick
from trcpoints.federation.engine.fetching import refuse_rounded
from trcpoints.federation.mapping import RecordMapping, RecordRejected, UnreadableRecord
from trcpoints.jobs.record import error_info
from trcpoints.jobs.run import Clock
from trcpoints.jobs.status_federation import Configured
from trcpoints.records.rounded_ids import RoundedIds

RECORDS = 10
"""Records of each organization that are looked at: fewer than any first page should have."""

NOT_SET = "FEDERATION_CONFIG: is not set; should be the TOML file that names your federations"


def federations_of(settings: Settings, environ: Mapping[str, str]) -> Federations | None:
    """The federations that are set up; None where FEDERATION_CONFIG is not set.

    Raises ConfigurationInvalid with all faults at once.
    """
    path = settings.federation_config
    return None if path is None else load_federations(path, environ)


def check(
    settings: Settings, environ: Mapping[str, str], *, clock: Clock, tick: Tick
) -> FederationCheckDocument:
    """Read the beginning of every organization that is enabled.

    Raises ConfigurationInvalid, and the first failure with the document of the whole.
    """
    path, federations = settings.federation_config, federations_of(settings, environ)
    if path is None or federations is None:
        raise ConfigurationInvalid(
            [NOT_SET],
            hint="See how such a file looks, under Federations in the README; then put "
            "FEDERATION_CONFIG=federations.toml into .env",
        )
    names = _variables(path)
    document = FederationCheckDocument(status="completed", file=str(path), sources=[])
    first: TrcpointsError | None = None
    for connector in federations.connectors.values():
        for organization in connector.organizations:
            tick(connector.scope(organization))
            source = _described(connector, organization, names)
            document.sources.append(source)
            try:
                if connector.enabled:
                    _look(connector, source, clock)
            except TrcpointsError as fault:
                source.error = error_info(fault)
                first = first or fault
    if first is not None:
        document.status, document.error = "failed", error_info(first)
        first.document = document
        raise first
    return document


def configured(
    settings: Settings, environ: Mapping[str, str]
) -> tuple[list[Configured], list[ErrorInfo]]:
    """The connectors for `status`, and what is wrong with the file that names them."""
    try:
        federations = federations_of(settings, environ)
    except TrcpointsError as fault:
        wrong = ErrorInfo("federation_configuration", fault.message, fault.hint)
        return [], [wrong]
    connectors = federations.connectors.values() if federations else ()
    return [Configured(one.name, one.enabled, list(one.organizations)) for one in connectors], []


def _described(
    connector: Connector, organization: str, names: Mapping[str, Mapping[str, str]]
) -> FederationCheckSource:
    prefix = f"connectors.{connector.name}"
    places = (prefix, f"{prefix}.organizations.{organization}")
    return FederationCheckSource(
        connector=connector.name,
        organization=organization,
        kind=connector.kind,
        strategy=connector.strategy,
        enabled=connector.enabled,
        secrets=[
            FederationCheckSecret(key=key, variable=variable)
            for place in places
            for key, variable in names.get(place, {}).items()
        ],
        read=0,
        rejected=0,
        empty=[],
        records=[],
        error=None,
    )


def _look(connector: Connector, described: FederationCheckSource, clock: Clock) -> None:
    with open_source(connector, clock) as source:
        records = _read_first(source, described.organization)
    ids = RoundedIds()
    described.records = [_mapped(connector.mapping, record, ids) for record in records]
    described.read = len(records)
    described.rejected = sum(bool(record.rejected) for record in described.records)
    taken = [record for record in described.records if not record.rejected]
    described.empty = [
        name
        for name in connector.mapping.fields
        if taken and not any(record.fields[name] for record in taken)
    ]
    refuse_rounded(ids, connector, described.organization)


def _read_first(source: Source, organization: str) -> list[Mapping[str, object] | UnreadableRecord]:
    """Read the first records, and close what was opened for them at once."""
    with closing(source.records(organization, lambda: None)) as records:
        return list(itertools.islice(records, RECORDS))


def _mapped(mapping: RecordMapping, record: object, ids: RoundedIds) -> FederationCheckRecord:
    try:
        sighting = mapping.see(record)
        ids.add(mapping.discord_id(sighting))
        fields = mapping.read(sighting)
    except RecordRejected as rejected:
        return FederationCheckRecord(
            external_id=rejected.external_id, fields={}, rejected=rejected.reasons
        )
    return FederationCheckRecord(external_id=sighting.external_id, fields=fields, rejected=[])


def _variables(path: Path) -> dict[str, dict[str, str]]:
    """The variables that a file names for secrets, by place and key; it was checked before."""
    found: dict[str, dict[str, str]] = {}

    def search(place: str, table: Mapping[str, object]) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                search(f"{place}.{key}" if place else key, value)
            elif key.endswith("_env") and isinstance(value, str):
                found.setdefault(place, {})[key] = value

    search("", tomllib.loads(path.read_text(encoding="utf-8")))
    return found
