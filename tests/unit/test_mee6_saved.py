"""The leaderboard from a file."""

from __future__ import annotations

import gzip
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
    unnamed: str | None = None,
) -> Leaderboard:
    """The documents one a line, or `text` as it is."""
    body = "\n".join(map(json.dumps, data)).encode() if text is None else text
    return read_leaderboard(
        io.BytesIO(body),
        "the file",
        dict.fromkeys(wanted),
        guild_id=guild_id,
        complete=complete,
        unnamed=unnamed,
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


WALK = [page(0, 0, 5), page(1, 5, 3), page(2, 8, 0)]


@pytest.mark.parametrize("indent", [None, 2], ids=["compact", "pretty"])
@pytest.mark.parametrize("between", ["", " ", "\n", "\r\n\r\n", "\t"], ids=repr)
def test_documents_that_follow_each_other(between: str, indent: int | None) -> None:
    text = between.join(json.dumps(value, indent=indent) for value in WALK)
    for body in (text, f"\n {text}\n"):
        board = read(text=body.encode())
        assert (board.players, board.pages, board.completeness) == (8, 3, C)
        assert board.digest == read(*WALK).digest


def test_documents_of_which_some_share_a_line() -> None:
    first, second, third = map(json.dumps, WALK)
    for text in (f"{first}\n{second}{third}", f"{first}{second}\n{third}", f"[{first}][{second}]"):
        assert read(text=text.encode()).players == 8


PLAYERS = [{"id": "1000", "xp": 7}, {"id": "1001", "xp": 6}, {"id": "1002", "xp": 5}]
UNNAMED: list[object] = [
    PLAYERS,
    {"players": PLAYERS},
    {"players": PLAYERS, "page": 0},
    {"guild": None, "players": PLAYERS, "page": "x"},
    [PLAYERS[:2], PLAYERS[2:]],
    [{"players": PLAYERS[:2]}, {"players": PLAYERS[2:]}],
    [PLAYERS[:2], {"guild": {"id": GUILD}, "players": PLAYERS[2:]}],
]


@pytest.mark.parametrize("value", UNNAMED, ids=range(len(UNNAMED)))
@pytest.mark.parametrize("guild_id", [None, GUILD])
def test_players_of_a_guild_that_is_said(value: object, guild_id: str | None) -> None:
    board = read(value, guild_id=guild_id, unnamed=GUILD)
    assert (board.all_xp(), board.players, board.guild_id) == ({1000: 7}, 3, GUILD)
    with pytest.raises(LeaderboardInvalid, match="does not say of which guild") as caught:
        read(value, guild_id=guild_id)
    assert "--guild ID" in caught.value.hint
    with pytest.raises(LeaderboardInvalid, match="not of guild"):
        read(value, guild_id="7", unnamed=GUILD)


def test_lists_of_players_one_a_line() -> None:
    board = read(PLAYERS[:2], PLAYERS[2:], unnamed=GUILD)
    assert (board.players, board.pages, board.completeness) == (3, 2, C)


def test_a_malformed_player_of_a_guild_that_is_said() -> None:
    value = [*PLAYERS, {"id": "77", "xp": "7", "guild_id": GUILD}, None]
    board = read(value, unnamed=GUILD)
    assert (board.invalid_players, board.unreadable) == (2, {77})


@pytest.mark.parametrize("guild", ["5", 5, 2**60])
def test_players_of_another_guild_among_odd_records(guild: object) -> None:
    for odd in (None, 7, {"id": "77", "xp": "7"}):
        with pytest.raises(LeaderboardInvalid, match=f"players of guild {guild}, not of"):
            read([*PLAYERS, {"id": "78", "xp": 5, "guild_id": guild}, odd], unnamed=GUILD)


def test_an_id_that_may_have_been_rounded() -> None:
    for value in ([{"id": 159962941502783500, "xp": 5}], {"players": [{"id": 2**53 + 2, "xp": 5}]}):
        with pytest.raises(LeaderboardInvalid, match="lose their last digits"):
            read(value, unnamed=GUILD)


def test_ids_that_a_spreadsheet_has_rounded() -> None:
    ids = ["159962941502783000", "159962941502784000", "159962941502786000"]
    players = [{"id": one, "xp": 5} for one in ids]
    with pytest.raises(LeaderboardInvalid, match="a spreadsheet has rounded them"):
        read(players, unnamed=GUILD)
    for sound in (players[:2], [*players, {"id": "159962941502783488", "xp": 5}]):
        assert read(sound, unnamed=GUILD).players == len(sound)


def test_a_file_that_is_packed() -> None:
    with pytest.raises(LeaderboardInvalid, match=r"compressed \(gzip\)"):
        read(text=gzip.compress(json.dumps(page(0)).encode()))


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le with a mark", "utf-16-be with a mark"]
ENCODINGS += ["utf-16-le", "utf-16-be"]


@pytest.mark.parametrize("encoding", [*ENCODINGS, "cp1252"])
@pytest.mark.parametrize("form", ["document", "pages", "lines", "following"])
def test_how_the_text_is_written(encoding: str, form: str) -> None:
    pages = [{**value, "name": "Séamus"} for value in WALK]
    text = {
        "document": json.dumps(pages[0], ensure_ascii=False),
        "pages": json.dumps(pages, ensure_ascii=False),
        "lines": "\n".join(json.dumps(value, ensure_ascii=False) for value in pages),
        "following": "".join(json.dumps(value, ensure_ascii=False) for value in pages),
    }[form]
    name, _, mark = encoding.partition(" with ")
    body = f"\ufeff{text}" if mark else text
    assert read(text=body.encode(name)).players == (5 if form == "document" else 8)


def test_the_digest_is_of_who_has_what() -> None:
    plain = read(*WALK).digest
    assert plain is not None
    for other in (WALK[::-1], [{**value, "xp_rate": 2.0} for value in WALK]):
        assert read(*other).digest == plain
    assert read(WALK, complete=True).digest == plain
    different = [
        read(*WALK[:2]),
        read(*WALK, guild_id=None),
        read(page(0, 0, 5), page(1, 5, 4), page(2, 9, 0)),
        read(page(0, 1, 5), page(1, 6, 3), page(2, 9, 0)),
        read({"players": PLAYERS}, unnamed=GUILD),
        read({"players": [*PLAYERS, {"id": "77", "xp": None}]}, unnamed=GUILD),
        read({"players": [*PLAYERS, None]}, unnamed=GUILD),
    ]
    # Neither an empty page nor the guild that was asked for is another content.
    assert [board.digest == plain for board in different] == [True, True, *[False] * 5]
    assert len({board.digest for board in different}) == len(different) - 1


def test_a_byte_order_mark() -> None:
    assert read(text=b"\xef\xbb\xbf" + json.dumps(page(0)).encode()).players == 3


C, P = Completeness.COMPLETE, Completeness.PARTIAL


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [
        # The last page is empty.
        ((0,), C),
        ((100, 0), C),
        ((3, 3, 0), C),
        # It is shorter than the one before.
        ((100, 99), C),
        ((999, 3), C),
        ((3, 2, 1), C),
        # It is not.
        ((100, 100), P),
        ((3, 3), P),
        ((2, 3), P),
        ((999, 999), P),
        ((0, 5), P),
        # One page, of a number that few ask for.
        ((1,), C),
        ((49,), C),
        ((51,), C),
        ((101,), C),
        ((998,), C),
        # One of a number that somebody may have asked for.
        ((50,), P),
        ((100,), P),
        ((150,), P),
        ((200,), P),
        ((500,), P),
        ((999,), P),
        ((1000,), P),
    ],
    ids=str,
)
@pytest.mark.parametrize("numbered", [True, False])
def test_the_pages_tell_whether_they_are_the_whole_board(
    sizes: tuple[int, ...], verdict: Completeness, numbered: bool
) -> None:
    pages = [
        page(number if numbered else None, sum(sizes[:number]), size)
        for number, size in enumerate(sizes)
    ]
    board = read(*pages)
    assert (board.completeness, bool(board.shortfall)) == (verdict, verdict is P)
    said = read(*pages, complete=True)
    assert (said.completeness, said.shortfall) == (C, "")


