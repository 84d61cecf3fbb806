"""Which process holds a lease, and whether it still lives (design, section 9)."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from pathlib import Path
from typing import NamedTuple

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc")
_ENDED = frozenset("ZXx")


class Owner(NamedTuple):
    """A process, named so that no other one has the same name, on any machine, at any time.

    `process_started` tells it from a later process with the same `pid`. `namespace` is empty
    where nobody can know what a `pid` means. `machine` is for people.
    """

    host: str
    namespace: str
    pid: int
    process_started: str
    machine: str


def this_process(host_id: str | None) -> Owner:
    """The process that we are; `host_id` goes before the machine's own id."""
    pid = os.getpid()
    _, started = _state_of(pid)
    return Owner(_host(host_id), _namespace(), pid, started, socket.gethostname())


def is_gone(owner: Owner, us: Owner) -> bool:
    """Whether the process has ended, as far as this one can know: only beside it."""
    if not us.namespace or (owner.host, owner.namespace) != (us.host, us.namespace):
        return False
    state, started = _state_of(owner.pid)
    if not state:
        return not _exists(owner.pid)
    return state in _ENDED or started != owner.process_started


def _host(host_id: str | None) -> str:
    # Each alone may be shared: machine ids and names by copies of one image, boot ids by
    # containers.
    names = [host_id] if host_id else list(map(_text, _MACHINE_IDS))
    known = ":".join([_text(_BOOT_ID), *names]).strip(":") or socket.gethostname()
    # systemd asks that the machine id itself be told to nobody.
    return hashlib.sha256(f"trcpoints:{known}".encode()).hexdigest()[:32]


def _namespace() -> str:
    if sys.platform != "linux":
        return sys.platform  # the whole machine is one
    try:
        # A container may be shown no processes, or those of its host under other numbers.
        if str((_PROCESSES / "self").readlink()) != str(os.getpid()):
            return ""
        return str((_PROCESSES / "self" / "ns" / "pid").readlink())
    except OSError:
        return ""


def _state_of(pid: int) -> tuple[str, str]:
    """A process' state, one letter, and its start in ticks since boot; empty where unknown."""
    text = _text(_PROCESSES / str(pid) / "stat")
    # Behind the program's name, which stands in parentheses and may hold anything.
    fields = text.rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")


def _exists(pid: int) -> bool:
    # /proc may hide other users' processes.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
