"""Finding the member that a reference on the command line names (design, section 4)."""

from __future__ import annotations

from trcpoints.config import SNOWFLAKE
from trcpoints.db.models import Member
from trcpoints.errors import DataRefused, NotFound
from trcpoints.records import quoted, why_unstorable

LARGEST_ID = 2**63 - 1
"""What a key of both engines can be."""

_SHOWN = 10


def find_member(reference: str) -> Member:
    """The member of an id, `discord:ID` or e-mail.

    Raises NotFound, and DataRefused for an e-mail that several members share.
    """
    reference = reference.strip()
    prefix, colon, account = reference.partition(":")
    if colon and prefix.lower() == "discord":
        return _by_discord_id(account.strip())
    if "@" in reference:
        return _by_email(reference.lower())
    return _by_id(reference)


def _by_id(reference: str) -> Member:
    if not (reference.isascii() and reference.isdigit()):
        raise _not_found(f"{quoted(reference)} is no member id, discord:ID or e-mail.")
    number = int(reference[:20])
    found = Member.get_or_none(Member.id == number) if number <= LARGEST_ID else None
    if found is None:
        is_account = len(reference) >= 15 and SNOWFLAKE.fullmatch(reference)
        hint = f"For a Discord account write discord:{reference}" if is_account else ""
        raise _not_found(f"There is no member {quoted(reference)}.", hint)
    return found


def _by_discord_id(account: str) -> Member:
    if not SNOWFLAKE.fullmatch(account):
        raise _not_found(f"{quoted(account)} is no id of a Discord account.")
    found = Member.get_or_none(Member.discord_id == account)
    if found is None:
        raise _not_found(f"No member has the Discord account {account}.")
    return found


def _by_email(email: str) -> Member:
    # PostgreSQL cannot even be asked for text that it cannot hold.
    query = Member.select().where(Member.email == email).order_by(Member.id).limit(_SHOWN)
    found = [] if why_unstorable(email) else list(query)
    if not found:
        raise _not_found(f"No member has the e-mail {quoted(email)}.")
    if len(found) > 1:
        ids = ", ".join(str(member.id) for member in found)
        raise DataRefused(
            f"Several members share the e-mail {quoted(email)}: {ids}.",
            hint="Say which one by member id: trcpoints members show ID",
        )
    return found[0]


def _not_found(message: str, hint: str = "") -> NotFound:
    return NotFound(message, hint=hint or "See who there is: trcpoints members list")
