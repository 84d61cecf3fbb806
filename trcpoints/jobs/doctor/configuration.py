"""Are the settings right? All their faults at once, as every command tells them."""

from __future__ import annotations

from collections.abc import Iterator

from trcpoints.config import GUILD_MISSING, read_settings
from trcpoints.errors import ConfigurationInvalid
from trcpoints.jobs.doctor.check import Case, Check, fault_of

NAME = "configuration"


def look(case: Case) -> Iterator[Check]:
    """Read the settings."""
    try:
        case.settings, faults = read_settings(case.environ, case.env_file)
    except ConfigurationInvalid as fault:
        yield fault_of(NAME, fault)
        return
    # Each line begins with the name of its setting.
    names = {line.partition(":")[0] for line in faults}
    mee6 = case.settings.mee6
    if mee6.enabled and mee6.guild_id is None and not any("GUILD_ID" in x for x in names):
        faults = [*faults, GUILD_MISSING]
        names.add("MEE6_GUILD_ID")
    case.wrong_settings = frozenset(names)
    if faults:
        yield fault_of(NAME, ConfigurationInvalid(faults))
    else:
        yield Check(NAME, "ok", "Every setting is valid.")
