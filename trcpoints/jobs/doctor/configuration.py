"""Are the settings right? All their faults at once, as every command tells them."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from trcpoints.config import GUILD_MISSING, Settings, find_unknown_variables, read_settings
from trcpoints.env_file import EnvFile, SettingFault, names_secret, read_env_file
from trcpoints.errors import ConfigurationInvalid
from trcpoints.jobs.doctor.check import Case, Check, fault_of
from trcpoints.secrecy import secret_values

NAME = "configuration"


def look(case: Case) -> Iterator[Check]:
    """Read the settings."""
    try:
        case.settings, faults = read_settings(case.environ, case.env_file)
    except ConfigurationInvalid as fault:
        yield fault_of(NAME, fault)
        return
    mee6 = case.settings.mee6
    is_told = any("GUILD_ID" in fault.setting for fault in faults)
    if mee6.enabled and mee6.guild_id is None and not is_told:
        faults = [*faults, SettingFault("MEE6_GUILD_ID", GUILD_MISSING)]
    case.wrong_settings = frozenset(fault.setting for fault in faults)
    if faults:
        yield fault_of(NAME, case.settings.refuse(faults))
    else:
        yield Check(NAME, "ok", "Every setting is valid.")
    yield _check_environment(case)
    yield _check_env_file(case.env_file, case.settings)


def _check_environment(case: Case) -> Check:
    """Look for variables of the process that were probably meant to be settings."""
    unknown = find_unknown_variables(case.environ, case.env_file)
    if not unknown:
        return Check("environment", "ok", "Every variable that looks like a setting is one.")
    told = "".join(f"\n{fault.text}" for fault in unknown)
    return Check(
        "environment",
        "warning",
        f"Variables of the environment that nothing reads: {len(unknown)}.{told}",
        "Correct or remove them where they are set: the crontab, the shell's profile, the service.",
    )


def _check_env_file(named: Path | None, settings: Settings) -> Check:
    """Look whether other users of this machine can read a secret in the `.env`."""
    file = read_env_file(named)
    if file.path is None:
        return Check("env_file", "skipped", f"There is no .env file. Looked for: {file.search}.")
    mode, owner = _mode_of(file.path)
    # A group that lets us read what belongs to another user is meant to.
    theirs = 0o044 if owner == os.geteuid() else 0o004
    if not (mode & theirs and _holds_secret(file, settings.federation_config)):
        return Check("env_file", "ok", f"{file.path} keeps its secrets from other users.")
    return Check(
        "env_file",
        "warning",
        f"{file.path} has the mode {mode:04o}: other users can read the secrets in it.",
        f"chmod 600 {shlex.quote(str(file.path))}",
    )


def _holds_secret(file: EnvFile, federation_config: Path | None) -> bool:
    if secret_values(file.values):
        return True
    return any(
        value and names_secret(federation_config, name) for name, value in file.values.items()
    )


def _mode_of(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:  # it was there a moment ago
        return 0, os.geteuid()
    return stat.S_IMODE(found.st_mode), found.st_uid
