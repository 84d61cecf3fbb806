"""Taking a member and a record apart that do not belong together (design, section 8)."""

from __future__ import annotations

from trcpoints.db.engine import Engine
from trcpoints.db.models import Member, MemberLink
from trcpoints.errors import NotFound
from trcpoints.members.lookup import find_member
from trcpoints.records import quoted


def unlink(
    engine: Engine, reference: str, connector: str, organization: str
) -> tuple[Member, MemberLink]:
    """Forget which record of an organization a member is; the member, and the link that was.

    What the federation said of them goes with it: the next sync matches the record anew. Raises
    what `find_member` raises, and NotFound where they are no record there.
    """
    with engine.books():
        member = find_member(reference)
        links = MemberLink.select().where(MemberLink.member == member.id)
        there = (connector, organization)
        found = next((one for one in links if (one.connector, one.organization) == there), None)
        if found is None:
            raise NotFound(
                f"Member {member.id} is no record of {quoted(f'{connector}/{organization}')}.",
                hint=f"See which records they are: trcpoints members show {member.id}",
            )
        found.delete_instance()
    return member, found
