"""One page of the leaderboard: its shape, and the checks before anything of it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NoReturn

import msgspec

from trcpoints.errors import LeaderboardInvalid
from trcpoints.http.answers import error_message, loads
from trcpoints.mee6.remedies import explain_status

MAX_XP = 10**12
_LAST_EXACT_INTEGER = 2**53
_TOO_MANY_FAULTS = 5
_MOST_XP_PER_MINUTE = 1_000
_LARGEST_FACTOR = 10**6
_FIRST_ID = "1"
"""Of texts that are all digits, those before it begin with a zero."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
_Xp = Annotated[int, msgspec.Meta(ge=0, le=MAX_XP)]


@dataclass(frozen=True, slots=True)
class Page:
    """A valid page of the leaderboard.

    `number` is what the page says of itself, None where it says nothing. `size` counts every
    record. `xp` has the valid players (the higher XP of one who is there twice); `malformed` the
    ids of records that are wrong otherwise, `nameless` the number of those without even an id.
    `xp_per_minute` is the most that a member can earn, None where the page does not say.
    """

    guild_id: str
    number: int | None
    size: int
    xp: dict[int, int]
    malformed: frozenset[int] = frozenset()
    nameless: int = 0
    xp_per_minute: float | None = None

    def has_the_players_of(self, other: Page) -> bool:
        """Whether all who are on the page and can be told apart are on the other, and no more."""
        if not (self.malformed or other.malformed):
            return self.xp.keys() == other.xp.keys()
        return {*self.xp, *self.malformed} == {*other.xp, *other.malformed}


class _Guild(msgspec.Struct, gc=False):
    id: _Id


class _Player(msgspec.Struct, gc=False):
    id: _Id
    xp: _Xp


class _Body(msgspec.Struct):
    guild: _Guild
    players: list[_Player]
    # Anything: what cannot be used of these says nothing, and is no reason to refuse.
    page: object = None
    xp_per_message: object = None
    xp_rate: object = None


_DECODER = msgspec.json.Decoder(_Body)


