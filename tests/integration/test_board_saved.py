"""Half a saved board is not the board, and the same board again is no second walk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import books
from tests.support.cli import Cli, Result
from tests.support.mee6 import show
from tests.support.saved import GUILD, ndjson, page, ranked, walk
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

CASES = Path(__file__).parents[2].parent / "shared" / "cases" / "mee6"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not part of the project")

FIRST, *_ = ranked(1)
DEEP, *_ = ranked(1, 150)
ABSENT = "42"


def counts(cli: Cli, text: str, *options: str) -> dict[str, int]:
    """The fates that a sync from a saved board tells of, without those of no member."""
    found = cli.ok("sync", "--from", "-", *options, stdin=text)["members"]
    return {fate: number for fate, number in found.items() if number and fate != "tracked"}


def test_the_first_100_of_200_and_then_all(cli: Cli) -> None:
    books.link(cli, [DEEP])
    first, all_of_them = json.dumps(walk(100)[0]), json.dumps(walk(200, top=2_000_000)[0])
    for _ in range(3):
        assert counts(cli, first) == {"deferred": 1}
    assert counts(cli, all_of_them) == {"baselined": 1}
    assert books.activity(cli, DEEP) == [(None, 1_998_500)]
    assert books.ledger(cli, DEEP) == []


def test_two_full_pages_twice_and_then_all(cli: Cli) -> None:
    (member,) = ranked(1, 250)
    books.link(cli, [member])
    for _ in range(2):
        assert counts(cli, ndjson(walk(100, 100))) == {"deferred": 1}
    assert counts(cli, json.dumps(walk(400, top=2_000_000)[0])) == {"baselined": 1}
    assert books.ledger(cli, member) == []


def test_the_same_whole_board_again_is_no_second_walk(cli: Cli) -> None:
    books.link(cli, [ABSENT])
    pages = walk(100, 100, 7)
    assert counts(cli, ndjson(pages)) == {"deferred": 1}
    again = [ndjson(pages), json.dumps(pages, indent=1), ndjson(pages[::-1])]
    for text in again:
        document = cli.ok("sync", "--from", "-", stdin=text)
        assert (document["members"]["deferred"], document["leaderboard"]["repeated"]) == (1, True)
    assert books.members(cli)[ABSENT].absences == 1
    shown = cli("sync", "--from", "-", stdin=again[0])
    assert "was read before" in shown.out
    # Another one in between does not make it new.
    other = ndjson(walk(100, 100, 0))
    assert books.activity(cli, ABSENT) == []
    assert counts(cli, other) == {"baselined": 1, "absent": 1}
    books.link(cli, ["43"])
    assert counts(cli, ndjson(pages)) == {"unchanged": 1, "deferred": 1}
    assert books.members(cli)["43"].absences == 0


def test_a_board_that_moved_counts_one_deferral_however_often_it_is_read(sqlite_cli: Cli) -> None:
    books.link(sqlite_cli, [FIRST, ABSENT])
    sqlite_cli.ok("sync", "--from", "-", stdin=json.dumps(page({FIRST: 5, ABSENT: 900})))
    # The player at the line is on both pages, so somebody else may have slipped through.
    moved = [page(ranked(5)), page(ranked(5, 4), 1), page({}, 2)]
    for _ in range(6):
        assert counts(sqlite_cli, ndjson(moved), "--accept-decrease")["deferred"] == 1
    assert books.members(sqlite_cli)[ABSENT].deferrals == 1


def kept(cli: Cli) -> list[str]:
    """The digests of the boards that the sync remembers."""
    job = books.job(cli)
    return (job.saved_boards or "").split() if job else []


def test_a_board_that_was_only_looked_at_is_no_walk(sqlite_cli: Cli) -> None:
    books.link(sqlite_cli, [ABSENT])
    text = ndjson(walk(100, 7))
    assert counts(sqlite_cli, text, "--dry-run") == {"deferred": 1}
    counts(sqlite_cli, json.dumps(walk(100)[0]))
    counts(sqlite_cli, json.dumps(page({})))
    assert kept(sqlite_cli) == []
    assert counts(sqlite_cli, text) == {"deferred": 1}
    (first,) = kept(sqlite_cli)
    assert sqlite_cli.ok("sync", "--from", "-", "--dry-run", stdin=text)["leaderboard"]["repeated"]
    for number in range(20):
        counts(sqlite_cli, ndjson(walk(100, 8 + number)))
    assert len(kept(sqlite_cli)) == 16
    assert first not in kept(sqlite_cli)


def test_live_walks_always_count(cli: Cli, mee6: SimulatedMee6) -> None:
    cli.environment["MEE6_PAGE_SIZE"] = "2"
    books.link(cli, [ABSENT])
    show(mee6, ranked(5))
    assert cli.ok("sync")["members"]["deferred"] == 1
    second = cli.ok("sync")
    assert (second["members"]["absent"], second["leaderboard"]["repeated"]) == (1, False)


def test_an_empty_board_gives_no_baseline(cli: Cli) -> None:
    books.link(cli, [FIRST, DEEP])
    empty = json.dumps(page({}))
    for options in ([], ["--complete"]):
        result = cli("sync", "--from", "-", *options, stdin=empty)
        assert (result.code, result.err.count("is an empty leaderboard")) == (0, 1)
        assert "2 deferred" in result.out
        assert "The leaderboard is empty" in result.out
    assert books.activity(cli, FIRST) == []
    assert counts(cli, json.dumps(page(ranked(4)))) == {"baselined": 2, "absent": 1}
    assert books.ledger(cli, FIRST) == []


@pytest.mark.parametrize("options", [(), ("--accept-decrease",)], ids=str)
def test_an_empty_live_board_gives_no_baseline(
    cli: Cli, mee6: SimulatedMee6, options: tuple[str, ...]
) -> None:
    books.link(cli, [FIRST])
    show(mee6, {})
    for _ in range(3):
        shown = cli("sync", *options)
        assert (shown.code, "The leaderboard is empty" in shown.out) == (0, True)
    # What it would cost is not known then either.
    assert cli.ok("backfill-dry-run")["results"][0]["xp_total"] is None
    show(mee6, {FIRST: 70_000})
    assert cli.ok("sync")["members"]["baselined"] == 1
    assert books.ledger(cli, FIRST) == []


def warned(result: Result) -> bool:
    assert result.code == 0, result
    return "may be only a part of the leaderboard" in result.err


@pytest.mark.parametrize("quiet", [(), ("--quiet",), ("--json",)], ids=str)
def test_a_part_of_the_board_is_said_to_be_one(sqlite_cli: Cli, quiet: tuple[str, ...]) -> None:
    books.link(sqlite_cli, [FIRST, ABSENT])
    part = json.dumps(walk(100)[0])
    for command in (["sync"], ["sync", "--dry-run"], ["backfill-dry-run"]):
        result = sqlite_cli(*command, "--from", "-", *quiet, stdin=part)
        assert warned(result)
        assert "1 linked member is not on it" in result.err
        assert "--complete" in result.err
        assert not warned(sqlite_cli(*command, "--from", "-", "--complete", *quiet, stdin=part))
    assert "error" not in result.err


def test_whoever_is_on_a_part_of_the_board_needs_no_more(sqlite_cli: Cli) -> None:
    books.link(sqlite_cli, [FIRST])
    result = sqlite_cli("sync", "--from", "-", "--json", stdin=json.dumps(walk(100)[0]))
    assert not warned(result)
    assert not result.json["leaderboard"]["partial"]
    lines = sqlite_cli(
        "sync", "--from", "-", env={"TRCPOINTS_LOG_FORMAT": "json"}, stdin=ndjson(walk(50))
    )
    assert lines.err == ""


def test_a_notice_for_whoever_collects_the_log(sqlite_cli: Cli) -> None:
    books.link(sqlite_cli, [ABSENT])
    as_json = {"TRCPOINTS_LOG_FORMAT": "json"}
    result = sqlite_cli("sync", "-q", "--from", "-", env=as_json, stdin=ndjson(walk(50)))
    line = json.loads(result.err)
    assert (line["level"], line["job"]) == ("notice", "sync")
    assert "stdin may be only a part" in line["message"]


PLAIN = [{"id": FIRST, "xp": 500}, {"id": DEEP, "xp": 400}]
UNNAMED: dict[str, object] = {
    "players": PLAIN,
    "pages of players": [[PLAIN[0]], [PLAIN[1]]],
    "players alone": {"players": PLAIN},
    "pages alone": [{"players": [PLAIN[0]], "page": 0}, {"players": [PLAIN[1]], "page": 1}],
    "no guild": {"guild": None, "players": PLAIN},
}


@pytest.mark.parametrize("name", UNNAMED)
def test_players_without_a_guild_are_taken_with_one(sqlite_cli: Cli, name: str) -> None:
    books.link(sqlite_cli, [FIRST, DEEP])
    text = json.dumps(UNNAMED[name])
    for command in (["sync"], ["backfill-dry-run"]):
        refused = sqlite_cli(*command, "--from", "-", "--json", stdin=text)
        assert refused.code == 65
        assert "--guild ID" in refused.json["error"]["hint"]
        document = sqlite_cli.ok(*command, "--from", "-", "--guild", GUILD, stdin=text)
        assert document["guild_id"] == GUILD
    assert {i: m.xp_total for i, m in books.members(sqlite_cli).items()} == {FIRST: 500, DEEP: 400}


@pytest.mark.parametrize(
    ("content", "guild", "environment", "says"),
    [
        (PLAIN, GUILD, {"MEE6_GUILD_ID": "7"}, f"of guild {GUILD}, not of guild 7"),
        (page(ranked(3)), "7", {}, f"of guild {GUILD}, not of guild 7"),
        (page(ranked(3)), "7", {"MEE6_GUILD_ID": GUILD}, f"of guild {GUILD}, not of guild 7"),
        ([page(ranked(3)), {"players": PLAIN}], "7", {}, f"of guild {GUILD}, not of guild 7"),
        (page(ranked(3))["players"], "7", {}, f"players of guild {GUILD}, not of guild 7"),
        ([{"id": 159962941502783401, "xp": 1}], GUILD, {}, "lose their last digits"),
    ],
)
def test_a_guild_that_does_not_fit(
    sqlite_cli: Cli, content: object, guild: str, environment: dict[str, str], says: str
) -> None:
    arguments = ["sync", "--from", "board.json", "--guild", guild, "--json"]
    (sqlite_cli.folder / "board.json").write_text(json.dumps(content))
    result = sqlite_cli(*arguments, env=environment)
    assert (result.code, result.json["error"]["code"]) == (65, "leaderboard_invalid")
    assert says in result.json["error"]["message"]


@pytest.mark.parametrize(
    "options", [("--guild", "7"), ("--from", "-", "--guild", "x"), ("--complete",)], ids=" ".join
)
def test_options_that_need_a_file(sqlite_cli: Cli, options: tuple[str, ...]) -> None:
    for command in ("sync", "backfill-dry-run"):
        assert sqlite_cli(command, *options).code == 2


def case(name: str) -> str:
    return (CASES / name).read_text()


@needs_cases
def test_the_cases_of_a_part(sqlite_cli: Cli) -> None:
    books.link(sqlite_cli, [DEEP])
    assert counts(sqlite_cli, case("first100.json")) == {"deferred": 1}
    assert "baselined" in counts(sqlite_cli, case("whole200.json"))
    (far,) = ranked(1, 350)
    books.link(sqlite_cli, [far])
    for _ in range(2):
        assert counts(sqlite_cli, case("two-pages-of-100.ndjson"))["deferred"] == 1
    assert books.activity(sqlite_cli, far) == []
    sqlite_cli.ok("sync", "--from", "-", stdin=case("whole400.json"))
    assert books.ledger(sqlite_cli, far) == []


@needs_cases
def test_the_case_of_an_empty_board(sqlite_cli: Cli) -> None:
    books.link(sqlite_cli, list(ranked(4, 1)))
    assert counts(sqlite_cli, case("empty-board.json")) == {"deferred": 4}
    assert counts(sqlite_cli, case("ok.json")) == {"baselined": 4}


@needs_cases
@pytest.mark.parametrize(
    ("name", "pages", "players", "options"),
    [
        ("concat-no-newline.json", 2, 4, ()),
        ("pretty-concat.json", 2, 4, ()),
        ("idxp.json", 1, 4, ("--guild", GUILD)),
        ("players-only.json", 1, 2, ("--guild", GUILD)),
        ("list-of-pages.json", 2, 4, ("--guild", GUILD)),
    ],
)
def test_the_cases_of_forms(
    sqlite_cli: Cli, name: str, pages: int, players: int, options: tuple[str, ...]
) -> None:
    books.link(sqlite_cli, list(ranked(4, 1)))
    read = sqlite_cli.ok("sync", "--from", "-", *options, stdin=case(name))["leaderboard"]
    assert (read["pages"], read["players"]) == (pages, players)
    if options:
        assert sqlite_cli("sync", "--from", "-", stdin=case(name)).code == 65
