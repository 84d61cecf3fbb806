"""Whom the records of an organization are (design, section 8). Decides, without I/O.

The records are looked at together, so that their order makes no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TypeVar

from msgspec import Struct, field

from trcpoints.federation.engine.fetching import Fetched, Found, Rejection
from trcpoints.federation.engine.states import Candidate, Link, Ours
from trcpoints.records import quoted

K = TypeVar("K")

_SHOWN = 10


class Known(Struct):
    """What the database has: links by external id, members by Discord account and by e-mail."""

    links: dict[str, Link]
    accounts: dict[str, Candidate]
    emails: dict[str, list[Ours]]


class Matched(Struct, frozen=True, gc=False):
    """A record and the member it is; one without a member is new, without a link adopts one."""

    external_id: str
    found: Found
    ours: Ours | None = None
    link: Link | None = None


class Matching(Struct):
    """Whom the records are, as far as that can be said."""

    matched: list[Matched] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def match(fetched: Fetched, known: Known) -> Matching:
    """Find the member of each record: by external id, else Discord account, else e-mail."""
    matching = Matching()
    new: list[Matched] = []
    for external_id, found in fetched.records.items():
        link = known.links.get(external_id)
        if link is not None:
            matching.matched.append(Matched(external_id, found, link.ours, link))
            continue
        try:
            new.append(Matched(external_id, found, _candidate(found, known)))
        except _Unfit as unfit:
            matching.rejections.append(Rejection(external_id, str(unfit)))
    adopters = grouped((one.ours.member_id, one.external_id) for one in new if one.ours)
    for one in new:
        rivals = adopters[one.ours.member_id] if one.ours else ()
        if one.ours is not None and len(rivals) > 1:
            reason = f"member {one.ours.member_id} could be any of the records {names(rivals)}"
            matching.rejections.append(Rejection(one.external_id, reason))
        else:
            matching.matched.append(one)
    return matching


def taken(account: str, holder: Candidate) -> str:
    """The reason to reject a record whose Discord account another member has."""
    record = "" if holder.external_id is None else f", who is record {quoted(holder.external_id)}"
    return f"its discord_id {account} is that of member {holder.ours.member_id}{record}"


def grouped(pairs: Iterable[tuple[K, str]]) -> defaultdict[K, list[str]]:
    """The external ids by what they have in common."""
    groups: defaultdict[K, list[str]] = defaultdict(list)
    for key, external_id in pairs:
        groups[key].append(external_id)
    return groups


def names(external_ids: Collection[str]) -> str:
    """External ids for a message, in one order whatever the records were in."""
    shown = ", ".join(quoted(name) for name in sorted(external_ids)[:_SHOWN])
    return shown if len(external_ids) <= _SHOWN else f"{shown}, …"


class _Unfit(Exception):
    """Why a record cannot be matched."""


def _candidate(found: Found, known: Known) -> Ours | None:
    """The member without a record there whom a record adopts; None for a new member."""
    account, email = found.values.get("discord_id"), found.values.get("email")
    holder = known.accounts.get(account) if account else None
    if account and holder is not None:
        if holder.external_id is not None:
            raise _Unfit(taken(account, holder))
        return holder.ours
    # Families share addresses: an account we do not know is not that of a linked member.
    fitting = [
        ours
        for ours in known.emails.get(email or "", ())
        if not (account and ours.values["discord_id"])
    ]
    if len(fitting) > 1:
        ids = ", ".join(str(ours.member_id) for ours in fitting[:_SHOWN])
        raise _Unfit(f"its e-mail {quoted(email or '')} is shared by the members {ids}")
    return fitting[0] if fitting else None
