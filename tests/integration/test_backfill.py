"""`trcpoints backfill-dry-run`: what history would cost, without a way to write it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import stat
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import books
from tests.support.cli import Cli
from tests.support.mee6 import show
from trcpoints.config import sqlite_path
from trcpoints.db.database import Access, open_database
from trcpoints.db.engine import Engine
from trcpoints.db.models import Member, MemberEdit
from trcpoints.demo.faults import Fault
from trcpoints.demo.server import SimulatedMee6
from trcpoints.errors import DatabaseUnavailable

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN = "101", "102", "103", "104"
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)


def board(cli: Cli, xp: Mapping[str, int], guild: str = "993536706509885777") -> str:
    """A saved leaderboard; its name."""
    players = [{"id": player_id, "xp": total} for player_id, total in xp.items()]
    page = {"guild": {"id": guild}, "page": 0, "players": players}
    (cli.folder / "board.json").write_text(json.dumps(page))
    return "board.json"


def preview(cli: Cli, xp: Mapping[str, int]) -> dict[str, Any]:
    return cli.ok("backfill-dry-run", "--from", board(cli, xp))


def award(cli: Cli, discord_id: str, points: int) -> None:
    cli.ok(
        "points", "award", f"discord:{discord_id}", f"--points={points}", "--source=adjustment",
        f"--key={discord_id}", "--note=test",
    )  # fmt: skip


def test_all_xp_is_priced_and_ranked(cli: Cli) -> None:
    books.link(cli, [ANN, BOB, CAT, DAN])
    award(cli, ANN, 3)
    award(cli, BOB, 3)
    award(cli, DAN, 1)
    document = preview(cli, {ANN: 150, CAT: 1_000, BOB: 99, "999": 10**9})
    assert (document["schema"], document["guild_id"]) == (
        "trcpoints.backfill-dry-run/1",
        "993536706509885777",
    )
    assert (document["members"], document["points"]) == (4, 11)
    columns = ("discord_id", "xp_total", "points", "carry", "rank_now", "rank_then")
    assert [tuple(result[column] for column in columns) for result in document["results"]] == [
        (CAT, 1_000, 10, 0, 4, 1),
        (ANN, 150, 1, 50, 1, 2),
        (BOB, 99, 0, 99, 1, 3),
        (DAN, 0, 0, 0, 3, 4),
    ]
    first = document["results"][0]
    assert list(first) == [
        "member_id", "discord_id", "name", "xp_total", "points", "carry", "rank_now", "rank_then"
    ]  # fmt: skip
    assert (first["member_id"], first["name"]) == ("3", f"member {CAT}")


def test_who_is_considered(cli: Cli) -> None:
    """Linked and active members have a line; who has no Discord account keeps their rank."""
    books.link(cli, [ANN, BOB])
    cli.ok("members", "add", "--name", "unlinked", "--email", "u@example.org")
    cli.ok(
        "points", "award", "u@example.org", "--points=7", "--source=intro", "--key=1"
    )  # fmt: skip
    books.change_member(cli, BOB, active=False, points=100)
    (result,) = preview(cli, {ANN: 500, BOB: 900})["results"]
    assert (result["discord_id"], result["rank_now"], result["rank_then"]) == (ANN, 2, 2)
    (result,) = preview(cli, {ANN: 700})["results"]
    assert (result["rank_now"], result["rank_then"]) == (2, 1)


def test_absent_means_the_last_xp_known(cli: Cli) -> None:
    books.link(cli, [ANN, BOB, CAT])
    cli.ok("sync", "--from", board(cli, {ANN: 400, BOB: 300}))
    with time_machine.travel(NOON, tick=False):
        books.change_member(cli, CAT, xp_total=None)
    results = preview(cli, {ANN: 500})["results"]
    assert [(r["discord_id"], r["xp_total"]) for r in results] == [(ANN, 500), (BOB, 300), (CAT, 0)]


def test_what_is_not_known_is_not_taken_for_nothing(cli: Cli) -> None:
    books.link(cli, [ANN, BOB])
    players = [{"id": str(10_000 + number), "xp": 5_000 - number} for number in range(999)]
    page = {
        "guild": {"id": "993536706509885777"},
        "players": [*players[:998], {"id": ANN, "xp": 7}],
    }
    (cli.folder / "full.json").write_text(json.dumps(page))
    document = cli.ok("backfill-dry-run", "--from", "full.json")
    assert [r["xp_total"] for r in document["results"]] == [7, None]
    shown = cli("backfill-dry-run", "--from", "full.json").out
    assert "unknown" in shown
    assert "The XP of 1 member is not known" in shown
    document = cli.ok("backfill-dry-run", "--from", "full.json", "--complete")
    assert [r["xp_total"] for r in document["results"]] == [7, 0]


def test_a_record_that_cannot_be_read_is_not_an_absence(cli: Cli) -> None:
    books.link(cli, [ANN, BOB])
    document = preview(cli, {ANN: 500, BOB: -1})
    assert [(r["discord_id"], r["xp_total"]) for r in document["results"]] == [
        (ANN, 500),
        (BOB, None),
    ]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 1200)), min_size=1, max_size=9))
def test_totals_and_ranks_agree_with_a_count_by_hand(cli: Cli, rows: list[tuple[int, int]]) -> None:
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE):
        MemberEdit.delete().execute()
        Member.delete().execute()
    ids = [str(101 + number) for number in range(len(rows))]
    books.link(cli, ids)
    for discord_id, (points, _) in zip(ids, rows, strict=True):
        books.change_member(cli, discord_id, points=points)
    document = preview(cli, {i: xp for i, (_, xp) in zip(ids, rows, strict=True)})
    assert document["points"] == sum(xp // 100 for _, xp in rows)
    then = [points + xp // 100 for points, xp in rows]
    by_id = {result["discord_id"]: result for result in document["results"]}
    for number, (points, xp) in enumerate(rows):
        result = by_id[ids[number]]
        assert (result["points"], result["carry"]) == divmod(xp, 100)
        assert result["rank_now"] == 1 + sum(other > points for other, _ in rows)
        assert result["rank_then"] == 1 + sum(other > then[number] for other in then)


def test_the_table_has_totals_and_the_twenty_largest(cli: Cli) -> None:
    ids = [str(1001 + number) for number in range(25)]
    books.link(cli, ids)
    name = board(cli, {player_id: 100 * int(player_id) for player_id in ids})
    shown = cli("backfill-dry-run", "--from", name)
    assert (shown.code, shown.err) == (0, "")
    assert sum(f"member {player_id}" in shown.out for player_id in ids) == 20
    assert "member 1025" in shown.out
    assert "member 1005" not in shown.out
    assert "25 members, 2,532,500 XP, would cost 25,325 points" in shown.out
    assert "20 largest; all with --all" in shown.out
    shown = cli("backfill-dry-run", "--from", name, "--all")
    assert sum(f"member {player_id}" in shown.out for player_id in ids) == 25
    assert "--all" not in shown.out
    rows = list(csv.DictReader(io.StringIO(cli("backfill-dry-run", "--from", name, "--csv").out)))
    assert len(rows) == 25
    assert rows[0]["points"] == "1025"
    assert list(rows[0])[:3] == ["member_id", "discord_id", "name"]


def test_nobody_is_linked(cli: Cli) -> None:
    assert preview(cli, {ANN: 5}) == {
        "schema": "trcpoints.backfill-dry-run/1",
        "guild_id": "993536706509885777",
        "members": 0,
        "points": 0,
        "results": [],
    }
    assert "members import" in cli("backfill-dry-run", "--from", "board.json").out


def test_hostile_names(cli: Cli) -> None:
    books.link(cli, [ANN])
    books.change_member(cli, ANN, name="=1+1\x1b[31m\u202e")
    name = board(cli, {ANN: 5})
    shown = cli("backfill-dry-run", "--from", name).out
    assert "=1+1\ufffd[31m\ufffd" in shown
    assert ",'=1+1" in cli("backfill-dry-run", "--from", name, "--csv").out


@pytest.mark.parametrize("options", [("--complete",), ("--csv", "--json")], ids=" ".join)
def test_options_that_do_not_go_together(sqlite_cli: Cli, options: tuple[str, ...]) -> None:
    assert sqlite_cli("backfill-dry-run", *options).code == 2


def test_it_asks_mee6_and_then_its_copy_for_a_quarter_of_an_hour(
    cli: Cli, mee6: SimulatedMee6
) -> None:
    books.link(cli, [ANN, BOB])
    show(mee6, {ANN: 1000, BOB: 500})

    def asked(moment: datetime) -> int:
        before = len(mee6.requests)
        with time_machine.travel(moment, tick=False):
            document = cli.ok("backfill-dry-run")
        assert document["points"] == 15
        return len(mee6.requests) - before

    assert asked(NOON) == 1
    assert asked(NOON) == 0
    assert asked(NOON + timedelta(minutes=15)) == 0
    assert asked(NOON + timedelta(minutes=15, microseconds=1)) == 1
    assert asked(NOON) == 1  # the clock was set back: that copy is from the future


def test_a_sync_leaves_a_copy_and_never_uses_one(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB])
    show(mee6, {ANN: 1000, BOB: 500})
    for _ in range(2):
        before = len(mee6.requests)
        cli.ok("sync")
        assert len(mee6.requests) > before
    before = len(mee6.requests)
    assert cli.ok("backfill-dry-run")["points"] == 15
    assert len(mee6.requests) == before
    (kept,) = (Path(cli.environment["HOME"]) / ".cache" / "trcpoints").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    books.link(cli, [CAT])  # of whom the copy knows nothing
    cli.ok("backfill-dry-run")
    assert len(mee6.requests) > before


def test_a_copy_is_of_one_guild_at_one_address(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    cli.ok("backfill-dry-run")  # a sync would bind the books to the guild
    before = len(mee6.requests)
    cli.environment["MEE6_GUILD_ID"] = "159962941502783488"
    assert cli("backfill-dry-run").code == 69
    assert len(mee6.requests) > before
    with SimulatedMee6() as other:
        cli.environment.update(MEE6_API_BASE=other.api_base, MEE6_GUILD_ID=other.guild_id)
        show(other, {ANN: 300})
        assert cli.ok("backfill-dry-run")["points"] == 3


@pytest.mark.parametrize(
    ("said", "instead"),
    [(b'Z"', b'"'), (b":1000", b":-5"), (b":1000", b":" + b"9" * 30)],
    ids=["time without zone", "negative XP", "huge XP"],
)
def test_a_copy_that_says_what_cannot_be_is_no_copy(
    sqlite_cli: Cli, said: bytes, instead: bytes
) -> None:
    with SimulatedMee6() as server:
        sqlite_cli.environment.update(MEE6_API_BASE=server.api_base, MEE6_GUILD_ID=server.guild_id)
        books.link(sqlite_cli, [ANN])
        show(server, {ANN: 1000})
        sqlite_cli.ok("sync")
        (kept,) = (Path(sqlite_cli.environment["HOME"]) / ".cache" / "trcpoints").iterdir()
        assert said in kept.read_bytes()
        kept.write_bytes(kept.read_bytes().replace(said, instead))
        asked = len(server.requests)
        assert sqlite_cli.ok("backfill-dry-run")["points"] == 10
        assert len(server.requests) > asked


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"guild_id": 1}', b"\xff\xfe"])
def test_a_copy_that_is_damaged_is_no_copy(sqlite_cli: Cli, content: bytes) -> None:
    with SimulatedMee6() as server:
        sqlite_cli.environment.update(MEE6_API_BASE=server.api_base, MEE6_GUILD_ID=server.guild_id)
        books.link(sqlite_cli, [ANN])
        show(server, {ANN: 1000})
        sqlite_cli.ok("sync")
        (kept,) = (Path(sqlite_cli.environment["HOME"]) / ".cache" / "trcpoints").iterdir()
        kept.write_bytes(content)
        assert sqlite_cli.ok("backfill-dry-run")["points"] == 10


def test_a_copy_that_cannot_be_kept_is_no_failure(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    Path(cli.environment["HOME"]).write_text("in the way")
    result = cli("sync")
    assert (result.code, result.err) == (0, "")
    assert cli.ok("backfill-dry-run")["points"] == 10


def test_an_incomplete_walk_is_not_kept(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN, BOB])
    cli.environment["MEE6_PAGE_SIZE"] = "2"
    show(mee6, {"1": 50, "2": 40, ANN: 30, "4": 20})
    mee6.misbehave(Fault.DUPLICATE)
    cli("sync")
    mee6.behave()
    before = len(mee6.requests)
    cli.ok("backfill-dry-run")
    assert len(mee6.requests) > before


def test_a_pause_that_mee6_asked_for_is_respected(cli: Cli, mee6: SimulatedMee6) -> None:
    books.link(cli, [ANN])
    show(mee6, {ANN: 1000})
    mee6.misbehave(Fault.RATE_LIMITED_MISSING)
    with time_machine.travel(NOON, tick=False):
        assert cli("sync").code == 69
    mee6.behave()
    before = len(mee6.requests)
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        result = cli("backfill-dry-run", "--json")
        assert (result.code, result.json["error"]["code"]) == (75, "cooling_down")
        assert preview(cli, {ANN: 200})["points"] == 2
    assert len(mee6.requests) == before
    with time_machine.travel(NOON + timedelta(minutes=31), tick=False):
        assert cli.ok("backfill-dry-run")["points"] == 10


GRACE_DAY = ("2026-01-01", "holiday", "2026-01-01T00:00:00Z")
WRITES: dict[str, Callable[[Engine], object]] = {
    "insert": lambda _: Member.insert(name="x", created_at=NOON, updated_at=NOON).execute(),
    "update": lambda _: Member.update(points=1).execute(),
    "delete": lambda _: Member.delete().execute(),
    "create": lambda engine: engine.execute_sql("CREATE TABLE mine (id INTEGER)"),
    "drop": lambda engine: engine.execute_sql("DROP TABLE member"),
    "bulk insert": lambda engine: engine.insert_rows(
        "grace_day", ("day", "reason", "created_at"), [GRACE_DAY]
    ),
    "bulk update": lambda engine: engine.update_rows("member", ("id", "points"), [(1, 5)]),
}


@pytest.mark.parametrize("write", WRITES)
def test_its_connection_cannot_write(cli: Cli, write: str) -> None:
    """The connection that the preview uses: opened read-only, by the engine itself."""
    books.link(cli, [ANN])
    before = books.everything(cli)
    url = cli.environment["DATABASE_URL"]
    with pytest.raises(DatabaseUnavailable), open_database(url, Access.READ) as engine:  # noqa: PT012
        _lift_what_can_be_lifted(engine)
        with engine.atomic():
            WRITES[write](engine)
    assert books.everything(cli) == before


def _lift_what_can_be_lifted(engine: Engine) -> None:
    """What a statement could switch off in SQLite is not what keeps the file safe."""
    if engine.name == "sqlite":
        engine.execute_sql("PRAGMA query_only = 0")


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "with its log"])
def test_the_file_is_byte_for_byte_what_it_was(sqlite_cli: Cli, *, beside: bool) -> None:
    books.link(sqlite_cli, [ANN, BOB])
    name = board(sqlite_cli, {ANN: 1000, BOB: 10})
    path = sqlite_path(sqlite_cli.environment["DATABASE_URL"])
    assert path is not None

    def found() -> dict[str, tuple[int, str]]:
        return {
            file.name: (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest())
            for file in sorted(path.parent.glob(f"{path.name}*"))
            if not file.name.endswith("-shm") or not beside
        }

    if beside:
        with open_database(sqlite_cli.environment["DATABASE_URL"], Access.WRITE) as writer:
            writer.execute_sql("UPDATE member SET phone = '1'")
            before = found()
            sqlite_cli.ok("backfill-dry-run", "--from", name)
            assert found() == before
            assert len(before) == 2
        return
    before = found()
    for command in (["backfill-dry-run", "--from", name], ["status"], ["leaderboard"]):
        sqlite_cli.ok(*command)
        assert found() == before
    assert list(before) == [path.name]
    os.chmod(path, 0o400)  # noqa: PTH101
    assert sqlite_cli.ok("backfill-dry-run", "--from", name)["points"] == 10
