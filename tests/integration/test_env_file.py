"""The `.env` file through the real command: a line that sets nothing is a fault, not silence."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.cli import Cli
from tests.support.doctor import checks
from trcpoints.config import sqlite_url

CASES = REPOSITORY.parent / "shared" / "cases" / "env"
SECRET = "hunter2S3CRET"
GUILD = "993536706509885777"

WRONG = {
    f"MEE6_GUILD_ID: {SECRET}": "it should be MEE6_GUILD_ID=value",
    f"MEE6_GUILD_ID {SECRET}": "it should be MEE6_GUILD_ID=value",
    f"mee6_guild_idd {SECRET}": "it should be MEE6_GUILD_ID=value",
    "MEE6_GUILD_ID": "it should be MEE6_GUILD_ID=value",
    f"set MEE6_GUILD_ID={SECRET}": "it should be MEE6_GUILD_ID=value",
    f"SET DATABASE_URL={SECRET}": "it should be DATABASE_URL=value",
    f"PASSWORD {SECRET}": "it should be NAME=value",
    SECRET: "it should be NAME=value",
    f"={SECRET}": "it should be NAME=value",
    f"; {SECRET}": "it should be NAME=value",
    f"[{SECRET}]": "it should be NAME=value",
    f'MEE6_AUTH_TOKEN="{SECRET}': "MEE6_AUTH_TOKEN: a quotation mark is missing",
    f"export GAA_TOKEN='{SECRET}": "GAA_TOKEN: a quotation mark is missing",
    f'GAA_TOKEN="{SECRET}"{SECRET}': "GAA_TOKEN: a quotation mark is missing, or something",
    f'GAA_TOKEN="{SECRET}\nMEE6_SYNC_ENABLED=false\nX="{SECRET}"': "GAA_TOKEN: a quotation mark",
    f'GAA_TOKEN="{SECRET}\nMEE6_SYNC_ENABLED=false\n"': "has a line MEE6_SYNC_ENABLED=… in it",
    f"Environment=MEE6_AUTH_TOKEN={SECRET}": "has a line MEE6_AUTH_TOKEN=… in it",
    f"MEE6_GUILDID={SECRET}": "MEE6_GUILDID is no setting; did you mean MEE6_GUILD_ID?",
    f"export MEE6_SYNC_ENABLE={SECRET}": "did you mean MEE6_SYNC_ENABLED?",
    f"mee6_guild_id={SECRET}": "mee6_guild_id is no setting; did you mean MEE6_GUILD_ID?",
    f"'MEE6_GUILD'={SECRET}": "did you mean MEE6_GUILD_ID?",
    f"$env:MEE6_GUILD_ID={SECRET}": "the name is no setting; did you mean MEE6_GUILD_ID?",
    f"MEE6_GUILD\u200b_ID={SECRET}": "the name is no setting; did you mean MEE6_GUILD_ID?",
    f"DISCORD_GUILD={SECRET}": "did you mean DISCORD_GUILD_ID?",
    f"DATABASE_URI={SECRET}": "did you mean DATABASE_URL?",
    f"DATABSE_URL={SECRET}": "did you mean DATABASE_URL?",
    f"SENTRY_DNS={SECRET}": "did you mean SENTRY_DSN?",
    f"TRCPOINTS_NOTIFY_URL={SECRET}": "did you mean TRCPOINTS_NOTIFY_URLS?",
    f"FEDERATION_CONFIGURATION={SECRET}": "did you mean FEDERATION_CONFIG?",
    f"TRCPOINTS_HOME={SECRET}": "TRCPOINTS_HOME is no setting",
    f"N\0A\0M\0E\0={SECRET}": "it should be NAME=value in UTF-8",
}  # fmt: skip

RIGHT = [
    f"export MEE6_GUILD_ID={GUILD}",
    f"  MEE6_GUILD_ID = '{GUILD}' # a comment",
    "# a comment\n\n\t\n",
    "MEE6_AUTH_TOKEN=\nSENTRY_DSN=\nMEE6_PAGE_SIZE=\nTRCPOINTS_TRIGGER=",
    "GAA_TOKEN=x\nPGPASSWORD=y\nDISCORD_BOT_TOKEN=z\nspring.datasource-url=u\n_=v\nPATH=w",
    'GAA_KEY="-----BEGIN KEY-----\nMIIEvQ==\n-----END KEY-----"\n',
    "MEE6_GUILD_ID=1\nDISCORD_GUILD_ID=of another program",
]


@pytest.fixture
def cli(sqlite_cli: Cli) -> Cli:
    """The program with a guild, so that nothing else is wrong."""
    sqlite_cli.environment["MEE6_GUILD_ID"] = GUILD
    return sqlite_cli


def write(cli: Cli, text: str) -> Path:
    """Write the `.env` of the working directory, which is whose secrets it has."""
    file = cli.folder / ".env"
    file.write_text(text, encoding="utf-8", newline="")
    file.chmod(0o600)
    return file


def refused(cli: Cli, *command: str) -> list[str]:
    """The faults that a command tells, one a line, without a secret."""
    result = cli(*command, "--json")
    assert (result.code, result.json["error"]["code"]) == (78, "configuration"), result
    shown = [result, cli(*command), cli(*command, "-vv"), cli("doctor", "--json"), cli("doctor")]
    for one in shown:
        assert one.code == 78
        assert SECRET not in one.out + one.err
    message = str(result.json["error"]["message"])
    assert message in {check["message"] for check in shown[3].json["checks"]}
    return [line.strip() for line in message.splitlines()[1:]]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_line_that_sets_nothing(cli: Cli, wrong: str) -> None:
    file = write(cli, f"# ours\nMEE6_RETRY_BASE=0\n\n\r\n{wrong}\nMEE6_REQUEST_INTERVAL=0\n")
    (fault,) = refused(cli, "status")
    assert fault.startswith(f"{file}, line 5: ")
    assert WRONG[wrong] in fault


def test_a_setting_that_is_there_twice(cli: Cli) -> None:
    file = write(cli, "MEE6_GUILD_ID=1\n\nMEE6_GUILD_ID=2\nOTHER=1\nOTHER=2\n")
    (fault,) = refused(cli, "status")
    assert fault == f"{file}, line 3: MEE6_GUILD_ID is set in line 1 already"


@pytest.mark.parametrize(
    "line", ["MEE6_AUTH_TOKENs3cr3tpad==", "MEE6_AUTH_TOKENS3CR3TPAD=", "SENTRY_s3cr3tDSN=//abc"]
)
def test_a_sign_that_was_forgotten_shows_no_secret(cli: Cli, line: str) -> None:
    write(cli, f"{line}\n")
    result = cli("status")
    assert (result.code, "the name is no setting" in result.err) == (78, True)
    assert "s3cr3t" not in result.err.lower()


@pytest.mark.parametrize("right", RIGHT)
def test_what_is_understood(cli: Cli, right: str) -> None:
    write(cli, right)
    assert (cli("db", "check").code, cli("db", "check").err) == (0, "")


def test_every_fault_is_told_at_once(cli: Cli) -> None:
    write(cli, "nonsense is here\nMEE6_GUILDID=1\nMEE6_PAGE_SIZE=x\n\nMEE6_SYNC_ENABLE=false\n")
    told = refused(cli, "sync")
    places = [line.partition(":")[0].rpartition(" ")[2] for line in told]
    assert places == ["1", "2", "5", "MEE6_PAGE_SIZE"]


@pytest.mark.parametrize("start", ["\ufeff", "\ufeff\r\n", ""])
def test_a_byte_order_mark_is_no_part_of_the_first_name(cli: Cli, start: str) -> None:
    file = sqlite_url(cli.folder / "of-the-file.db")
    write(cli, f"{start}DATABASE_URL={file}\r\nMEE6_GUILD_ID={GUILD}\r\n")
    del cli.environment["DATABASE_URL"]
    assert cli.ok("db", "upgrade")["url"] == file


def test_a_file_in_another_encoding(cli: Cli) -> None:
    (cli.folder / ".env").write_bytes(f"MEE6_AUTH_TOKEN={SECRET}\n".encode("utf-16"))
    (fault,) = refused(cli, "status")
    assert fault == f"{cli.folder / '.env'} cannot be read: it is not text in UTF-8"


def test_a_file_that_was_named_has_the_same_rules(cli: Cli) -> None:
    (cli.folder / "other.env").write_text("MEE6_GUILDID=1\n")
    error = cli("status", "--env-file", "other.env", "--json").json["error"]
    assert "other.env, line 1: MEE6_GUILDID is no setting" in error["message"]
    assert "other.env (read)" in error["hint"]


def test_a_switch_that_is_empty_could_mean_both(cli: Cli) -> None:
    write(cli, "MEE6_SYNC_ENABLED=\n")
    assert refused(cli, "sync")[0] == "MEE6_SYNC_ENABLED: is empty; should be true or false"
    write(cli, "")
    result = cli("status", "--json", env={"MEE6_SYNC_ENABLED": " "})
    assert "MEE6_SYNC_ENABLED: is empty" in result.json["error"]["message"]


TOML = """
[connectors.gaa]
kind = "csv"
path = "{organization}.csv"
webhook_secret_env = "FEDERATION_SECRET"
[connectors.gaa.organizations.st-judes]
notify_env = 'TRCPOINTS_GAA_ADMINS'
[connectors.gaa.fields]
external_id = "id"
first_name = "name"
"""
NAMED = "FEDERATION_CONFIG=f.toml\nFEDERATION_SECRET=s\nTRCPOINTS_GAA_ADMINS=json://x\n"


@pytest.mark.parametrize("toml", [TOML, f"nonsense {TOML}", None])
def test_the_names_of_secrets_are_their_owners_choice(cli: Cli, toml: str | None) -> None:
    """A fault of that file, or that it is gone, is none of the other commands'."""
    write(cli, NAMED)
    if toml is not None:
        (cli.folder / "f.toml").write_text(toml)
    assert cli("db", "check").code == 0


