"""`python -m trcpoints` is the same as `trcpoints`."""

from trcpoints.cli.main import run

run()
