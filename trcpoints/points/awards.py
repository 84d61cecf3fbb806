"""Awards from other systems: which are allowed, and what a repeated key means.

The rules of section 2.7 of the design, without I/O. An award becomes an entry of the ledger
when its member is known and its time is settled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trcpoints.points.conversion import SYNC_SOURCE
from trcpoints.records import quoted, why_unstorable

ADJUSTMENT = "adjustment"
MOST_POINTS = 10**9
LONGEST_KEY = 200
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""The year Discord began; an earlier time is a slip, as 1970 or 0026 is."""

_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)

Key = tuple[str, str]
"""A source and an idempotency key of its own."""


@dataclass(frozen=True, slots=True)
class Award:
    """What another system asks for. Without `occurred_at` it happened when it was booked."""

    source: str
    points: int
    key: str
    occurred_at: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger that a member was awarded."""

    member_id: int
    source: str
    points: int
    key: str
    occurred_at: datetime
    note: str | None

    @property
    def activity_at(self) -> datetime | None:
        """When it shows the member to have been active; None where it shows nothing (2.6).

        Only an adjustment can be negative, and that shows nothing either way.
        """
        return None if self.source == ADJUSTMENT else self.occurred_at


@dataclass(slots=True)
class Decision:
    """What became of awards: entries to book, how many were there already, and which cannot be.

    `conflicts` pairs the index of an award with the reason.
    """

    entries: list[Entry] = field(default_factory=list)
    duplicates: int = 0
    conflicts: list[tuple[int, str]] = field(default_factory=list)


def parse_moment(text: str) -> datetime:
    """A time in UTC from ISO 8601: with a zone, without one (UTC), or a date (00:00 UTC of it).

    Raises ValueError.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{quoted(text)} is not a time like 2026-01-19, 2026-01-19T17:30 "
            "or 2026-01-19T17:30:00+01:00"
        ) from None


def is_source(text: str) -> bool:
    """Whether this may name a source."""
    return _SOURCE.fullmatch(text) is not None


def clean_note(text: str | None) -> str | None:
    """A note without spaces around it; None where nothing is left."""
    return (text or "").strip() or None


def award_faults(award: Award, now: datetime) -> list[str]:
    """Every rule that the award breaks, in words; none when it may be booked."""
    return [
        *_source_faults(award.source),
        *_points_faults(award),
        *_key_faults(award.key),
        *_note_faults(award),
        *_time_faults(award.occurred_at, now),
    ]


def decide(
    claims: Iterable[tuple[int, Award]], booked: Mapping[Key, Entry], now: datetime
) -> Decision:
    """Sort awards, each with the id of its member, by what the ledger has under their keys.

    A key that comes twice among the awards is treated as if the first had been booked before.
    """
    known = dict(booked)
    decision = Decision()
    for index, (member_id, award) in enumerate(claims):
        key = (award.source, award.key)
        before = known.get(key)
        if before is None:
            entry = known[key] = _entry(member_id, award, now)
            decision.entries.append(entry)
        elif differences := _differences(before, member_id, award):
            decision.conflicts.append((index, _conflict(award, differences)))
        else:
            decision.duplicates += 1
    return decision


def _entry(member_id: int, award: Award, now: datetime) -> Entry:
    return Entry(
        member_id=member_id,
        source=award.source,
        points=award.points,
        key=award.key,
        occurred_at=award.occurred_at or now,
        note=award.note,
    )


def _differences(before: Entry, member_id: int, award: Award) -> list[str]:
    pairs: list[tuple[str, object, object]] = [
        ("member", before.member_id, member_id),
        ("points", before.points, award.points),
        ("note", before.note, award.note),
        ("time", before.occurred_at, award.occurred_at or before.occurred_at),
    ]
    return [f"{what} {_shown(old)}, now {_shown(new)}" for what, old, new in pairs if old != new]


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return quoted(value)
    return "none" if value is None else str(value)


def _conflict(award: Award, differences: list[str]) -> str:
    return (
        f"the key {quoted(award.key)} of source {quoted(award.source)} was used before "
        f"with other content: {'; '.join(differences)}"
    )


def _source_faults(source: str) -> list[str]:
    if source == SYNC_SOURCE:
        return [f"the source '{SYNC_SOURCE}' belongs to the sync alone"]
    if not is_source(source):
        return [
            f"the source {quoted(source)} should be a lower-case word like 'benchmark': "
            "a letter, then letters, digits, '-' or '_', 32 at most"
        ]
    return []


def _points_faults(award: Award) -> list[str]:
    if award.points == 0:
        return ["the points are 0, which moves nothing"]
    if abs(award.points) > MOST_POINTS:
        return [f"the points are beyond {MOST_POINTS:,}"]
    if award.points < 0 and award.source != ADJUSTMENT:
        return [f"the points are negative, which only the source '{ADJUSTMENT}' may be"]
    return []


def _key_faults(key: str) -> list[str]:
    if not 1 <= len(key) <= LONGEST_KEY:
        return [f"the key should have 1 to {LONGEST_KEY} characters; it has {len(key)}"]
    if not key.isprintable() or key != key.strip():
        return [f"the key {quoted(key)} should be printable, without spaces around it"]
    return []


def _note_faults(award: Award) -> list[str]:
    if award.note is None:
        needed = award.source == ADJUSTMENT
        return [f"the source '{ADJUSTMENT}' needs a reason in its note"] if needed else []
    reason = why_unstorable(award.note)
    return [] if reason is None else [f"the note {reason}"]


def _time_faults(occurred_at: datetime | None, now: datetime) -> list[str]:
    if occurred_at is None:
        return []
    if occurred_at > now:
        return [f"the time {_shown(occurred_at)} is in the future"]
    if occurred_at < EARLIEST:
        return [f"the time {_shown(occurred_at)} is before {EARLIEST:%Y-%m-%d}"]
    return []