def test_a_secret_that_no_connector_names(cli: Cli) -> None:
    write(cli, NAMED + "FEDERATION_SECRET_2=s\n")
    (cli.folder / "f.toml").write_text(TOML)
    (fault,) = refused(cli, "db", "check")
    assert "line 4: FEDERATION_SECRET_2 is no setting" in fault


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("*.env")))
def test_the_files_that_people_have(cli: Cli, name: str) -> None:
    del cli.environment["DATABASE_URL"]
    write(cli, (CASES / name).read_text(encoding="utf-8"))
    result = cli("status", "--json")
    assert result.code == 78
    message = result.json["error"]["message"]
    if name.startswith("bom"):
        assert f"There is no database at {cli.folder / 'e.db'}" in message
    else:
        assert f"{cli.folder / '.env'}, line " in message


def doctor(cli: Cli, name: str) -> dict[str, str]:
    """What the doctor says of one thing, in a house that is in order."""
    cli.environment["MEE6_SYNC_ENABLED"] = "no"
    return checks(cli)[name]


def test_the_doctor_looks_at_the_environment(cli: Cli) -> None:
    cli.environment["TRCPOINTS_HOME"] = "/srv/trcpoints"  # as crontab.example has it
    cli.environment["SENTRYX"] = "another program's"
    assert doctor(cli, "environment")["status"] == "ok"
    cli.environment |= {"MEE6_GUILDID": SECRET, "trcpoints_trigger": SECRET}
    check = doctor(cli, "environment")
    assert check["status"] == "warning"
    assert "MEE6_GUILDID is no setting; did you mean MEE6_GUILD_ID?" in check["message"]
    assert "did you mean TRCPOINTS_TRIGGER?" in check["message"]
    assert SECRET not in str(check)
    assert cli("status").code == 0


