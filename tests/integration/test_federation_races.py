"""Several processes at one queue, killed and suspended ones among them (design, section 8)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.support import books, queue
from tests.support.cli import Cli
from tests.support.postgres import PostgresServer
from trcpoints.config import sqlite_path, sqlite_url
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import FederationJob
from trcpoints.demo.federation import TOKEN, SimulatedFederation
from trcpoints.demo.federation_faults import FederationFault
from trcpoints.federation.queue.claiming import Wanted, next_due
from trcpoints.federation.queue.rules import MOST_RUNNING
from trcpoints.jobs.owner import this_process

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
JUDES = "st-judes"


def drained(cli: Cli, processes: int, seconds: float) -> None:
    """Let so many processes work the queue at once, to its end."""
    started = [cli.start("federation", "retry", "--json") for _ in range(processes)]
    for process in started:
        with process:
            out, err = process.communicate(timeout=seconds)
        assert process.returncode == 0, (out, err)


def check_history(cli: Cli) -> int:
    """Every job was done once, none beside another of its organization, and never more than
    there may be at once; the most that there were."""
    jobs = queue.jobs(cli)
    assert Counter(job.status for job in jobs) == {"completed": len(jobs)}
    tries = queue.runs(cli)
    assert Counter(run.status for run in tries) == {"completed": len(jobs)}
    assert len({job.run_id for job in jobs}) == len(jobs)
    assert sorted(json.loads(run.stats or "{}")["job_id"] for run in tries) == sorted(
        str(job.id) for job in jobs
    )
    events = sorted(moment for job in jobs for moment in _moments(job))
    running: set[str] = set()
    most = 0
    for _, is_begin, scope in events:
        if is_begin:
            assert scope not in running
            running.add(scope)
        else:
            running.remove(scope)
        most = max(most, len(running))
    assert most <= MOST_RUNNING
    assert queue.leases(cli) == []
    return most


def _moments(job: FederationJob) -> Iterator[tuple[datetime, bool, str]]:
    """When a try was begun and when it ended, both noted under the books lock."""
    scope = f"{job.connector}/{job.organization}"
    assert job.started_at is not None
    assert job.finished_at is not None
    yield job.started_at, True, scope
    yield job.finished_at, False, scope


def fill(cli: Cli, organizations: int, each: int) -> None:
    """A queue of jobs for members of many organizations."""
    names = [f"club-{number:02}" for number in range(organizations)]
    queue.configure(cli, names)
    for name in names:
        queue.export(cli, name)
        queue.tell(cli, name, (f"m{number}" for number in range(each)), "updated", NOON)


def test_every_job_is_done_once(cli: Cli) -> None:
    fill(cli, organizations=8, each=6)
    drained(cli, processes=7, seconds=120)
    check_history(cli)


@pytest.mark.slow
def test_every_one_of_thousands_of_jobs_is_done_once(cli: Cli) -> None:
    is_sqlite = sqlite_path(cli.environment["DATABASE_URL"]) is not None
    fill(cli, organizations=20, each=25 if is_sqlite else 100)
    drained(cli, processes=7, seconds=600)
    assert check_history(cli) > 1


def test_several_do_not_all_want_the_same_organization(cli: Cli) -> None:
    """Else they keep each other from working: all but one lose each claim."""
    fill(cli, organizations=6, each=2)

    def wanted() -> set[int]:
        with open_database(cli.environment["DATABASE_URL"], Access.READ) as engine:
            us, now = this_process(None), datetime.now(UTC)
            chosen = [next_due(engine, Wanted(), (), us, now) for _ in range(60)]
        return {job.id for job in chosen if job is not None}

    assert wanted() == {1}
    queue.begin(cli, "club-00")
    found = wanted()
    assert len(found) > 1
    assert found <= {3, 5, 7, 9, 11}  # the oldest of each organization that is free


def test_two_syncs_at_once_enqueue_each_organization_once(cli: Cli) -> None:
    names = [f"club-{number}" for number in range(6)]
    queue.configure(cli, names)
    for name in names:
        queue.export(cli, name)
    # Both wait for the lock to enqueue; whoever comes second may find some done already.
    with books.locked(cli):
        started = [cli.start("federation", "sync", "--json") for _ in range(4)]
    for process in started:
        with process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, (out, err)
    assert len(queue.members(cli)) == 30
    check_history(cli)


@pytest.fixture
def slow(cli: Cli) -> Iterator[tuple[Cli, SimulatedFederation, threading.Event]]:
    """Seven organizations, none of which answers before the event is set."""
    sizes = {f"club-{number}": 3 for number in range(7)}
    answer = threading.Event()
    with SimulatedFederation(sizes) as federation:
        place = (
            f'kind = "http-json"\nurl = "{federation.url}"\ntoken_env = "GAA_TOKEN"\n'
            'records = "data[*]"'
        )
        fields = '[connectors.club.fields]\nexternal_id = "memberId"\nemail = "contact.email"\n'
        queue.configure(cli, sizes, place=place, more=fields)
        cli.environment["GAA_TOKEN"] = TOKEN
        federation.misbehave(FederationFault.LATE, until=answer)
        yield cli, federation, answer
        answer.set()


def test_never_more_than_five_are_at_work(
    slow: tuple[Cli, SimulatedFederation, threading.Event],
) -> None:
    cli, _, answer = slow
    started = [cli.start("federation", "sync", "--json") for _ in range(8)]
    queue.until(lambda: _count(cli, "running") == MOST_RUNNING)
    queue.until(lambda: sum(process.poll() is not None for process in started) == 3)
    assert _count(cli, "running") == MOST_RUNNING
    # Those who have nothing to do have gone; those at work do the rest.
    assert _count(cli, "pending") == 2
    answer.set()
    for process in started:
        with process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, (out, err)
    assert check_history(cli) == MOST_RUNNING


@pytest.mark.parametrize("is_retried", [True, False])
def test_a_stuck_tries_late_finish_changes_nothing(
    slow: tuple[Cli, SimulatedFederation, threading.Event], *, is_retried: bool
) -> None:
    cli, federation, answer = slow
    only = ("--organization", "club-3")
    with cli.start("federation", "sync", *only, "--json") as process:
        queue.until(lambda: bool(federation.requests))
        os.kill(process.pid, signal.SIGSTOP)
        queue.silence(cli, datetime.now(UTC) - timedelta(minutes=31))
        federation.behave()
        answer.set()
        assert len(cli.ok("federation", "retry")["stuck"]) == 1
        if is_retried:
            (run,) = cli.ok("federation", "retry", "--now", "1")["runs"]
            assert (run["status"], run["created"]) == ("completed", 3)
        before = (queue.members(cli), [vars(job)["__data__"] for job in queue.jobs(cli)])
        os.kill(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 75
    document = json.loads(out)
    assert (document["status"], document["error"]["code"]) == ("skipped", "lease_lost")
    assert document["runs"][0]["created"] == 0
    assert (queue.members(cli), [vars(job)["__data__"] for job in queue.jobs(cli)]) == before
    (job,) = queue.jobs(cli)
    assert (job.status, job.retry_count) == ("completed" if is_retried else "pending", 1)
    assert [run.status for run in queue.runs(cli)] == ["abandoned", "completed"][: 1 + is_retried]


def test_sigterm_puts_the_job_back_without_counting(
    slow: tuple[Cli, SimulatedFederation, threading.Event],
) -> None:
    cli, federation, answer = slow
    with cli.start("federation", "sync", "--organization", "club-3", "--json") as process:
        queue.until(lambda: bool(federation.requests))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 143
    document = json.loads(out)
    assert document["status"] == "interrupted"
    assert [run["status"] for run in document["runs"]] == ["interrupted"]
    (job,) = queue.jobs(cli)
    assert (job.status, job.retry_count, job.next_retry_at) == ("pending", 0, None)
    federation.behave()
    answer.set()
    (run,) = cli.ok("federation", "retry")["runs"]
    assert run["created"] == 3


def test_a_killed_process_is_found_by_the_next_retry(
    slow: tuple[Cli, SimulatedFederation, threading.Event],
) -> None:
    cli, federation, answer = slow
    with cli.start("federation", "sync", "--organization", "club-3") as process:
        queue.until(lambda: bool(federation.requests))
        process.kill()
    federation.behave()
    answer.set()
    (job,) = cli.ok("federation", "retry")["stuck"]
    assert (job["status"], job["retry_count"], job["error"]["code"]) == ("pending", 1, "stuck")
    (run,) = cli.ok("federation", "retry", "--now", "1")["runs"]
    assert run["created"] == 3


def _count(cli: Cli, status: str) -> int:
    return sum(job.status == status for job in queue.jobs(cli))


# Killed at any step


@pytest.fixture
def copy_of(request: pytest.FixtureRequest, cli: Cli) -> Callable[[str], str]:
    """Makes a copy of a database, for one try."""
    made: list[str] = []

    def copy(url: str) -> str:
        path = sqlite_path(url)
        if path is None:
            server: PostgresServer = request.getfixturevalue("postgres")
            made.append(server.create_database(template=url))
        else:
            target = cli.folder / f"copy-{len(made)}.db"
            target.write_bytes(path.read_bytes())
            made.append(sqlite_url(target))
        return made[-1]

    return copy


@pytest.mark.parametrize("every", [29, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("number", ["KILL", "TERM"])
def test_a_signal_at_any_step_leaves_a_queue_that_goes_on(
    cli: Cli, copy_of: Callable[[str], str], number: str, every: int
) -> None:
    """A file that says most of its members anew: changes, a conflict, one missing, one new."""
    queue.configure(cli, [JUDES], 'strategy = "merge"')
    file = queue.export(cli, JUDES)
    cli.ok("federation", "sync")
    cli.ok("members", "set", "1", "--first-name", "Annie", "--by", "eve")
    text = file.read_text().replace(",ann,", ",Anna,").replace("bob,bob", "fay,fay")
    file.write_text(text)
    command = ["federation", "sync", "--json"]
    origin = cli.environment["DATABASE_URL"]
    cli.environment["DATABASE_URL"] = copy_of(origin)
    undisturbed = _disturbed(cli, 0, number, command)
    assert undisturbed.returncode == 0, undisturbed
    expected = _timeless(cli)
    steps = int(undisturbed.stderr.splitlines()[-1])
    assert steps > 20

    for at in range(1, steps + 1, every):
        cli.environment["DATABASE_URL"] = copy_of(origin)
        stopped = _disturbed(cli, at, number, command)
        code = -signal.SIGKILL if number == "KILL" else 128 + signal.SIGTERM
        assert stopped.returncode == code, (at, stopped)
        assert cli("points", "verify").code == 0, at
        last = queue.jobs(cli)[-1]
        if number == "TERM":
            assert last.status != "running", at
            assert last.retry_count == 0, at
            status = json.loads(stopped.stdout)["status"]
            assert status == "interrupted", (at, stopped.stdout)
        cli.ok("federation", "sync")
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3)):
            cli.ok("federation", "retry")
        assert {job.status for job in queue.jobs(cli)} == {"completed"}, at
        assert queue.leases(cli) == [], at
        assert _timeless(cli) == expected, at


def _disturbed(
    cli: Cli, at: int, number: str, command: list[str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.killer", number, str(at), *command],
        env=cli.environment,
        cwd=cli.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _timeless(cli: Cli) -> list[list[tuple[Any, ...]]]:
    """What a sync makes of the books: members, links and conflicts."""
    members = sorted(
        (one.email, one.first_name, one.active, one.points) for one in queue.members(cli).values()
    )
    found = [(one.member_id, one.field, one.ours, one.resolved) for one in queue.conflicts(cli)]
    return [members, found]
