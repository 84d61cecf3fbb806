"""The leaderboard from a file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from trcpoints.errors import LeaderboardInvalid, NotFound
from trcpoints.mee6.leaderboard import Completeness, Leaderboard
from trcpoints.mee6.saved import read_leaderboard

GUILD = "159962941502783488"
CAPTURES = Path(__file__).parents[2].parent / "shared" / "data"
needs_captures = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason=f"the captures in {CAPTURES} are not here"
)


def page(
    number: int | None, first: int = 0, count: int = 3, guild: str = GUILD
) -> dict[str, object]:
    players = [
        {"id": str(1000 + place), "xp": 5000 - place} for place in range(first, first + count)
    ]
    value: dict[str, object] = {"guild": {"id": guild}, "players": players}
    return value if number is None else {**value, "page": number}


def read(
    *data: object,
    wanted: tuple[int, ...] = (1000, 77),
    guild_id: str | None = GUILD,
    complete: bool = False,
    text: bytes | None = None,
) -> Leaderboard:
    """The documents one a line, or `text` as it is."""
    body = "\n".join(map(json.dumps, data)).encode() if text is None else text
    return read_leaderboard(
        io.BytesIO(body), "the file", dict.fromkeys(wanted), guild_id=guild_id, complete=complete
    )


def test_one_document() -> None:
    board = read(page(0))
    assert board.all_xp() == {1000: 5000}
    assert board.completeness is Completeness.COMPLETE
    assert (board.players, board.pages, board.paged) == (3, 1, False)
    assert (board.requests, board.retries, board.guild_id) == (0, 0, GUILD)


def test_one_document_on_many_lines() -> None:
    assert read(text=json.dumps(page(0), indent=2).encode()).players == 3


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_document_a_line(end: str) -> None:
    text = end.join([json.dumps(page(0, 0)), json.dumps(page(1, 3)), ""])
    board = read(text=text.encode())
    assert (board.players, board.pages, board.paged) == (6, 2, True)


def test_an_array_of_pages() -> None:
    board = read(text=b" \n" + json.dumps([page(0, 0), page(1, 3), page(2, 6, 0)]).encode())
    assert (board.players, board.pages, board.paged) == (6, 3, True)


def test_a_byte_order_mark() -> None:
    assert read(text=b"\xef\xbb\xbf" + json.dumps(page(0)).encode()).players == 3


@pytest.mark.parametrize(
    ("last", "complete", "verdict"),
    [
        (998, False, Completeness.COMPLETE),
        (999, False, Completeness.PARTIAL),
        (999, True, Completeness.COMPLETE),
        (1000, False, Completeness.PARTIAL),
    ],
)
def test_the_last_page_tells_whether_it_is_the_whole_board(
    last: int, complete: bool, verdict: Completeness
) -> None:
    assert read(page(None, 0, last), complete=complete).completeness is verdict
    board = read(page(0, 0, 999), page(1, 999, last), complete=complete)
    assert board.completeness is verdict


def test_everybody_wanted_was_found_in_a_part_of_the_board() -> None:
    assert read(page(0, 0, 999), wanted=(1000,)).completeness is Completeness.COMPLETE


def test_pages_in_another_order() -> None:
    board = read(page(1, 999, 3), page(0, 0, 999))
    assert board.completeness is Completeness.COMPLETE


@pytest.mark.parametrize("numbers", [(1,), (0, 2), (1, 2)])
def test_a_missing_page(numbers: tuple[int, ...]) -> None:
    pages = [page(number, number * 3) for number in numbers]
    assert read(*pages).completeness is Completeness.PARTIAL
    with pytest.raises(LeaderboardInvalid, match=r"page [01] is missing"):
        read(*pages, complete=True)


def test_a_page_twice() -> None:
    with pytest.raises(LeaderboardInvalid, match="page 1 more than once"):
        read(page(0), page(1, 3), page(1, 3))


def test_a_player_on_two_pages() -> None:
    board = read(page(0, 0), page(1, 2))
    assert board.completeness is Completeness.RANKS_MOVED


def test_the_guild() -> None:
    assert read(page(0), guild_id=None).guild_id == GUILD
    with pytest.raises(LeaderboardInvalid, match=f"guild {GUILD}, not of guild 7"):
        read(page(0), guild_id="7")
    with pytest.raises(LeaderboardInvalid, match=f"mixes guild {GUILD} and guild 7"):
        read(page(0), page(1, 3, guild="7"), guild_id=None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"<html>\n</html>", "is not JSON"),
        (b'{"guild": {"id": "1"}, "players": [', "is not JSON"),
        (b'{"guild": {"id": "1"}, "pl\n{"guild": {"id": "1"}, "players": []}\n', "is not JSON"),
        (b"[", "is not JSON"),
        (b"[]", "holds no page"),
        (b'[{"id": "1", "xp": 5}]', "list of players, without the pages"),
        (b"[1]", "no list of players"),
        (b"{}", "no list of players"),
        (b'{"error": {"message": "Not Found"}, "status_code": 404}', "an error: Not Found"),
    ],
)
def test_a_file_that_is_no_leaderboard(text: bytes, says: str) -> None:
    with pytest.raises(LeaderboardInvalid, match=f"the file.*{says}") as caught:
        read(text=text)
    assert caught.value.exit_code == 65
    assert caught.value.hint


def test_a_malformed_player() -> None:
    value = page(0)
    value["players"] = [{"id": "1000", "xp": None}, {"id": "1001", "xp": 5}]
    board = read(value, wanted=(1000, 1001))
    assert (board.all_xp(), board.unreadable, board.invalid_players) == ({1001: 5}, {1000}, 1)


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "board.json"
    file.write_text(json.dumps(page(0)))
    arguments = {"known": {1000: None}, "guild_id": None, "complete": False}
    assert read_leaderboard(file, "board.json", **arguments).all_xp() == {1000: 5000}  # type: ignore[arg-type]
    with pytest.raises(NotFound, match=r"no file gone\.json"):
        read_leaderboard(tmp_path / "gone", "gone.json", **arguments)  # type: ignore[arg-type]
    with pytest.raises(LeaderboardInvalid, match="folder cannot be read"):
        read_leaderboard(tmp_path, "folder", **arguments)  # type: ignore[arg-type]


@needs_captures
def test_a_real_response() -> None:
    file = CAPTURES / "page-999-players.json"
    raw = {int(player["id"]): player["xp"] for player in json.loads(file.read_bytes())["players"]}
    board = read_leaderboard(
        file, file.name, dict.fromkeys([*raw, 77]), guild_id=None, complete=False
    )
    assert board.all_xp() == raw
    assert (board.guild_id, board.completeness) == ("993536706509885777", Completeness.PARTIAL)


@needs_captures
def test_the_snapshots_of_a_real_guild() -> None:
    series = json.loads((CAPTURES / "series-top-300.json").read_bytes())
    wanted = {int(player["id"]) for player in series["snapshots"][0]["players"]}
    before: dict[int, int] = {}
    for snapshot in series["snapshots"]:
        value = {"guild": {"id": series["guild_id"]}, "players": snapshot["players"]}
        board = read_leaderboard(
            io.BytesIO(json.dumps(value).encode()),
            snapshot["captured_at"],
            dict.fromkeys(wanted),
            guild_id=series["guild_id"],
            complete=False,
        )
        assert board.completeness is Completeness.COMPLETE
        assert all(xp >= before.get(player, 0) for player, xp in board.all_xp().items())
        before = {**before, **board.all_xp()}
    assert len(board.all_xp()) == 295
