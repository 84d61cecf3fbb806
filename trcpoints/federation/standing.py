"""Whether the file of the federations still wants a job to be done (design, section 8)."""

from __future__ import annotations

from trcpoints.db.models import FederationJob
from trcpoints.errors import ConfigurationInvalid
from trcpoints.federation.config import Connector, Federations


def connector_of(federations: Federations, job: FederationJob) -> Connector:
    """The connector of a job; raises ConfigurationInvalid where it is switched off or gone."""
    connector = federations.connectors.get(job.connector)
    place = f"connectors.{job.connector}"
    if connector is None:
        raise _gone(place, job)
    if job.organization not in connector.organizations:
        raise _gone(f"{place}.organizations.{job.organization}", job)
    if not connector.enabled:
        raise ConfigurationInvalid(
            [f"{place}.enabled: is false, so job {job.id} waits"],
            hint="Put enabled = true into the file of FEDERATION_CONFIG; then: trcpoints "
            f"federation retry --now {job.id}",
        )
    return connector


def _gone(place: str, job: FederationJob) -> ConfigurationInvalid:
    return ConfigurationInvalid(
        [f"{place}: is not there any more, though job {job.id} is to sync it"],
        hint="Put it back into the file of FEDERATION_CONFIG, or leave it: it is not tried again.",
    )
