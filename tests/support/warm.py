"""Many real processes of the program, quickly: forks of one that has imported everything.

`Warm` starts this file as a program, the warm one, which forks a child for every call that it
reads on its stdin, and answers when they have all ended. The children of one order wait at a
barrier until the last of them is there.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast


@dataclass(frozen=True, slots=True)
class Ended:
    """How one process ended; `code` is negative for the signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one document on stdout."""
        return cast("dict[str, Any]", json.loads(self.out))


class Warm:
    """The warm process; a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def run(
        self,
        calls: Sequence[Sequence[str]],
        folder: Path,
        environment: Mapping[str, str],
        *,
        at: int | None = None,
        number: str = "KILL",
    ) -> list[Ended]:
        """Run the program once for each list of arguments, all at the same moment.

        With `at`, each gets a signal at that step (`tests.support.killer`); with 0 it only counts
        them, and its last line on stderr is their number.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "calls": [list(call) for call in calls],
            "folder": str(folder),
            "environment": dict(environment),
            "at": at,
            "number": number,
        }
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return [Ended(*answer) for answer in json.loads(self._process.stdout.readline())]


def _serve() -> None:
    for line in sys.stdin:
        answers = _carry_out(json.loads(line))
        sys.stdout.write(f"{json.dumps(answers)}\n")
        sys.stdout.flush()


def _carry_out(order: dict[str, Any]) -> list[tuple[int, str, str]]:
    barrier, opener = os.pipe()
    children = []
    for call in order["calls"]:
        streams = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]  # noqa: SIM115 (see below)
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.read(barrier, 1)
            _become(order, call, [stream.fileno() for stream in streams])
        children.append((pid, streams))
    os.close(barrier)
    os.close(opener)
    answers = []
    for pid, streams in children:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        texts = []
        for stream in streams:
            with stream:
                stream.seek(0)
                texts.append(stream.read().decode())
        answers.append((code, texts[0], texts[1]))
    return answers


def _become(order: dict[str, Any], call: list[str], streams: list[int]) -> None:
    """Be the program, in a child."""
    from tests.support import killer

    code = 70
    try:
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        nothing = os.open(os.devnull, os.O_RDONLY)
        for ours, theirs in enumerate([nothing, *streams]):
            os.dup2(theirs, ours)
        at = order["at"]
        number = signal.Signals[f"SIG{order['number']}"]
        code = killer.run(number, at, call) if at is not None else killer.undisturbed(call)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        # No clean-up of the warm process' things.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _warm_up() -> None:
    """Import what the commands import when they are called."""
    from tests.support.killer import undisturbed
    from trcpoints.demo.server import SimulatedMee6

    with tempfile.TemporaryDirectory() as folder, SimulatedMee6() as server:
        os.environ.update(
            DATABASE_URL=f"sqlite:///{folder}/warm.db",
            MEE6_API_BASE=server.api_base,
            MEE6_GUILD_ID=server.guild_id,
            HOME=folder,
        )
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            kept, sys.stdout = sys.stdout, nothing
            with contextlib.redirect_stderr(nothing):  # it says that a database was made
                undisturbed(["db", "upgrade"])
            for command in ("sync", "streaks", "points verify"):
                undisturbed([*command.split(), "--json"])
            sys.stdout = kept


if __name__ == "__main__":
    _warm_up()
    gc.freeze()  # a child's collections would copy every page
    _serve()