def decode_page(body: bytes, guild_id: str | None, where: str) -> Page:
    """Check one response body and take what is used of it (design, section 3).

    `guild_id` is the guild it must be of, None for any. `where` names the page in messages.
    Raises Undecodable for bytes that are not JSON in UTF-8, LeaderboardInvalid for JSON that is
    no page, is of another guild, or has more than 1 % (and at least 5) malformed players.
    """
    try:
        # The decoder skips over what it does not need without looking at the bytes.
        if not body.isascii():
            body.decode()
        page = _from_body(_DECODER.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        page = None
    if page is None:
        return page_of(loads(body), guild_id, where)
    _check_guild(page.guild_id, guild_id, where)
    return page


def page_of(value: object, guild_id: str | None, where: str) -> Page:
    """The same checks as `decode_page`, for a page that was parsed already, player by player."""
    players = value.get("players") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(players, list):
        _refuse_shape(value, where)
    guild = value.get("guild")
    own_id = _read_id(guild.get("id") if isinstance(guild, dict) else None, where)
    if own_id is None:
        raise LeaderboardInvalid(f"{where} does not say which guild it is of.", hint=_SHAPE)
    _check_guild(str(own_id), guild_id, where)
    rate = _xp_per_minute(value.get("xp_per_message"), value.get("xp_rate"))
    return _examine(players, str(own_id), _page_number(value.get("page")), rate, where)


_SHAPE = (
    "Expected is what the API answers: an object with 'guild' and 'players'. "
    "If MEE6 changed its answers, look for a newer trcpoints."
)


def _from_body(body: _Body) -> Page | None:
    """The page, or None where an id is not made of digits and each player needs a look."""
    ids = [body.guild.id, *(player.id for player in body.players)]
    digits = "".join(ids)
    if not (digits.isascii() and digits.isdigit()) or min(ids) < _FIRST_ID:
        return None
    xp = {int(player.id): player.xp for player in body.players}
    if len(xp) < len(body.players):
        for player in body.players:
            xp[int(player.id)] = max(xp[int(player.id)], player.xp)
    rate = _xp_per_minute(body.xp_per_message, body.xp_rate)
    number = _page_number(body.page)
    return Page(body.guild.id, number, len(body.players), xp, xp_per_minute=rate)


def refuse_malformed(faults: int, players: int, where: str) -> None:
    """Raise LeaderboardInvalid where more than 1 %, and at least 5, of the players are malformed.

    Asked of every page and of the whole board (section 3).
    """
    if faults >= _TOO_MANY_FAULTS and faults * 100 > players:
        raise LeaderboardInvalid(
            f"{where} has {faults} malformed players among {players}; nothing of it is used.",
            hint=_SHAPE,
        )


def _examine(
    players: list[object], guild_id: str, number: int | None, rate: float | None, where: str
) -> Page:
    xp: dict[int, int] = {}
    malformed: set[int] = set()
    nameless = faults = 0
    for player in players:
        player_id, points = _read_player(player, where)
        if points is None:
            faults += 1
            if player_id is None:
                nameless += 1
            else:
                malformed.add(player_id)
        elif player_id is not None:
            xp[player_id] = max(points, xp.get(player_id, 0))
    refuse_malformed(faults, len(players), where)
    wrong = frozenset(malformed.difference(xp))
    return Page(guild_id, number, len(players), xp, wrong, nameless, rate)


def _read_player(player: object, where: str) -> tuple[int | None, int | None]:
    """Id and XP of a record. XP is None where the record is malformed, the id where it has none."""
    if not isinstance(player, dict):
        return None, None
    player_id = _read_id(player.get("id"), where)
    xp = player.get("xp")
    valid = type(xp) is int and 0 <= xp <= MAX_XP and player_id is not None
    return player_id, xp if valid else None


def _read_id(value: object, where: str) -> int | None:
    if type(value) is int and value >= 0:
        if value > _LAST_EXACT_INTEGER:
            raise LeaderboardInvalid(
                f"{where} has the id {value} as a number: such numbers lose their last digits "
                "in many programs, so it may be somebody else's.",
                hint="Save the answer of MEE6 as it is, with ids as strings.",
            )
        return value
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        # Ids are numbers here: with a zero before it, one would pass for another.
        return int(value) if value >= _FIRST_ID else None
    return None


def _page_number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _xp_per_minute(per_message: object, rate: object) -> float | None:
    """The most XP of a message, of which one a minute counts, times the server's own rate."""
    if not isinstance(per_message, list) or len(per_message) < 2:
        return None
    most, factor = _factor(per_message[1]), _factor(rate)
    if most is None or factor is None:
        return None
    product = most * factor
    return product if 1 <= product <= _MOST_XP_PER_MINUTE else None


def _factor(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= _LARGEST_FACTOR else None


def _check_guild(own_id: str, guild_id: str | None, where: str) -> None:
    if guild_id is not None and own_id != guild_id:
        raise LeaderboardInvalid(
            f"{where} is of guild {own_id}, not of guild {guild_id}.",
            hint="Check MEE6_GUILD_ID, and that the answer is from the right server.",
        )


def _refuse_shape(value: object, where: str) -> NoReturn:
    error = value.get("error") if isinstance(value, dict) else None
    said = error_message(value)
    quoted = f": {said}" if error is not None and said else ""
    reason = f"an error{quoted}" if quoted else "no list of players"
    status = value.get("status_code") if isinstance(value, dict) else None
    meaning, hint = explain_status(status) or ("", _SHAPE)
    known = f" ({status}, {meaning})" if meaning else ""
    raise LeaderboardInvalid(
        f"{where} is no leaderboard; it has {reason}{known}.", hint=hint, quoted=quoted
    )
