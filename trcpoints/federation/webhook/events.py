"""What the body of a webhook says. Decides, no I/O (design, section 8)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from trcpoints.federation.queue.enqueuing import Event as Kind

SIGNATURE = "signature"
LONGEST_ID = 255
_DEEPEST = 20
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")

Unusable = Literal["unknown_organization", "invalid_member", "unknown_event"]

_KINDS: Mapping[object, Kind] = {
    "created": "created",
    "updated": "updated",
    "deleted": "deleted",
}


class Malformed(Exception):
    """A body that is no JSON object, or could be read in more than one way."""


class Number(str):
    """A JSON number as it was spelt: 1.0 and 1 are the same, but not to a signature."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object, `canonical` as it is signed: without its own signature.

    `connector` is who it says it is from; None where that is no text.
    """

    members: Mapping[str, object]
    canonical: bytes
    signature: str | None
    connector: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to whom: one member of an organization."""

    organization: str
    external_id: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a verified event cannot be used; what of it can be kept is there."""

    reason: Unusable
    organization: str | None = None
    external_id: str | None = None


def read_body(body: bytes) -> Body:
    """Read a body; raises Malformed.

    Numbers keep their spelling, so that it does not matter which one a sender's library chooses,
    and however long they are they cost nothing.
    """
    try:
        members = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_number,
        )
        if not isinstance(members, dict):
            raise Malformed
        signature = members.pop(SIGNATURE, None)
        canonical = _canonical(members).encode("utf-8")
    except (ValueError, RecursionError) as fault:
        # What is quoted in the fault's text came from outside.
        raise Malformed from fault
    return Body(
        members,
        canonical,
        signature if type(signature) is str else None,
        _text(members.get("connectorId")),
    )


def read_event(members: Mapping[str, object], organizations: Collection[str]) -> Event | Refusal:
    """The event of a verified body, for one of the organizations that there are."""
    organization = _text(members.get("federationOrgId"))
    if organization is None or organization not in organizations:
        return Refusal("unknown_organization")
    external_id = _external_id(members.get("memberId"))
    if external_id is None:
        return Refusal("invalid_member", organization)
    kind = members.get("event")
    if type(kind) is not str or kind not in _KINDS:
        return Refusal("unknown_event", organization, external_id)
    return Event(organization, external_id, _KINDS[kind])


def _external_id(value: object) -> str | None:
    """A member's id as the records have it; None for one that no address can carry."""
    text = (_text(value) or "").strip()
    if not 1 <= len(text) <= LONGEST_ID or not text.isprintable() or text in {".", ".."}:
        return None
    return text


def _text(value: object) -> str | None:
    """Text, or a whole number that stands for one."""
    if isinstance(value, Number):
        return str(value) if _WHOLE.fullmatch(value) else None
    return value if isinstance(value, str) else None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed
    return found


def _no_number(word: str) -> object:
    raise Malformed(word)


def _canonical(value: object, depth: int = 0) -> str:
    """JSON with sorted keys (by code point), nothing between its tokens, characters unescaped."""
    if depth > _DEEPEST:
        raise Malformed
    if isinstance(value, Number):
        return value
    if isinstance(value, dict):
        inside = (f"{_quoted(key)}:{_canonical(value[key], depth + 1)}" for key in sorted(value))
        return f"{{{','.join(inside)}}}"
    if isinstance(value, list):
        return f"[{','.join(_canonical(one, depth + 1) for one in value)}]"
    return _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