def test_everybody_wanted_was_found_in_a_part_of_the_board() -> None:
    board = read(page(0, 0, 100), wanted=(1000,))
    assert (board.completeness, board.shortfall) == (Completeness.COMPLETE, "")


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
    board = read(page(0, 0), page(1, 2), page(2, 5, 0))
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
        (b"<html>\n</html>", "is a web page"),
        ("<html>\n</html>".encode("utf-16"), "is a web page"),
        (b'{"guild": {"id": "1"}, "players": [', "is not JSON"),
        (b'{"guild": {"id": "1"}, "pl\n{"guild": {"id": "1"}, "players": []}\n', "is not JSON"),
        (b"[", "is not JSON"),
        (b"[]", "holds no page"),
        (b'[{"id": "1", "xp": 5}]', "does not say of which guild"),
        (b'[[{"id": "1", "xp": 5}]]', "does not say of which guild"),
        (b'{"players": []}', "does not say of which guild"),
        (json.dumps(page(0)).encode() + b'{"guild": {"id": "1"}, "pl', "is not JSON"),
        (json.dumps(page(0)).encode() + b" trailing", "is not JSON"),
        (b'{"guild": {"id": "1"}, "players": [{"id": "1", "xp": NaN}]}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
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
            complete=True,
        )
        assert board.completeness is Completeness.COMPLETE
        assert all(xp >= before.get(player, 0) for player, xp in board.all_xp().items())
        before = {**before, **board.all_xp()}
    assert len(board.all_xp()) == 295
