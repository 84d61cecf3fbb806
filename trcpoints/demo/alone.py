"""The simulated MEE6 as a program of its own, for an operator to try their crontab against."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from trcpoints.config import sqlite_url
from trcpoints.demo.crowd import Person, invent, write_members
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import GUILD_ID, SimulatedMee6
from trcpoints.demo.world import World

_TICK_SECONDS = 2.0
_EXAMPLE = """example:
  python -m trcpoints.demo.server --port 8099 --members 500 --write-members sample-members.csv
  (in another terminal, with the lines that it prints)
  trcpoints members import sample-members.csv
  trcpoints sync

faults:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    people = invent(options.members, options.seed)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        if options.write_members is not None:
            write_members(options.write_members, people)
        server = SimulatedMee6(options.guild_id, port=options.port)
    except (OSError, OverflowError) as fault:
        parser.error(str(fault))
    with server as mee6:
        mee6.world.replace(
            (person.discord_id, person.name, person.xp_at(datetime.now(UTC))) for person in people
        )
        if options.fault is not None:
            mee6.misbehave(Fault[options.fault])
        # A database of its own: invented people should not get into anybody's books.
        sys.stdout.write(
            f"export DATABASE_URL={sqlite_url(Path('simulated.db').absolute())}\n"
            f"export MEE6_API_BASE={mee6.api_base}\nexport MEE6_GUILD_ID={mee6.guild_id}\n"
        )
        sys.stdout.flush()
        while not stop.wait(_TICK_SECONDS):
            _live(mee6.world, people, datetime.now(UTC))
    return 0


def _live(world: World, people: Sequence[Person], now: datetime) -> None:
    xp = {person.discord_id: person.xp_at(now) for person in people}
    changed = {player_id: value for player_id, value in xp.items() if world.xp(player_id) != value}
    if changed:
        world.set_all_xp(changed)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("should be a whole number above 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trcpoints.demo.server",
        description="A simulated MEE6 whose members chat as time passes.",
        epilog=_EXAMPLE + "\n".join(f"  {fault.name:24}{fault.value}" for fault in Fault),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one (8099)")
    parser.add_argument("--members", type=_count, default=500, help="how many there are (500)")
    parser.add_argument("--seed", type=int, default=1, help="other people for another number (1)")
    parser.add_argument("--guild-id", default=GUILD_ID, help=f"({GUILD_ID})")
    parser.add_argument(
        "--fault",
        metavar="NAME",
        choices=[fault.name for fault in Fault],
        help="misbehave at every request; the names are below",
    )
    parser.add_argument(
        "--write-members",
        metavar="FILE",
        type=Path,
        help="write a new CSV of the members, for: trcpoints members import FILE",
    )
    return parser
