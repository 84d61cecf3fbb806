"""The settings through the real command: what is refused, what is absent, and what is told."""

from __future__ import annotations

import pwd

import pytest

from tests.support.cli import Cli

SECRET = "S3CRET"
NOWHERE = "127.0.0.1:1"

# Nobody listens there; the URL, and what of it may be shown.
DOWN = {
    f"postgresql://u:{SECRET}@{NOWHERE}/db": f"postgresql://u@{NOWHERE}/db",
    f"postgres://u:a%23%3F%2F%40:{SECRET}@{NOWHERE}/db": f"postgres://u@{NOWHERE}/db",
    f"postgresql://:{SECRET}@{NOWHERE}": f"postgresql://@{NOWHERE}",
    f"postgresql://u:{SECRET}@{NOWHERE},127.0.0.1:2/db": (
        f"postgresql://u@{NOWHERE},127.0.0.1:2/db"
    ),
    f"postgresql://u:{SECRET}@[::1]:1/db": "postgresql://u@[::1]:1/db",
    f"postgresql://u:{SECRET}@/db?host=/nowhere&port=1&sslpassword={SECRET}": (
        "postgresql://u@/db?host=/nowhere&port=1"
    ),
    f"postgresql://{NOWHERE}/?password={SECRET}#host&user=u&dbname=db": (
        f"postgresql://{NOWHERE}/?user=u&dbname=db"
    ),
    f"postgresql://u@{NOWHERE}/db?application_name={SECRET}&options=-c%20a.b%3D{SECRET}": (
        f"postgresql://u@{NOWHERE}/db"
    ),
    f"postgresql://u@{NOWHERE}/db?passfile=/{SECRET}": f"postgresql://u@{NOWHERE}/db",
}

AMBIGUOUS = [
    f"postgresql://u:{SECRET}#pw@{NOWHERE}/db",
    f"postgresql://u:1#{SECRET}@{NOWHERE}/db",
    f"postgresql://u:{SECRET}?pw@{NOWHERE}/db",
    f"postgresql://u:1?host={SECRET}@{NOWHERE}/db",
    f"postgresql://u:{SECRET}/pw@{NOWHERE}/db",
    f"postgresql://u:1/{SECRET}@{NOWHERE}/db",
    f"postgresql://u:1/{SECRET}#@{NOWHERE}/db",
    f"postgresql://u:pa@{SECRET}@{NOWHERE}/db",
    f"postgresql://u:pa@{SECRET}#@{NOWHERE}/db",
    f"postgresql://u:{SECRET}\n@{NOWHERE}/db",
    f"postgresql://u:{SECRET}\udcff@{NOWHERE}/db",
    f"postgresql://u:{SECRET}%FF@{NOWHERE}/db",
    f"postgresql://u:{SECRET}@{NOWHERE}/db#x",
    f"postgresql://u:{SECRET}@{NOWHERE}:5/db",
]

COMMANDS = [["db", "check"], ["db", "upgrade", "--json"], ["members", "list", "-vv"]]


@pytest.mark.parametrize("url", DOWN)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_server_that_is_down_gives_no_secret_away(
    sqlite_cli: Cli, url: str, arguments: list[str]
) -> None:
    result = sqlite_cli(*arguments, env={"DATABASE_URL": url})
    assert result.code == 74
    assert f"The database {DOWN[url]} cannot be used" in result.out + result.err
    assert SECRET not in result.out + result.err


@pytest.mark.parametrize("url", AMBIGUOUS)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_url_that_two_readers_read_differently_is_refused(
    sqlite_cli: Cli, url: str, arguments: list[str]
) -> None:
    result = sqlite_cli(*arguments, env={"DATABASE_URL": url})
    assert result.code == 78
    assert "# as %23" in result.out + result.err
    assert SECRET not in result.out + result.err
    assert NOWHERE not in result.out + result.err


@pytest.mark.parametrize("token", ["%zz", "%00"])
def test_a_url_that_libpq_refuses(sqlite_cli: Cli, token: str) -> None:
    url = f"postgresql://u:{SECRET}{token}@{NOWHERE}/db"
    result = sqlite_cli("db", "check", env={"DATABASE_URL": url})
    assert result.code == 78
    assert SECRET not in result.err


@pytest.mark.parametrize(
    "url", ["sqlite:///a%00b.db", "sqlite:////tmp/%00", "sqlite://///abs.db", "sqlite:////%2Fa.db"]
)
def test_a_sqlite_url_without_a_usable_path(sqlite_cli: Cli, url: str) -> None:
    result = sqlite_cli("db", "upgrade", "--json", env={"DATABASE_URL": url})
    assert result.code == 78
    assert "sqlite:////absolute.db" in result.json["error"]["message"]


def test_an_env_file_that_cannot_be_looked_for_is_not_there(sqlite_cli: Cli) -> None:
    """The system's failure to look is another one for each cause; too long a name is for all."""
    (sqlite_cli.folder / ".env").symlink_to("x" * 300)
    result = sqlite_cli("db", "check", env={"HOME": "/" + "x" * 300})
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("name", ["missing.env", ".", "x" * 300, "missing/.env"])
def test_an_env_file_that_was_named_must_be_readable(sqlite_cli: Cli, name: str) -> None:
    result = sqlite_cli("db", "check", "--env-file", name, "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "configuration")
    assert f"{name} cannot be read" in result.json["error"]["message"]


@pytest.fixture
def homeless(sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says where the user's folders are, as for a uid of a container's own."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    del sqlite_cli.environment["HOME"]


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home_needs_only_a_database_url(sqlite_cli: Cli) -> None:
    assert sqlite_cli("db", "check").code == 0
    del sqlite_cli.environment["DATABASE_URL"]
    result = sqlite_cli("db", "check", "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "configuration")
    assert "DATABASE_URL" in result.json["error"]["message"]
    disabled = sqlite_cli("sync", env={"MEE6_SYNC_ENABLED": "off"})
    assert disabled.out.startswith("Sync skipped")


def test_a_failure_names_a_file_that_is_no_text(cli: Cli) -> None:
    result = cli.process("sync", "--from", "gone\udcff.json", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "not_found")
    assert "gone?.json" in result.json["error"]["message"]
