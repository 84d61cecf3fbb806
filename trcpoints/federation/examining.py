"""Are the federations set up right? What `doctor` finds of their file; it asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from trcpoints.config import Settings, environment
from trcpoints.errors import MissingExtra, TrcpointsError
from trcpoints.jobs.doctor.check import Case, Check, fault_of, unset

if TYPE_CHECKING:
    from trcpoints.federation.config import Connector

NAME = "federation"


def look(case: Case) -> Iterator[Check]:
    """Read the file, with all that it names."""
    settings = case.usable("FEDERATION_CONFIG")
    if settings is None:
        yield unset(NAME)
    elif settings.federation_config is None:
        yield Check(NAME, "skipped", "Not set up, which is fine.")
    else:
        yield _checked(settings, environment(case.environ, case.env_file))


def _checked(settings: Settings, environ: Mapping[str, str]) -> Check:
    """Whether the file can be read, is right, and has its secrets and its libraries here."""
    try:
        # Not above: who has no federations need not have their libraries.
        from trcpoints.federation.checking import federations_of

        federations = federations_of(settings, environ)
        connectors = federations.connectors.values() if federations else ()
        enabled = [one for one in connectors if one.enabled]
        _require_notify(enabled)
    except TrcpointsError as fault:
        return fault_of(NAME, fault)
    organizations = sum(len(connector.organizations) for connector in enabled)
    told = f"Connectors that are enabled: {len(enabled)}, with organizations: {organizations}."
    return _webhook(enabled) or Check(NAME, "ok", told)


def _require_notify(connectors: Sequence[Connector]) -> None:
    has_admins = any(x.notify_urls for one in connectors for x in one.organizations.values())
    if has_admins and not _is_installed("apprise"):
        raise MissingExtra("notify_env", "notify")


def _webhook(connectors: Sequence[Connector]) -> Check | None:
    """A warning only: another machine may be the one that receives them."""
    wanted = any(one.webhook_secret for one in connectors)
    if not wanted or (_is_installed("werkzeug") and _is_installed("standardwebhooks")):
        return None
    missing = MissingExtra("webhook_secret_env", "webhook")
    return Check(NAME, "warning", missing.message, f"If webhooks come to here: {missing.hint}")


def _is_installed(library: str) -> bool:
    try:
        import_module(library)
    except ImportError:
        return False
    return True
