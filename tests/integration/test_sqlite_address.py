"""Addresses of SQLite that mean another file than was meant: what is said, and what is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Cli

GUILD = "993536706509885777"
COMMANDS = ["status", "sync", "db upgrade"]

# What is typed, and what is to be typed.
INSTEAD = {
    "sqlite:///~/t.db": "type sqlite:///{home}/t.db",
    "sqlite:////~/t.db": "type sqlite:///{home}/t.db",
    "sqlite://~/t.db?x": "type sqlite:///{home}/t.db",
    "sqlite:///~nobody-of-this-name/t.db": "~ is not replaced",
    "sqlite:////abs/q.db?mode=ro": "type sqlite:////abs/q.db",
    "sqlite:///q.db?mode=ro#x": "type sqlite:///q.db",
    "sqlite:///what#now.db": "in a file's name write %3F and %23",
    "sqlite:q.db": "type sqlite:///q.db",
    "sqlite:/srv/q.db": "type sqlite:////srv/q.db",
    "sqlite://srv/q.db": "sqlite:///srv/q.db (in the working directory) or sqlite:////srv/q.db",
    "/srv/q.db": "type sqlite:////srv/q.db",
    "data/q.sqlite3": "type sqlite:///data/q.sqlite3",
    "~/q": "type sqlite:///{home}/q",
    "sqlite://u:S3CRET@host/q.db": "should look like sqlite:///relative.db",
    "sqlite:///q.db?key=S3CRET": "type sqlite:///q.db",
    "'sqlite:///q.db'": "begins with a quotation mark",
    '"sqlite:///q.db"': "begins with a quotation mark",
    "sqlite:///q.db'": "ends with a quotation mark",
    "": "is empty",
    "  ": "is empty",
    "mysql://host/q": "should look like sqlite:///relative.db",
}


@pytest.fixture
def cli(sqlite_cli: Cli) -> Cli:
    sqlite_cli.environment["MEE6_GUILD_ID"] = GUILD
    return sqlite_cli


def made_in(cli: Cli) -> list[Path]:
    """Everything in the working directory and at home."""
    home = Path(cli.environment["HOME"])
    return [*cli.folder.rglob("*"), *home.rglob("*")]


@pytest.mark.parametrize("url", INSTEAD)
def test_what_to_type_instead(cli: Cli, url: str) -> None:
    cli.environment["DATABASE_URL"] = url
    for line in COMMANDS:
        result = cli(*line.split(), "--json")
        assert (result.code, result.json["error"]["code"]) == (78, "configuration")
        message = result.json["error"]["message"]
        assert "DATABASE_URL: " in message
        assert INSTEAD[url].format(home=cli.environment["HOME"]) in message
        assert "S3CRET" not in result.out + result.err
    assert made_in(cli) == []


def test_an_address_on_the_command_line(cli: Cli) -> None:
    for url in ("sqlite:///~/t.db", "sqlite:////abs/q.db?mode=ro", "sqlite://q.db"):
        result = cli("db", "copy", "--to", url)
        assert result.code == 2
        assert "type sqlite:///" in result.err
    assert made_in(cli) == []


@pytest.mark.parametrize(
    "url", ["sqlite:///what%3Fnow%23.db", "sqlite:///%7E.db", "  sqlite:///a b.db "]
)
def test_a_name_may_have_any_character(cli: Cli, url: str) -> None:
    cli.environment["DATABASE_URL"] = url
    cli.ok("db", "upgrade")
    assert [file.name for file in made_in(cli)] in (["what?now#.db"], ["~.db"], ["a b.db"])


@pytest.mark.parametrize("line", ["db upgrade", "members add --name Ann", "db copy --to {}"])
def test_folders_of_a_relative_path_are_not_made(cli: Cli, line: str) -> None:
    url = "sqlite:///srv/x/y.db"
    if "{}" not in line:
        cli.environment["DATABASE_URL"] = url
    result = cli(*line.format(url).split(), "--json")
    error = result.json["error"]
    assert (result.code, made_in(cli)) == (78, [])
    assert f"the folder {cli.folder / 'srv' / 'x'} is not there" in error["message"]
    assert "for /srv/x/y.db type sqlite:////srv/x/y.db." in error["hint"]
    assert "mkdir -p srv/x" in error["hint"]
    (cli.folder / "srv" / "x").mkdir(parents=True)
    cli.ok(*line.format(url).split())


def test_three_slashes_where_four_are_meant(cli: Cli) -> None:
    cli.environment["DATABASE_URL"] = "sqlite:///srv/x/y.db"
    message = cli("sync", "--json").json["error"]["message"]
    assert f"There is no database at {cli.folder / 'srv/x/y.db'}: the folder" in message
    assert "for /srv/x/y.db type sqlite:////srv/x/y.db." in message


def test_folders_of_an_absolute_path_are_made_by_those_that_make_a_database(cli: Cli) -> None:
    folder = cli.folder / "a" / "b"
    cli.environment["DATABASE_URL"] = f"sqlite:///{folder}/c.db"
    for line in ("sync", "streaks", "status", "members set 1 --name X", "points award 1"):
        cli(*line.split())
        assert made_in(cli) == []
    assert cli("members", "add", "--name", "Ann").code == 0
    assert (folder / "c.db").exists()


READ_ONLY = """
mkdir disk && mount -t tmpfs none disk
"$0" -m trcpoints db upgrade -q && mount -o remount,ro disk
for line in "status" "members add --name x" "db check" "doctor -q" "streaks"; do
    "$0" -m trcpoints $line; echo "exit $?"
done
export DATABASE_URL="sqlite:///$PWD/disk/folder/new.db"
"$0" -m trcpoints db upgrade; echo "exit $?"
"""


def can_mount() -> bool:
    """Whether a process may have file systems of its own here."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_mount(), reason="needs a file system of its own")
def test_a_read_only_file_system_is_called_that(cli: Cli) -> None:
    environment = {
        **cli.environment,
        "DATABASE_URL": f"sqlite:///{cli.folder}/disk/books.db",
        "MEE6_SYNC_ENABLED": "no",
    }
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", READ_ONLY, sys.executable],
        cwd=cli.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.count("exit 74") == 6, done.stdout
    assert done.stdout.count("its file system is read-only") == 6
    assert f"findmnt -T {cli.folder}/disk" in done.stdout
    assert "who may read" not in done.stdout
