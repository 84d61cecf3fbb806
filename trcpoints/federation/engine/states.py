"""What the database knows of an organization's records and of the members they may be.

Each is one query, or one for every PORTION of records; never one for each (design, section 10).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct
from peewee import JOIN, Expression, ModelSelect

from trcpoints.db.engine import Engine, portions
from trcpoints.db.models import Member, MemberEdit, MemberLink
from trcpoints.federation.fields import FIELDS
from trcpoints.members.fields import Values

_decode_base: Callable[[str], Values] = msgspec.json.Decoder(Values).decode

_STATE = (Member.id, Member.name, Member.active, *(getattr(Member, name) for name in FIELDS))


class Ours(Struct, frozen=True, gc=False):
    """A member as we have them; `values` are those of the fields that a federation can tell."""

    member_id: int
    name: str | None
    active: bool
    values: Values


class Link(Struct, frozen=True, gc=False):
    """A member whom a record was matched with; `missing` says that a full read missed them."""

    link_id: int
    external_id: str
    missing: bool
    base: Values
    ours: Ours


class Candidate(Struct, frozen=True, gc=False):
    """A member whom a record may be; `external_id` is that of their record there, if any."""

    ours: Ours
    external_id: str | None


class Edit(Struct, frozen=True, gc=False):
    """That a field was last set by hand."""

    edit_id: int
    modified_by: str


class MissingLink(Struct, frozen=True, gc=False):
    """A record that is not there any more; `missing` says that it was not there before."""

    link_id: int
    external_id: str
    member_id: int
    missing: bool


Edits = dict[int, dict[str, Edit]]
"""By member id and field."""


def read_known(
    engine: Engine, connector: str, organization: str, external_id: str | None
) -> tuple[dict[str, str], int]:
    """The digests of the known records, or of one, by external id; and how many are missing.

    The digest is "" where the record may change something even if it is as it was: of a member who
    is missing or not active, or whose record was rejected.
    """
    here = _of(connector, organization)
    if external_id is not None:
        here &= MemberLink.external_id == external_id
    missing = MemberLink.missing_since.is_null(False)
    query = MemberLink.select(MemberLink.external_id, MemberLink.digest).where(here)
    known: dict[str, str] = dict(engine.raw_rows(query))
    stale = MemberLink.select(MemberLink.external_id, missing).join(Member)
    found = list(engine.raw_rows(stale.where(here, missing | ~Member.active)))
    known.update((name, "") for name, _ in found)
    return known, sum(bool(is_missing) for _, is_missing in found)


def read_links(
    engine: Engine, connector: str, organization: str, external_ids: Iterable[str]
) -> dict[str, Link]:
    """The links of these records, by external id; unknown ones have none."""
    query = MemberLink.select(
        MemberLink.id,
        MemberLink.external_id,
        MemberLink.missing_since.is_null(False),
        MemberLink.base,
        *_STATE,
    ).join(Member)
    here = _of(connector, organization)
    links: dict[str, Link] = {}
    for portion in portions(external_ids):
        rows = engine.raw_rows(query.where(here, MemberLink.external_id.in_(portion)))
        for link_id, external_id, missing, base, *state in rows:
            links[external_id] = Link(
                link_id, external_id, bool(missing), _decode_base(base), _ours(state)
            )
    return links


def read_missing(
    engine: Engine, connector: str, organization: str, external_ids: Iterable[str]
) -> list[MissingLink]:
    """Of these records, those that were known."""
    query = MemberLink.select(
        MemberLink.id,
        MemberLink.external_id,
        MemberLink.member,
        MemberLink.missing_since.is_null(False),
    ).where(_of(connector, organization))
    return [
        MissingLink(link_id, external_id, member_id, bool(missing))
        for portion in portions(external_ids)
        for link_id, external_id, member_id, missing in engine.raw_rows(
            query.where(MemberLink.external_id.in_(portion))
        )
    ]


def read_accounts(
    engine: Engine, connector: str, organization: str, discord_ids: Iterable[str]
) -> dict[str, Candidate]:
    """Who has these Discord accounts."""
    found: dict[str, Candidate] = {}
    for portion in portions(discord_ids):
        query = _candidates(connector, organization).where(Member.discord_id.in_(portion))
        for external_id, *state in engine.raw_rows(query):
            ours = _ours(state)
            found[ours.values["discord_id"] or ""] = Candidate(ours, external_id)
    return found


def read_emails(
    engine: Engine, connector: str, organization: str, emails: Iterable[str]
) -> dict[str, list[Candidate]]:
    """Who has these e-mails, in the order of their ids."""
    found: dict[str, list[Candidate]] = {}
    for portion in portions(emails):
        query = _candidates(connector, organization).where(Member.email.in_(portion))
        for external_id, *state in engine.raw_rows(query.order_by(Member.id)):
            ours = _ours(state)
            found.setdefault(ours.values["email"] or "", []).append(Candidate(ours, external_id))
    return found


def read_edits(engine: Engine, member_ids: Iterable[int]) -> Edits:
    """The fields of these members that were last set by hand."""
    edits: Edits = {}
    for portion in portions(member_ids):
        query = MemberEdit.select(
            MemberEdit.id, MemberEdit.member, MemberEdit.field, MemberEdit.modified_by
        ).where(engine.is_among(MemberEdit.member, portion))
        for edit_id, member_id, field, modified_by in engine.raw_rows(query):
            edits.setdefault(member_id, {})[field] = Edit(edit_id, modified_by)
    return edits


def read_leaving(
    engine: Engine, links: Iterable[MissingLink], configured: Collection[str]
) -> list[int]:
    """Of the members of these few links, those who are active and whom no other link has.

    Only links of the `configured` organizations, by connector/organization, say that a member is
    there: of any other nobody will ever hear that they have left.
    """
    links = list(links)
    members = [link.member_id for link in links]
    is_there = MemberLink.missing_since.is_null() & MemberLink.id.not_in(
        [link.link_id for link in links]
    )
    others = MemberLink.select(
        MemberLink.member, MemberLink.connector, MemberLink.organization
    ).where(is_there, engine.is_among(MemberLink.member, members))
    staying = {
        member_id
        for member_id, connector, organization in engine.raw_rows(others)
        if f"{connector}/{organization}" in configured
    }
    query = Member.select(Member.id).where(engine.is_among(Member.id, members), Member.active)
    return [key for (key,) in engine.raw_rows(query) if key not in staying]


def _of(connector: str, organization: str) -> Expression:
    condition: Expression = (MemberLink.connector == connector) & (
        MemberLink.organization == organization
    )
    return condition


def _candidates(connector: str, organization: str) -> ModelSelect[Any]:
    """Members, each with their external id in an organization first."""
    is_link = (MemberLink.member == Member.id) & _of(connector, organization)
    return Member.select(MemberLink.external_id, *_STATE).join(
        MemberLink, JOIN.LEFT_OUTER, on=is_link
    )


def _ours(state: Iterable[Any]) -> Ours:
    values: Iterator[Any] = iter(state)
    member_id, name, active = next(values), next(values), next(values)
    return Ours(member_id, name, bool(active), dict(zip(FIELDS, values, strict=True)))
