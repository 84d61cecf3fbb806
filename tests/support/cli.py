"""Runs the program as its users do: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from trcpoints.cli.main import main


@dataclass(frozen=True)
class Result:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one document on stdout; fails where stdout is anything else."""
        return cast("dict[str, Any]", json.loads(self.out))


class Cli:
    """The program with an environment of its own.

    Calling it runs a command in this process, which is fast and still goes in by `main`;
    `process` starts a real one.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)

    def __call__(
        self, *arguments: str, stdin: str | bytes = "", env: Mapping[str, str] | None = None
    ) -> Result:
        """Run a command in this process."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name in list(os.environ):
                patch.delenv(name)
            for name, value in {**self.environment, **(env or {})}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with _own_logging():
                code = main(list(arguments))
        return Result(code, _text(out), _text(err))

    def ok(self, *arguments: str, stdin: str | bytes = "") -> dict[str, Any]:
        """Run a command that must succeed, with --json; its document."""
        result = self(*arguments, "--json", stdin=stdin)
        assert result.code == 0, (result.code, result.out, result.err)
        return result.json

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None, before: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a command as a process of its own; `before` it goes what it is started by."""
        return subprocess.Popen(
            [*before, sys.executable, "-m", "trcpoints", *arguments],
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def process(
        self, *arguments: str, env: Mapping[str, str] | None = None, before: Sequence[str] = ()
    ) -> Result:
        """Run a command as a process of its own, to its end."""
        with self.start(*arguments, env=env, before=before) as process:
            out, err = process.communicate(timeout=60)
        return Result(process.returncode, out.decode(), err.decode())


@contextmanager
def _own_logging() -> Iterator[None]:
    """A process sets its log up once and for all; this one is others' too."""
    log = logging.getLogger("trcpoints")
    before = log.level, log.propagate, log.handlers
    try:
        yield
    finally:
        log.level, log.propagate, log.handlers = before


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return cast("io.BytesIO", stream.buffer).getvalue().decode()
