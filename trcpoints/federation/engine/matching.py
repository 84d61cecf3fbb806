"""Whom the records of an organization are (design, section 8). Decides, without I/O.

The records are looked at together, so that their order makes no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct, field

from trcpoints.federation.engine.accounts import names
from trcpoints.federation.engine.fetching import Fetched, Found, Rejection
from trcpoints.federation.engine.states import Candidate, Edits, Link, Ours
from trcpoints.federation.fields import comparable
from trcpoints.members.fields import Values, composed_name
from trcpoints.records import quoted

_SHOWN = 10
_NAMES_NOBODY = "names nobody: it has no e-mail, no Discord id and no name"
_TELLING = ("first_name", "date_of_birth")
"""In what one of a family is not another who shares the address."""


class Known(Struct):
    """What the database has: links by external id, members by Discord account and by e-mail.

    `gone` are links of such members to records that are not there any more: they hold nobody.
    """

    links: dict[str, Link]
    accounts: dict[str, Candidate]
    emails: dict[str, list[Candidate]]
    gone: dict[str, Link] = field(default_factory=dict)

    def candidates(self) -> Iterator[Candidate]:
        """Everybody who has an account or an e-mail; some more than once."""
        yield from self.accounts.values()
        for sharing in self.emails.values():
            yield from sharing

    def is_free(self, candidate: Candidate) -> bool:
        """Whether a member has no record there, or none that is still there."""
        return candidate.external_id is None or candidate.external_id in self.gone


class Matched(Struct, frozen=True, gc=False):
    """A record and the member it is; one without a member is new, without a link adopts one.

    A link with another external id than the record's is to a record that is gone.
    """

    external_id: str
    found: Found
    ours: Ours | None = None
    link: Link | None = None

    @property
    def is_relinked(self) -> bool:
        """Whether the record was known by another external id."""
        return self.link is not None and self.link.external_id != self.external_id


class Matching(Struct):
    """Whom the records are, as far as that can be said."""

    matched: list[Matched] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def linked(fetched: Fetched, known: Known) -> list[Matched]:
    """The records that are known by their external id."""
    return [
        Matched(external_id, found, link.ours, link)
        for external_id, found in fetched.records.items()
        if (link := known.links.get(external_id)) is not None
    ]


def owner(found: Found, known: Known) -> Candidate | None:
    """Who has the Discord account of a record that is not known, and has no record there."""
    holder = known.accounts.get(found.values.get("discord_id") or "")
    return holder if holder is not None and known.is_free(holder) else None


def adopt(new: Mapping[str, Found], known: Known, edits: Edits) -> Matching:
    """Find the member of each record that is not known: by Discord account, else by e-mail.

    An account is one person's, an e-mail may be a family's: whoever is found by account is found
    by no e-mail. None is left: a new member, unless the record names nobody.
    """
    matching = Matching()
    found_by_account = {name: owner(found, known) for name, found in new.items()}
    owners = _rivals(found_by_account)
    settled = {member_id for member_id, rivals in owners.items() if len(rivals) == 1}
    adopted: dict[str, Candidate | None] = {}
    for external_id, found in new.items():
        try:
            adopted[external_id] = found_by_account[external_id] or _by_email(
                found, known, settled, edits
            )
        except _Unfit as unfit:
            matching.rejections.append(Rejection(external_id, str(unfit)))
    rivals_for = _rivals(adopted)
    for external_id, candidate in adopted.items():
        found = new[external_id]
        if candidate is None:
            if _names_nobody(found.values):
                matching.rejections.append(Rejection(external_id, _NAMES_NOBODY))
            else:
                matching.matched.append(Matched(external_id, found))
            continue
        ours = candidate.ours
        rivals = rivals_for[ours.member_id]
        if len(rivals) == 1:
            link = known.gone.get(candidate.external_id or "")
            matching.matched.append(Matched(external_id, found, ours, link))
        else:
            reason = f"member {ours.member_id} could be any of the records {names(rivals)}"
            matching.rejections.append(Rejection(external_id, reason))
    return matching


def _names_nobody(values: Values) -> bool:
    """Whether a record has only an id of its own to tell its member by, as a footer with totals."""
    if values.get("email") or values.get("discord_id"):
        return False
    return not any(map(str.isalpha, composed_name(values) or ""))


class _Unfit(Exception):
    """Why a record cannot be matched."""


def _rivals(adopted: Mapping[str, Candidate | None]) -> defaultdict[int, list[str]]:
    """The external ids of the records that adopt a member, by member."""
    rivals: defaultdict[int, list[str]] = defaultdict(list)
    for external_id, candidate in adopted.items():
        if candidate is not None:
            rivals[candidate.ours.member_id].append(external_id)
    return rivals


def _by_email(
    found: Found, known: Known, settled: Collection[int], edits: Edits
) -> Candidate | None:
    """The one member who has a record's e-mail and may be adopted by it; None: there is none."""
    email = found.values.get("email") or ""
    fitting = [
        candidate
        for candidate in known.emails.get(email, ())
        if candidate.ours.member_id not in settled and _may_be(found, candidate, known, edits)
    ]
    if len(fitting) > 1:
        raise _Unfit(f"its e-mail {quoted(email)} is shared by the members {_ids(fitting)}")
    return fitting[0] if fitting else None


def _may_be(found: Found, candidate: Candidate, known: Known, edits: Edits) -> bool:
    """Whether a member with the e-mail of a record may be the one it is about.

    Families share addresses: an account we do not know is not that of a linked member; nobody has
    two dates of birth, unless a person typed one of them; and whose record is gone was not
    renumbered where the new one is about somebody else.
    """
    if not known.is_free(candidate):
        return False
    if found.values.get("discord_id") and candidate.ours.values["discord_id"]:
        return False
    ours = candidate.ours
    born_by_hand = "date_of_birth" in edits.get(ours.member_id, {})
    if not born_by_hand and not _agree("date_of_birth", found.values, ours.values):
        return False
    link = known.gone.get(candidate.external_id or "")
    return link is None or all(_agree(name, found.values, link.base) for name in _TELLING)


def _agree(name: str, said: Values, base: Values) -> bool:
    now, before = (comparable(name, values.get(name), None) for values in (said, base))
    return now is None or before is None or now.casefold() == before.casefold()


def _ids(candidates: Iterable[Candidate]) -> str:
    return ", ".join(str(one.ours.member_id) for one in list(candidates)[:_SHOWN])
