"""The settings and the file of the federations as they are now, read again when they change."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trcpoints.config import Settings, environment, load_settings
from trcpoints.errors import ConfigurationInvalid
from trcpoints.federation.config import Federations, load_federations

_FROM_CLIENT = "HTTP_"
"""How CGI names the headers of a request among the variables: these are no settings."""

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Read:
    environ: dict[str, str]
    stamp: Stamp
    settings: Settings
    federations: Federations


class Configuration:
    """Rotating a secret or adding an organization needs no restart."""

    def __init__(self) -> None:
        self._read: _Read | None = None

    def current(self) -> tuple[Settings, Federations]:
        """What holds now. Raises ConfigurationInvalid and MissingExtra."""
        given = {k: v for k, v in os.environ.items() if not k.startswith(_FROM_CLIENT)}
        environ = environment(given)
        read = self._read
        if read is None or read.environ != environ or read.stamp != _stamp(_path(read.settings)):
            self._read = None
            settings = load_settings(environ)
            path = _path(settings)
            stamp = _stamp(path)
            read = _Read(environ, stamp, settings, load_federations(path, environ))
            self._read = read
        return read.settings, read.federations


def _path(settings: Settings) -> Path:
    if settings.federation_config is None:
        raise ConfigurationInvalid(
            ["FEDERATION_CONFIG: is not set; should be the file of the federations"]
        )
    return settings.federation_config


def _stamp(path: Path) -> Stamp:
    """By what a change of a file shows; zeros where it cannot be read, which loading it tells."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino
