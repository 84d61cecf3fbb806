"""Importing a file of awards, all or nothing (design, section 2.7)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from trcpoints.db.engine import Engine, portions
from trcpoints.db.models import Member
from trcpoints.documents.points import PointsImportDocument
from trcpoints.members.discord_ids import find_rounding, is_number_format, parse_discord_id
from trcpoints.points.awards import Award, award_faults, clean_note, parse_moment
from trcpoints.points.ledger import apply, plan
from trcpoints.records import Fault, Record, quoted, scan_records

COLUMNS = ("member", "discord_id", "points", "source", "key", "at", "note")

_POINTS = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_MEMBER_ID = re.compile(r"[0-9]{1,18}", re.ASCII)

_ACCOUNT = "discord_id"

_Reference = tuple[str, str]
"""A column of Member that tells members apart, and its value as text."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """An award as one record of the file makes it, for the member that it refers to."""

    line: int
    reference: _Reference
    award: Award


def import_awards(engine: Engine, data: bytes, name: str, now: datetime) -> PointsImportDocument:
    """Book every award of a file, but for those booked before; or none of them.

    Columns: `member` (id, discord:ID or e-mail) or `discord_id`; `points`, `source`, `key`; `at`
    and `note` where they are wanted. Raises InvalidRecords, which names every bad record.
    """
    file = scan_records(data, name, COLUMNS)
    claims: list[_Claim] = []
    faults: list[Fault] = []
    for record in file.records:
        try:
            claims.append(_claim(record, now))
        except ValueError as fault:
            faults.append((record.line, str(fault)))
    references = ((claim.line, *claim.reference) for claim in claims)
    faults += find_rounding((line, id_) for line, column, id_ in references if column == _ACCOUNT)
    with engine.books():
        members = _members(claim.reference for claim in claims)
        known: list[tuple[int, Award]] = []
        lines: list[int] = []
        for claim in claims:
            found = members.get(claim.reference, [])
            if len(found) == 1:
                known.append((found[0], claim.award))
                lines.append(claim.line)
            else:
                faults.append((claim.line, _why_not(claim.reference, found)))
        decision = plan(known, now)
        faults += [(lines[index], reason) for index, reason in decision.conflicts]
        file.refuse(faults)
        apply(engine, decision.entries, now)
    return PointsImportDocument(
        records=len(claims),
        awarded=len(decision.entries),
        duplicates=decision.duplicates,
        points=sum(entry.points for entry in decision.entries),
    )


def _claim(record: Record, now: datetime) -> _Claim:
    """Raises ValueError with what is wrong with the record."""
    values = {name: (text or "").strip() for name, text in record.values.items()}
    missing = [name for name in ("points", "source", "key") if not values.get(name)]
    if missing:
        raise ValueError(f"has no {' and no '.join(missing)}")
    award = Award(
        source=values["source"],
        points=_points(values["points"]),
        key=values["key"],
        occurred_at=parse_moment(values["at"]) if values.get("at") else None,
        note=clean_note(values.get("note")),
    )
    if faults := award_faults(award, now):
        raise ValueError("; ".join(faults))
    return _Claim(record.line, _reference(values), award)


def _points(text: str) -> int:
    if not _POINTS.fullmatch(text):
        raise ValueError(f"the points {quoted(text)} are not a whole number")
    return int(text)


def _reference(values: Mapping[str, str]) -> _Reference:
    member, account = values.get("member", ""), values.get("discord_id", "")
    if bool(member) == bool(account):
        raise ValueError("should name its member, in one of the columns member and discord_id")
    prefix, colon, rest = member.partition(":")
    if colon and prefix.lower() == "discord":
        account = rest.strip()
    elif "@" in member:
        return "email", member.lower()
    elif _MEMBER_ID.fullmatch(member):
        return "id", str(int(member))
    elif member and not is_number_format(member):
        raise ValueError(f"{quoted(member)} is no member id, discord:ID or e-mail")
    return _ACCOUNT, parse_discord_id(account or member)


def _members(references: Iterable[_Reference]) -> dict[_Reference, list[int]]:
    """The ids of the members that each reference fits, with a few queries for all of them."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for column, value in set(references):
        wanted[column].append(value)
    found: dict[_Reference, list[int]] = defaultdict(list)
    for column, values in wanted.items():
        field = Member._meta.fields[column]
        for portion in portions(values):
            query = Member.select(field, Member.id).where(field.in_(portion)).tuples()
            for value, member_id in query.iterator():
                found[column, str(value)].append(member_id)
    return found


def _why_not(reference: _Reference, found: list[int]) -> str:
    column, value = reference
    named = {
        "id": "member",
        "discord_id": "member with the Discord account",
        "email": "member with the e-mail",
    }
    if not found:
        return f"there is no {named[column]} {quoted(value)}"
    return f"{len(found)} members share the e-mail {quoted(value)}; name one by id"
