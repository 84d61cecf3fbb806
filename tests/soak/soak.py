"""Everything goes wrong at once, again and again; afterwards the books must be right (section 9).

    python -m tests.soak.soak [--engine sqlite|postgresql] [--seconds N] [--seed N]

Syncs, streaks and awards of two hosts run side by side while MEE6 misbehaves in every way there
is, while processes are killed, interrupted and suspended, leases grow old, and PostgreSQL
restarts. Nothing waits as long as it would at night, so a minute here is hours there. What is
done is chosen by the seed; what comes of it depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from peewee import fn

from tests.support import books
from tests.support import mee6 as mee6_support
from tests.support.cli import Cli
from tests.support.postgres import PostgresServer
from trcpoints.config import sqlite_url
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Activity, Lease, LedgerEntry, Member
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.errors import TrcpointsError

MEMBERS = 40
HOSTS = ("a", "b")
CUT_SHORT = {-signal.SIGKILL, -signal.SIGTERM}
"""Killed; or stopped before the program could hear it, as it was loaded or had ended."""

ALLOWED = {0, 65, 69, 74, 75, 143, *CUT_SHORT}
"""Exit codes of runs that met trouble; anything else is a fault of ours."""

LONGEST = 20.0
"""Seconds after which a process that still waits is killed."""

# What hours bring comes in a minute, so time says nothing of how much can have been earned.
_SPEEDS = {
    "MEE6_RETRY_BASE": "0.01",
    "MEE6_REQUEST_INTERVAL": "0",
    "MEE6_PAGE_SIZE": "15",
    "MEE6_MAX_GAIN": "off",
}
_TAKES_EVENT = {Fault.LATE}
OLD = timedelta(minutes=31)


@dataclass
class Started:
    """A process under way; `ends` says when it is killed, `resumes` when it goes on."""

    line: tuple[str, ...]
    process: subprocess.Popen[bytes]
    ends: float
    resumes: float | None = None


@dataclass
class Soak:
    """One community under fire."""

    cli: Cli
    mee6: SimulatedMee6
    chance: random.Random
    postgres: PostgresServer | None
    xp: dict[str, int] = field(default_factory=dict)
    awarded: dict[str, int] = field(default_factory=dict)
    started: list[Started] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """A first sync without trouble, which makes the baselines."""
        self.xp = {str(number): 1000 * number for number in range(101, 101 + MEMBERS)}
        books.link(self.cli, self.xp)
        mee6_support.show(self.mee6, self.xp)
        self.baseline = dict(self.xp)
        assert self.cli.ok("sync")["members"]["baselined"] == MEMBERS

    def live(self, seconds: float) -> None:
        """Make trouble for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._move()
            self._misbehave()
            while len(self.started) < 4:
                self._start()
            self._disturb()
            self._look_after()
            time.sleep(self.chance.uniform(0, 0.1))
        for started in self.started:
            started.ends = time.monotonic() + 5
        while self.started:
            self._look_after()
            time.sleep(0.05)

    def _move(self) -> None:
        for player in self.chance.sample(sorted(self.xp), 5):
            self.xp[player] += self.chance.randint(-30, 250)
            self.mee6.world.set_xp(player, self.xp[player])

    def _misbehave(self) -> None:
        if self.chance.random() < 0.6:
            self.mee6.behave()
        if self.chance.random() < 0.3:
            fault = self.chance.choice([fault for fault in Fault if fault not in _TAKES_EVENT])
            self.mee6.misbehave(fault, times=self.chance.randint(1, 6))
            self.seen[f"fault {fault.name}"] += 1

    def _start(self) -> None:
        kind = self.chance.choice(["sync"] * 5 + ["streaks", "award", "rebuild", "status"])
        line: tuple[str, ...] = {
            "sync": ("sync", "--ignore-cooldown"),
            "streaks": ("streaks",),
            "award": self._award(),
            "rebuild": ("streaks", "rebuild"),
            "status": ("status",),
        }[kind]
        host = {"TRCPOINTS_HOST_ID": self.chance.choice(HOSTS)}
        process = self.cli.start(*line, "--json", env=host)
        self.started.append(Started(line, process, time.monotonic() + LONGEST))

    def _award(self) -> tuple[str, ...]:
        key = f"k{self.chance.randrange(200)}"
        points = 1 + int(key[1:]) % 7
        member = f"discord:{101 + int(key[1:]) % MEMBERS}"
        given = ("--points", str(points), "--source", "intro", "--key", key)
        return ("points", "award", member, *given)

    def _disturb(self) -> None:
        chosen = self.chance.choice(self.started)
        match self.chance.choice(["kill", "term", "stop", "age", "restart", *["none"] * 20]):
            case "kill":
                chosen.process.kill()
            case "term" if chosen.resumes is None:
                chosen.process.terminate()
            case "stop" if chosen.resumes is None:
                chosen.process.send_signal(signal.SIGSTOP)
                chosen.resumes = time.monotonic() + self.chance.uniform(0.1, 2)
            case "age" if self.chance.random() < 0.3:
                self._grow_old()
            case "restart" if self.postgres is not None and self.chance.random() < 0.5:
                self.postgres.restart()
                self.seen["PostgreSQL restarted"] += 1

    def _grow_old(self) -> None:
        """As if half an hour went by without a sign of those who hold leases."""
        url = self.cli.environment["DATABASE_URL"]
        with suppress(TrcpointsError), open_database(url, Access.WRITE) as engine, engine.books():
            for lease in Lease.select():
                lease.heartbeat_at -= OLD
                self.seen["leases grown old"] += lease.save()

    def _look_after(self) -> None:
        now = time.monotonic()
        for started in list(self.started):
            if started.resumes is not None and now >= started.resumes:
                started.process.send_signal(signal.SIGCONT)
                started.resumes = None
            if now >= started.ends:
                started.process.kill()
            if started.process.poll() is not None:
                self.started.remove(started)
                self._judge(started)

    def _judge(self, started: Started) -> None:
        out, err = started.process.communicate()
        code = started.process.returncode
        self.seen[f"{started.line[0]} {code}"] += 1
        if code not in ALLOWED or b"Traceback" in err:
            self.faults.append(f"{started.line} ended with {code}: {out!r} {err!r}")
        if code in CUT_SHORT:
            return
        try:
            json.loads(out)
        except ValueError:
            self.faults.append(f"{started.line} printed no JSON: {out!r} {err!r}")
        if code == 0 and started.line[:2] == ("points", "award"):
            self.awarded[started.line[-1]] = int(started.line[4])

    def end(self) -> None:
        """One undisturbed sync, then look for what is wrong."""
        self.mee6.behave()
        self._grow_old()
        # Two, for who is missed once is deferred.
        for _ in range(2):
            done = self.cli.process("sync", "--ignore-cooldown", "--accept-decrease", "--json")
            if done.code:
                self.faults.append(f"the last sync ended with {done.code}: {done.out} {done.err}")
        for line in (["points", "verify"], ["db", "check"]):
            done = self.cli.process(*line, "--json")
            if done.code:
                self.faults.append(f"{line}: {done.out} {done.err}")
        if changed := self.cli.ok("streaks", "rebuild")["changed"]:
            self.faults.append(f"{changed} streaks were wrong")
        self.faults += self._lost_or_invented()

    def _lost_or_invented(self) -> Iterator[str]:
        url = self.cli.environment["DATABASE_URL"]
        with open_database(url, Access.READ):
            keys = {
                entry.idempotency_key: entry.points
                for entry in LedgerEntry.select().where(LedgerEntry.source == "intro")
            }
            for key, points in self.awarded.items():
                if keys.get(key) != points:
                    yield f"award {key} of {points} points is on the ledger as {keys.get(key)}"
            for member in Member.select():
                player = member.discord_id or ""
                earned = self.xp[player] - self.baseline[player]
                entries = LedgerEntry.select(fn.SUM(LedgerEntry.points)).where(
                    (LedgerEntry.member == member) & (LedgerEntry.source == "discord")
                )
                deltas = Activity.select(fn.SUM(Activity.xp_delta)).where(Activity.member == member)
                paid, recorded = int(entries.scalar() or 0), int(deltas.scalar() or 0)
                if not 100 * paid + member.carry == recorded == earned:
                    yield (
                        f"member {member.id} earned {earned} XP, of which {recorded} are on record "
                        f"and {paid} points were paid, with a carry of {member.carry}"
                    )


def soak(engine: str, seconds: float, seed: int) -> Soak:
    """Live through it; the faults that were found are in the result."""
    with _database(engine) as (url, postgres, folder), SimulatedMee6() as mee6:
        environment = {
            "DATABASE_URL": url,
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parent.parent.parent),
            **_SPEEDS,
            **mee6_support.environment(mee6),
        }
        lived = Soak(Cli(folder, environment), mee6, random.Random(seed), postgres)
        lived.begin()
        lived.live(seconds)
        lived.end()
        return lived


@contextmanager
def _database(engine: str) -> Iterator[tuple[str, PostgresServer | None, Path]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if engine == "sqlite":
            yield sqlite_url(folder / "books.db"), None, folder
            return
        server = PostgresServer.start()
        try:
            yield server.create_database(), server, folder
        finally:
            server.stop()


def main() -> int:
    """The command line; prints what happened, and what is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    lived = soak(asked.engine, asked.seconds, asked.seed)
    for what, count in sorted(lived.seen.items()):
        print(f"{count:6} {what}")  # noqa: T201
    print("\n".join(lived.faults) or "nothing is wrong")  # noqa: T201
    return 1 if lived.faults else 0


if __name__ == "__main__":
    sys.exit(main())
