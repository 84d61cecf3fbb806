"""Who has which Discord account once a read is over (design, section 8). Decides, without I/O.

The claims are looked at together, so that their order makes no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from trcpoints.federation.engine.states import Candidate, Ours
from trcpoints.records import quoted

_SHOWN = 10


class Claim(Struct, frozen=True, gc=False):
    """A record that gives its member an account that they do not have.

    `ours` is the member of a known record: they give up the account that they have.
    """

    external_id: str
    account: str
    ours: Ours | None


def refused(claims: Sequence[Claim], holders: Mapping[str, Candidate]) -> dict[str, str]:
    """Why records are rejected for the account that they claim, by external id.

    An account goes to whoever alone claims it, once nobody has it or whoever has it gives it up;
    so members may exchange accounts. One whose record is rejected gives up nothing. `holders`
    are by account, and have those of all claims that a member has.
    """
    moving = {claim.ours.member_id for claim in claims if claim.ours is not None}
    reasons: dict[str, str] = {}
    open_claims: defaultdict[str, list[Claim]] = defaultdict(list)
    staying: list[Claim] = []
    for claim in claims:
        holder = holders.get(claim.account)
        if holder is None or holder.ours.member_id in moving:
            open_claims[claim.account].append(claim)
        else:
            reasons[claim.external_id] = _taken(claim.account, holder)
            staying.append(claim)
    for account, rivals in open_claims.items():
        if len(rivals) > 1:
            listed = names([claim.external_id for claim in rivals])
            reason = f"its discord_id {account} is that of the records {listed}"
            reasons.update((claim.external_id, reason) for claim in rivals)
            staying += rivals
    while staying:
        ours = staying.pop().ours
        kept = None if ours is None else ours.values["discord_id"]
        for claim in open_claims.get(kept or "", ()):
            if claim.external_id not in reasons:
                reasons[claim.external_id] = _taken(claim.account, holders[claim.account])
                staying.append(claim)
    return reasons


def names(external_ids: Sequence[str]) -> str:
    """External ids for a message, in one order whatever the records were in."""
    shown = ", ".join(quoted(name) for name in sorted(external_ids)[:_SHOWN])
    return shown if len(external_ids) <= _SHOWN else f"{shown}, …"


def _taken(account: str, holder: Candidate) -> str:
    record = "" if holder.external_id is None else f", who is record {quoted(holder.external_id)}"
    return f"its discord_id {account} is that of member {holder.ours.member_id}{record}"
