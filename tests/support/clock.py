"""Runs the program with its clock set: `python -m tests.support.clock MOMENT ARGUMENTS…`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import time_machine

from trcpoints.cli.main import main

if __name__ == "__main__":
    with time_machine.travel(datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC)):
        code = main(sys.argv[2:])
    sys.exit(code)
