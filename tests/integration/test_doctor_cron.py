"""`trcpoints doctor` and cron: lines, hours, and when it last started something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support import books, queue
from tests.support.cli import Cli
from tests.support.doctor import CRONTAB, Checks, checks, crontab
from tests.support.history import write_runs
from tests.support.mee6 import show
from trcpoints.demo.server import SimulatedMee6
from trcpoints.jobs.doctor import cron

ZONE = "America/New_York"
CRONIE = "cronie 1.5.7"
STREAKS = "5 0 * * * trcpoints streaks"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of /etc, with nothing in it that would start our jobs."""
    folder = tmp_path / "etc"
    (folder / "cron.d").mkdir(parents=True)
    (folder / "crontab").write_text("17 * * * * root run-parts /etc/cron.hourly\n")
    monkeypatch.setattr(cron, "SYSTEM", (folder / "crontab", folder / "cron.d"))
    return folder


@pytest.fixture
def cli(sqlite_cli: Cli, system: Path) -> Cli:
    """What has nothing to do with the database's engine, nor with MEE6."""
    sqlite_cli.environment["MEE6_SYNC_ENABLED"] = "no"
    return sqlite_cli


def with_sync(cli: Cli) -> Cli:
    """Sync is wanted, but no leaderboard can be read."""
    cli.environment |= {
        "MEE6_SYNC_ENABLED": "yes",
        "MEE6_GUILD_ID": "993536706509885777",
        "MEE6_API_BASE": "http://127.0.0.1:9",
    }
    return cli


def test_a_line_for_each_job(cli: Cli) -> None:
    crontab(with_sync(cli), CRONTAB)
    check = checks(cli, code=69)["cron"]
    assert check["message"] == "There are lines for sync (*/15 * * * *), streaks (5 0 * * *)."


def test_the_example_has_them(cli: Cli) -> None:
    crontab(with_sync(cli), (REPOSITORY / "crontab.example").read_text(encoding="utf-8"))
    assert checks(cli, code=69)["cron"]["status"] == "ok"


@pytest.mark.parametrize(
    ("line", "job"),
    [
        ("0 * * * * root cd /srv && /x/.venv/bin/trcpoints sync -q", "sync"),
        ("  @hourly\tpython3 -m trcpoints   streaks", "streaks"),
        ("5\t0 * * * trcpoints streaks run", "streaks"),
    ],
)
def test_a_line_in_another_shape(cli: Cli, line: str, job: str) -> None:
    crontab(with_sync(cli), f"MAILTO=x\n\n# a comment\n{line}\n")
    message = checks(cli, code=69)["cron"]["message"]
    other = {"sync": "streaks", "streaks": "sync"}[job]
    assert message.startswith(f"No line starts {other}:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# 5 0 * * * trcpoints streaks",
        "#5 0 * * * trcpoints streaks",
        "5 0 * * * trcpoints points verify",
        "5 0 * * * trcpoints status --check",
        "5 0 * * trcpoints",
        "NOTE=trcpoints streaks",
        "5 0 * * * trcpoints streaksome",
        "\0\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    ],
)
def test_no_line(cli: Cli, text: str) -> None:
    crontab(cli, text)
    check = checks(cli)["cron"]
    assert (check["status"], "No line starts streaks" in check["message"]) == ("warning", True)
    assert check["hint"].endswith(": trcpoints crontab")


def test_lines_for_federations_where_there_are_any(cli: Cli) -> None:
    crontab(cli, STREAKS)
    assert checks(cli)["cron"]["status"] == "ok"
    queue.configure(cli, ["st-judes"])
    message = checks(cli)["cron"]["message"]
    assert message.startswith("No line starts federation sync and federation retry:")
    crontab(cli, f"{STREAKS}\n0 2 * * * trcpoints federation  sync -q")
    assert checks(cli)["cron"]["message"].startswith("No line starts federation retry:")
    crontab(cli, (REPOSITORY / "crontab.example").read_text(encoding="utf-8"))
    told = "federation sync (0 2 * * *), federation retry (*/5 * * * *)."
    assert checks(cli)["cron"]["message"].endswith(told)


@pytest.mark.parametrize("name", ["crontab", "cron.d/trcpoints"])
def test_a_line_of_the_system(cli: Cli, system: Path, name: str) -> None:
    crontab(cli, None, says="not allowed")
    (system / name).write_text("5 0 * * * ada trcpoints streaks\n")
    assert checks(cli)["cron"]["status"] == "ok"


def test_a_folder_that_is_closed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's failure to look is another one for each cause; too long a name is for all."""
    monkeypatch.setattr(cron, "SYSTEM", (Path("/" + "x" * 300),))
    crontab(cli, "")
    assert "could not be looked at: /xxx" in checks(cli)["cron"]["message"]
    crontab(cli, CRONTAB)
    assert checks(cli)["cron"]["status"] == "ok"


