"""The board that the simulated MEE6 shows: players, their XP, and pages of them."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

_HIGHEST_LEVEL = 10_000


def xp_needed(level: int) -> int:
    """XP from this level to the next, by MEE6's formula."""
    return 5 * level * level + 50 * level + 100


_LEVEL_STARTS = list(accumulate(map(xp_needed, range(_HIGHEST_LEVEL)), initial=0))


def level_of(xp: int) -> tuple[int, int]:
    """The level that this much XP is, and the XP within it."""
    level = bisect_right(_LEVEL_STARTS, xp) - 1
    return level, xp - _LEVEL_STARTS[level]


@dataclass(slots=True)
class Player:
    """A member of the guild on the board. `extra` are keys that replace the usual ones."""

    id: str
    username: str
    xp: int
    extra: dict[str, object] = field(default_factory=dict)

    def as_json(self, guild_id: str) -> dict[str, object]:
        """The player as MEE6 shows one."""
        level, within = level_of(self.xp)
        return {
            "avatar": None,
            "discriminator": "0",
            "guild_id": guild_id,
            "message_count": self.xp // 20,
            "username": self.username,
            **self.extra,
            "detailed_xp": [within, xp_needed(level), self.xp],
            "id": self.id,
            "level": level,
            "xp": self.xp,
        }


@dataclass(slots=True)
class Envelope:
    """A page before it is JSON. `other` are the keys around those two, and may hide them."""

    guild: dict[str, object]
    players: list[dict[str, object]]
    other: dict[str, object]

    def as_json(self) -> dict[str, object]:
        """The page as MEE6 shows one."""
        return {"guild": self.guild, "players": self.players, **self.other}


class World:
    """The players of one guild; every method may be called from any thread.

    `version` grows with every change.
    """

    def __init__(self, guild_id: str) -> None:
        self.guild_id = guild_id
        self.version = 0
        self._lock = threading.RLock()
        self._players: dict[str, Player] = {}
        self._ranked: list[Player] | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._players)

    def add(self, player_id: str, username: str, xp: int = 0) -> None:
        """A new player; one who is there already is replaced."""
        with self._changing():
            self._players[player_id] = Player(player_id, username, xp)

    def remove(self, player_id: str) -> None:
        """The player leaves the board. KeyError for one who is not there."""
        with self._changing():
            del self._players[player_id]

    def set_xp(self, player_id: str, xp: int) -> None:
        """KeyError for a player who is not there."""
        with self._changing():
            self._players[player_id].xp = xp

    def set_all_xp(self, xp: Mapping[str, int]) -> None:
        """`set_xp` for many at once."""
        with self._changing():
            for player_id, value in xp.items():
                self._players[player_id].xp = value

    def xp(self, player_id: str) -> int:
        """KeyError for a player who is not there."""
        with self._lock:
            return self._players[player_id].xp

    def replace(self, players: Iterable[tuple[str, str, int] | Mapping[str, object]]) -> None:
        """Another board: `(id, username, xp)`, or players as MEE6 shows them, from a capture."""
        with self._changing():
            self._players = {
                player.id: player
                for player in (
                    Player(*item) if isinstance(item, tuple) else _from_capture(item)
                    for item in players
                )
            }

    def ranking(self, start: int, count: int) -> list[Player]:
        """A part of the board, highest XP first; who came first stays first among equals."""
        with self._lock:
            if self._ranked is None:
                self._ranked = sorted(self._players.values(), key=lambda player: -player.xp)
            return self._ranked[start : start + count]

    def page(self, number: int, limit: int) -> Envelope:
        """One page of the board."""
        players = self.ranking(number * limit, limit)
        return Envelope(
            guild={
                "id": self.guild_id,
                "name": "Simulated Guild",
                "icon": "00000000000000000000000000000000",
                "premium": False,
            },
            players=[player.as_json(self.guild_id) for player in players],
            other={
                "admin": False,
                "banner_url": None,
                "country": "IE",
                "page": number,
                "player": None,
                "role_rewards": [
                    {"rank": 6, "role": {"id": "570797855007253039", "name": "Level 6"}}
                ],
                "user_guild_settings": None,
                "xp_per_message": [15, 25],
                "xp_rate": 1.0,
            },
        )

    def _changing(self) -> _Change:
        return _Change(self, self._lock)

    def changed(self) -> None:
        """Forget what was derived from the players."""
        self.version += 1
        self._ranked = None


class _Change:
    """The lock, and a new version when it is let go."""

    def __init__(self, world: World, lock: threading.RLock) -> None:
        self._world = world
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._world.changed()
        self._lock.release()


def _from_capture(item: Mapping[str, object]) -> Player:
    xp = item["xp"]
    if not isinstance(xp, int):
        raise TypeError(f"the XP of {item['id']} is no integer")
    return Player(str(item["id"]), str(item.get("username", "")), xp, dict(item))