def test_a_wrong_name_is_as_good_as_a_wrong_setting(cli: Cli) -> None:
    """Nothing is looked at by a default that was not meant."""
    write(cli, "DATABASE_URI=sqlite:///a.db\n")
    found = checks(cli, code=78)
    assert found["database"]["message"] == "Its settings are wrong: see configuration."


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
@pytest.mark.parametrize(
    "text", [f"MEE6_AUTH_TOKEN={SECRET}", f"DATABASE_URL=postgresql://u:{SECRET}@h/d", NAMED]
)
def test_a_secret_that_others_can_read(cli: Cli, mode: int, text: str) -> None:
    if text == NAMED:
        pytest.importorskip("jmespath")
        (cli.folder / "f.toml").write_text(TOML.replace("webhook_secret_env", "# webhook"))
        text = text.replace("FEDERATION_SECRET=s\n", "")
    file = write(cli, text)
    file.chmod(mode)
    check = doctor(cli, "env_file")
    assert check["status"] == "warning"
    assert f"{file} has the mode {mode:04o}" in check["message"]
    assert SECRET not in str(check)
    subprocess.run(shlex.split(check["hint"]), check=True)
    assert doctor(cli, "env_file")["status"] == "ok"


def test_a_file_without_secrets_may_be_read(cli: Cli) -> None:
    write(cli, f"MEE6_GUILD_ID={GUILD}\nMEE6_AUTH_TOKEN=\n").chmod(0o644)
    assert doctor(cli, "env_file")["status"] == "ok"


def test_that_there_is_no_file_is_said(cli: Cli) -> None:
    check = doctor(cli, "env_file")
    assert check["status"] == "skipped"
    assert f"{cli.folder / '.env'} (not found)" in check["message"]