def test_a_user_without_a_crontab(cli: Cli) -> None:
    crontab(cli, None, says="no crontab for ada")
    assert "No line starts streaks" in checks(cli)["cron"]["message"]


def test_a_crontab_that_cannot_be_read(cli: Cli) -> None:
    crontab(cli, None, says="You (ada) are not \x1b[31mallowed to use this program")
    check = checks(cli)["cron"]
    assert check["status"] == "warning"
    assert "could not be looked at: crontab -l: You (ada) are not" in check["message"]
    assert "\x1b" not in cli("doctor").out


def test_a_machine_without_cron(cli: Cli) -> None:
    cli.environment["PATH"] = "/nonexistent"
    check = checks(cli)["cron"]
    assert (check["status"], "could not be looked at" in check["message"]) == ("warning", True)


def in_zone(cli: Cli, zone: str) -> Checks:
    """As a process of its own, which reads TZ when it starts."""
    result = cli.process("doctor", "--json", env={"TZ": zone})
    assert (result.code, result.err) == (0, "")
    return {check["name"]: check for check in result.json["checks"]}


@pytest.mark.parametrize(
    ("text", "version", "zone", "status"),
    [
        (STREAKS, "", "UTC", "ok"),
        (STREAKS, "", ZONE, "warning"),
        (STREAKS, "", "Europe/London", "warning"),
        ("@daily trcpoints streaks", "", ZONE, "warning"),
        (f"CRON_TZ=UTC\n{STREAKS}", "", ZONE, "warning"),
        (f"CRON_TZ=UTC\n{STREAKS}", CRONIE, ZONE, "ok"),
        (f"CRON_TZ = 'Etc/UTC'\n{STREAKS}", CRONIE, ZONE, "ok"),
        (f"CRON_TZ={ZONE}\n{STREAKS}", CRONIE, ZONE, "warning"),
        (f"{STREAKS}\nCRON_TZ=UTC", CRONIE, ZONE, "warning"),
        (f"CRON_TZ={ZONE}\n{STREAKS}", CRONIE, "UTC", "warning"),
        (f"CRON_TZ={ZONE}\n{STREAKS}", "", "UTC", "ok"),
        ("5 * * * * trcpoints streaks", "", ZONE, "ok"),
        ("@hourly trcpoints streaks", "", ZONE, "ok"),
        ("5 0 * * * trcpoints points verify", "", ZONE, "ok"),
        ("0 2 * * * trcpoints federation sync", "", ZONE, "ok"),
    ],
)
def test_what_the_hours_mean(cli: Cli, text: str, version: str, zone: str, status: str) -> None:
    crontab(cli, text, version=version)
    check = in_zone(cli, zone)["time_zone"]
    assert check["status"] == status, check
    assert (check["hint"] != "") == (status == "warning")


def test_no_scheduled_run(cli: Cli) -> None:
    cli.ok("streaks")
    check = checks(cli)["last_runs"]
    assert check["status"] == "warning"
    assert "No scheduled run of streaks" in check["message"]
    assert "TRCPOINTS_TRIGGER=scheduled" in check["hint"]


def test_the_last_scheduled_runs(cli: Cli) -> None:
    with SimulatedMee6() as mee6:
        show(mee6, {"101": 5})
        cli.environment |= {"MEE6_API_BASE": mee6.api_base, "MEE6_GUILD_ID": mee6.guild_id}
        cli.environment |= {"MEE6_SYNC_ENABLED": "yes", "TRCPOINTS_TRIGGER": "scheduled"}
        cli.ok("sync")
        cli.ok("streaks")
        assert checks(cli)["last_runs"]["status"] == "ok"
        books.change_runs(cli, started_at=datetime.now(UTC) - timedelta(minutes=36))
        check = checks(cli)["last_runs"]
        assert check["message"] == "Scheduled runs are overdue: sync 36 minutes ago."
        books.change_runs(cli, started_at=datetime.now(UTC) - timedelta(hours=27))
        check = checks(cli)["last_runs"]
        assert check["message"].endswith("overdue: sync 27 hours ago, streaks 27 hours ago.")
        assert "cron" in check["hint"]


def test_scheduled_runs_that_are_to_come_say_nothing(cli: Cli) -> None:
    """A clock that was ahead has dated them so."""
    now = datetime.now(UTC)
    for run_id, at in (("before", now - timedelta(hours=27)), ("ahead", now + timedelta(days=30))):
        write_runs(cli, [{"id": run_id, "job": "streaks", "started_at": at}])
    assert checks(cli)["last_runs"]["message"].endswith("overdue: streaks 27 hours ago.")
    near = {"id": "near", "job": "streaks", "started_at": now + timedelta(minutes=4)}
    write_runs(cli, [near])
    assert checks(cli)["last_runs"]["message"] == "The last scheduled runs: streaks 0 minutes ago."
