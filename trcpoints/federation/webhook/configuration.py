"""The settings and the file of the federations as they are now, read again when they change."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from trcpoints.config import Settings, environment, load_settings
from trcpoints.errors import ConfigurationInvalid
from trcpoints.federation.config import Federations, load_federations

_FROM_CLIENT = "HTTP_"
"""How CGI names the headers of a request among the variables: these are no settings."""

Stamp = tuple[int, int, int]

log = logging.getLogger("trcpoints.federation")


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
        self._told: set[str] = set()

    def current(self) -> tuple[Settings, Federations]:
        """What holds now. Raises ConfigurationInvalid and MissingExtra.

        A secret that could be guessed is as good as none, and keeps no other connector from its
        webhooks; it is logged once.
        """
        given = {k: v for k, v in os.environ.items() if not k.startswith(_FROM_CLIENT)}
        environ = environment(given)
        read = self._read
        if read is None or read.environ != environ or read.stamp != _stamp(_path(read.settings)):
            self._read = None
            settings = load_settings(given)
            path = _path(settings)
            stamp = _stamp(path)
            weak: list[str] = []
            read = _Read(environ, stamp, settings, load_federations(path, environ, weak=weak))
            self._read = read
            self._tell(weak)
        return read.settings, read.federations

    def _tell(self, weak: list[str]) -> None:
        for fault in weak:
            if fault not in self._told:
                log.error("%s. Until then its webhooks are refused.", fault)
        self._told = set(weak)


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
