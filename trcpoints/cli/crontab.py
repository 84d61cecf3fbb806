"""`trcpoints crontab`: the crontab that has every job."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

import trcpoints
from trcpoints.cli.app import command, single
from trcpoints.cli.session import session_of

app = single()

_NAME = "crontab.example"
_PACKAGE = Path(trcpoints.__file__).parent


@command(app, example="trcpoints crontab > my.crontab")
def crontab(context: typer.Context) -> None:
    """Print the crontab that has every job, to change it and to hand it to cron.

    Its comments say what each line does. It changes nothing, and --quiet prints it too.
    """
    from trcpoints.documents.crontab import CrontabDocument

    session = session_of(context)
    text = _read_example()
    if session.json:
        session.print_json(CrontabDocument(text=text))
    else:
        sys.stdout.write(text)


def _read_example() -> str:
    """Read the file from the package, or from beside it in a checkout."""
    for folder in (_PACKAGE, _PACKAGE.parent):
        file = folder / _NAME
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise RuntimeError(f"{_NAME} is missing from {_PACKAGE}")
