"""One page of the leaderboard: what is taken of it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.nested import TOO_DEEP
from trcpoints.errors import LeaderboardInvalid
from trcpoints.http.answers import Undecodable
from trcpoints.http.text import one_line
from trcpoints.mee6.pages import MAX_XP, Page, decode_page

GUILD = "159962941502783488"
CAPTURE = Path(__file__).parents[2].parent / "shared" / "data" / "page-999-players.json"


def body(players: object, **other: object) -> bytes:
    return json.dumps({"guild": {"id": GUILD}, "players": players, **other}).encode()


def player(number: int, xp: object = 100, **other: object) -> dict[str, object]:
    return {"id": str(10**17 + number), "xp": xp, "username": "x", **other}


def decode(data: bytes) -> Page:
    return decode_page(data, GUILD, "Page 0")


def healthy(count: int) -> list[object]:
    return [player(number) for number in range(1000, 1000 + count)]


@pytest.mark.skipif(not CAPTURE.exists(), reason=f"the capture {CAPTURE} is not here")
def test_a_real_page() -> None:
    data = CAPTURE.read_bytes()
    page = decode_page(data, "993536706509885777", "Page 0")
    assert page.xp == {int(item["id"]): item["xp"] for item in json.loads(data)["players"]}
    assert (page.number, page.size, page.malformed, page.nameless) == (0, 999, frozenset(), 0)


@pytest.mark.skipif(not CAPTURE.exists(), reason=f"the capture {CAPTURE} is not here")
def test_the_slow_look_at_each_player_finds_the_same_as_the_fast_one() -> None:
    data = CAPTURE.read_bytes()
    raw = json.loads(data)
    raw["players"].append(None)
    fast = decode_page(data, None, "Page 0")
    slow = decode_page(json.dumps(raw).encode(), None, "Page 0")
    assert slow.xp == fast.xp
    assert (slow.guild_id, slow.number, slow.size) == (fast.guild_id, fast.number, 1000)


def test_only_id_and_xp_are_needed() -> None:
    page = decode(body([{"id": "1", "xp": 0}]))
    assert page == Page(GUILD, None, 1, {1: 0})


def test_an_empty_page() -> None:
    assert decode(body([], page=7)) == Page(GUILD, 7, 0, {})


@pytest.mark.parametrize("number", [None, -1, "0", 1.5, True, []])
def test_a_page_number_that_makes_no_sense_says_nothing(number: object) -> None:
    assert decode(body([player(1)], page=number)).number is None


@pytest.mark.parametrize("xp", [0, 1, MAX_XP])
def test_good_xp(xp: int) -> None:
    assert decode(body([player(1, xp)])).xp == {10**17 + 1: xp}


BAD_XP = [-1, MAX_XP + 1, 2**70, 10**50, 10**5000, 100.0, 1e308, "100", None, True, [1], {}]


@pytest.mark.parametrize(
    "xp", BAD_XP, ids=lambda xp: repr(xp)[:20] if xp != 10**5000 else "10^5000"
)
def test_a_malformed_player_is_skipped_and_its_id_kept(xp: object) -> None:
    # Python writes no integer of thousands of digits, either.
    text = json.dumps({"players": [player(1, "XP"), player(2, 50)], "guild": {"id": GUILD}})
    digits = "1" + "0" * 5000 if xp == 10**5000 else json.dumps(xp)
    page = decode(text.replace('"XP"', digits).encode())
    assert page.xp == {10**17 + 2: 50}
    assert page.malformed == frozenset({10**17 + 1})
    assert (page.nameless, page.size) == (0, 2)


@pytest.mark.parametrize(
    "bad_id",
    [
        "",
        "0",
        "0" + str(10**17 + 1),
        "1" * 21,
        "12a",
        "१२३",
        "-1",
        " 1",
        "1\x00",
        None,
        True,
        1.5,
        -3,
        [],
        "²",
    ],
)
def test_a_player_whose_id_cannot_be_read_is_nameless(bad_id: object) -> None:
    page = decode(body([player(1), {"id": bad_id, "xp": 5}]))
    assert (page.xp, page.malformed, page.nameless) == ({10**17 + 1: 100}, frozenset(), 1)


@pytest.mark.parametrize("item", [None, 7, "player", [], {}])
def test_what_is_no_player_at_all_is_nameless(item: object) -> None:
    assert decode(body([player(1), item])).nameless == 1


def test_an_id_as_a_number_counts_up_to_where_numbers_are_exact() -> None:
    assert decode(body([{"id": 2**53, "xp": 5}])).xp == {2**53: 5}
    with pytest.raises(LeaderboardInvalid, match="lose their last digits"):
        decode(body([{"id": 2**53 + 1, "xp": 5}]))


def test_a_guild_id_as_a_number() -> None:
    data = json.dumps({"guild": {"id": 42}, "players": []}).encode()
    assert decode_page(data, "42", "Page 0").guild_id == "42"
    data = json.dumps({"guild": {"id": int(GUILD)}, "players": []}).encode()
    with pytest.raises(LeaderboardInvalid, match="lose their last digits"):
        decode(data)


@pytest.mark.parametrize(
    ("faults", "of", "refused"),
    [
        (4, 4, False),
        (5, 5, True),
        (5, 499, True),
        (5, 500, False),
        (9, 999, False),
        (10, 999, True),
    ],
)
def test_one_percent_and_at_least_five_malformed_players(
    faults: int, of: int, refused: bool
) -> None:
    players = [player(number, None) for number in range(faults)] + healthy(of - faults)
    if refused:
        with pytest.raises(LeaderboardInvalid, match=f"{faults} malformed players among {of}"):
            decode(body(players))
    else:
        assert len(decode(body(players)).xp) == of - faults


@pytest.mark.parametrize("xps", [(5, 9), (9, 5)])
@pytest.mark.parametrize("extra", [[], [None]], ids=["fast", "slow"])
def test_a_player_who_is_there_twice_has_the_higher_xp(
    xps: tuple[int, int], extra: list[object]
) -> None:
    page = decode(body([player(1, xps[0]), player(1, xps[1]), *extra]))
    assert page.xp == {10**17 + 1: 9}
    assert page.size == 2 + len(extra)


def test_a_valid_record_beats_a_malformed_one_of_the_same_player() -> None:
    page = decode(body([player(1, None), player(1, 7)]))
    assert (page.xp, page.malformed) == ({10**17 + 1: 7}, frozenset())


def test_another_guild_is_refused() -> None:
    for players in ([player(1)], [player(1), None]):
        with pytest.raises(LeaderboardInvalid, match="of guild 159962941502783488, not of guild 7"):
            decode_page(body(players), "7", "Page 0")


def test_any_guild_where_none_is_asked_for() -> None:
    assert decode_page(body([]), None, "A file").guild_id == GUILD


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[]", "no list of players"),
        (b"null", "no list of players"),
        (b'"text"', "no list of players"),
        (b"{}", "no list of players"),
        (body({}), "no list of players"),
        (b'{"players": []}', "which guild"),
        (b'{"players": [], "guild": null}', "which guild"),
        (b'{"players": [], "guild": {"id": "x"}}', "which guild"),
        (b'{"error": {"message": "Not\\u001b[31m Found"}}', r"an error: Not \[31m Found"),
    ],
)
def test_json_that_is_no_page(data: bytes, says: str) -> None:
    with pytest.raises(LeaderboardInvalid, match=says):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html></html>",
        body([player(1)])[:-1],
        body([player(1)]) + b"}",
        body([player(1)]).replace(b'"x"', b'"\xff"'),
        body([player(1, float("nan"))]),
        body([player(1, nick=float("inf"))]),
        b"[" * TOO_DEEP,
    ],
    ids=["empty", "html", "cut", "more", "not utf-8", "nan", "infinity", "deep"],
)
def test_bytes_that_are_no_json(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)


@pytest.mark.parametrize("name", ["\x00", "\ud83d", "\x1b[31m", "[bold]", "\u202e"])
def test_no_name_loses_a_page(name: str) -> None:
    assert decode(body([player(1, username=name)])).xp == {10**17 + 1: 100}


def test_text_from_outside_is_cut_and_made_harmless() -> None:
    assert one_line("a\x1b[31m\n\x00b\u202e  c") == "a [31m b c"
    assert one_line("x" * 200) == "x" * 200
    assert one_line("ab " * 10_000) == "ab " * 65 + "ab…"
    assert one_line("x" * 201) == "…"
    assert one_line(" " * 798 + "half") == ""
