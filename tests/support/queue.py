"""Federations of CSV files for tests of the queue, and the queue's rows from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.cli import Cli
from trcpoints.config import environment, load_settings
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import Conflict, FederationJob, Lease, Member, Run
from trcpoints.federation.config import load_federations
from trcpoints.federation.job import FederationRun
from trcpoints.federation.queue.claiming import Wanted, next_due
from trcpoints.federation.queue.enqueuing import Event, enqueue_member, enqueue_organizations
from trcpoints.jobs.owner import this_process
from trcpoints.jobs.run import run_job

WORD = ("Ann", "Bob", "Cat", "Dan", "Eve")


def configure(
    cli: Cli, organizations: Iterable[str], *lines: str, more: str = "", place: str = ""
) -> None:
    """Set up a federation named club; `lines` go to its table, `more` to the end of the file.

    Its organizations are CSV files in the program's folder unless `place` says otherwise.
    """
    where = place or 'kind = "csv"\npath = "{organization}.csv"'
    sections = "".join(f"[connectors.club.organizations.{name}]\n" for name in organizations)
    text = (
        f"[connectors.club]\n{where}\n" + "".join(f"{line}\n" for line in lines) + sections + more
    )
    fields = {"external_id": "id", "first_name": "first", "email": "email"}
    if "[connectors.club.fields]" not in text:
        text += "[connectors.club.fields]\n" + "".join(f'{k} = "{v}"\n' for k, v in fields.items())
    (cli.folder / "federations.toml").write_text(text)
    cli.environment["FEDERATION_CONFIG"] = "federations.toml"


def export(cli: Cli, organization: str, names: Iterable[str] = WORD) -> Path:
    """Write the CSV file of an organization: a member for each name, found by it again."""
    path = cli.folder / f"{organization}.csv"
    rows = [f"{name},{name},{name}@{organization}.example.org".lower() for name in names]
    path.write_text("\n".join(["id,first,email", *rows, ""]))
    return path


def jobs(cli: Cli) -> list[FederationJob]:
    """The whole queue, the oldest job first."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return list(FederationJob.select().order_by(FederationJob.id))


def runs(cli: Cli) -> list[Run]:
    """The runs of federations, the oldest first."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return list(Run.select().where(Run.job == "federation").order_by(Run.started_at, Run.id))


def leases(cli: Cli) -> list[str]:
    """The names of the leases that are held."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return [lease.name for lease in Lease.select()]


def members(cli: Cli) -> dict[str, Member]:
    """Every member by their e-mail."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return {member.email or "": member for member in Member.select()}


def conflicts(cli: Cli) -> list[Conflict]:
    """Every conflict, the oldest first."""
    with open_database(cli.environment["DATABASE_URL"], Access.READ):
        return list(Conflict.select().order_by(Conflict.id))


def execute(cli: Cli, sql: str) -> None:
    """Change the database behind the program's back."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        run: Callable[[str], object] = engine.execute_sql
        run(sql)


def silence(cli: Cli, since: datetime) -> None:
    """Let every lease have been heard of for the last time so long ago."""
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        Lease.update(heartbeat_at=since).execute()


def tell(
    cli: Cli, organization: str, external_ids: Iterable[str], event: Event, now: datetime
) -> None:
    """Enqueue jobs for members, as a webhook does."""
    file = cli.folder / cli.environment["FEDERATION_CONFIG"]
    connector = next(iter(load_federations(file, environment(cli.environment)).connectors.values()))
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine:
        for external_id in external_ids:
            enqueue_member(engine, connector, organization, external_id, event, now=now)


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that other processes do."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def begin(cli: Cli, organization: str) -> None:
    """A try of a job that is under way, of this very process: it never comes to an end."""
    settings = load_settings(cli.environment)
    federations = load_federations(cli.folder / "federations.toml", {})

    class Abandoned(FederationRun):
        def work(self, run: object) -> None:
            raise SystemExit

        def failed(self, fault: BaseException, now: datetime) -> None: ...

    with open_database(settings.database_url, Access.WRITE) as engine:
        wanted = [(federations.connectors["club"], organization)]
        enqueue_organizations(engine, wanted, trigger="manual", accept_changes=False, now=_now())
        job = next_due(engine, Wanted(), (), this_process(None), _now())
    assert job is not None
    with pytest.raises(SystemExit):
        run_job(settings, Abandoned(federations, job, _now), _now)


def _now() -> datetime:
    return datetime.now(UTC)
