"""From what was read to what is to be written, in one transaction (design, section 8)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from trcpoints.db.engine import Engine
from trcpoints.federation import guard
from trcpoints.federation.config import Connector
from trcpoints.federation.conflicts import Strategy
from trcpoints.federation.engine import states
from trcpoints.federation.engine.deciding import FederationPlan, Judge, decide
from trcpoints.federation.engine.fetching import Fetched
from trcpoints.federation.engine.matching import Known


def settle(
    engine: Engine,
    fetched: Fetched,
    *,
    connector: Connector,
    organization: str,
    run_id: str,
    now: datetime,
    strategy: Strategy,
    accept_changes: bool,
    configured: Collection[str],
) -> FederationPlan:
    """Decide what becomes of the records, by the state that they meet; writes nothing.

    Called inside `Run.books`, or any transaction for a preview. `configured` are all
    organizations that there are, by connector/organization. Raises MassChangeRefused, for a full
    read whose changes are not accepted.
    """
    plan = FederationPlan(connector.name, organization, full=fetched.asked_for is None)
    if fetched.gone:
        _take_off(engine, plan, str(fetched.asked_for), configured)
        return plan
    known = _read(engine, connector.name, organization, fetched)
    members = [link.ours.member_id for link in known.links.values()]
    members += [one.ours.member_id for one in known.candidates()]
    edits = states.read_edits(engine, members)
    decide(plan, fetched, known, Judge(edits, connector.phone_region, strategy, run_id, now))
    missing = states.read_missing(engine, connector.name, organization, fetched.missing)
    relinked = {one.before for one in plan.relinked}
    plan.missing = [link for link in missing if link.external_id not in relinked]
    plan.counts.missing = len(plan.missing)
    if plan.full and not accept_changes:
        newly_gone = sum(not link.missing for link in missing)
        guard.check(
            guard.count(fetched.known, newly_gone, len(plan.spoiled), plan.upheaval),
            connector.name,
            organization,
            connector.guard_percent,
        )
    return plan


def _read(engine: Engine, connector: str, organization: str, fetched: Fetched) -> Known:
    links = states.read_links(engine, connector, organization, fetched.records)
    wanted: set[str] = set()
    emails: set[str] = set()
    for external_id, found in fetched.records.items():
        link = links.get(external_id)
        account, email = found.values.get("discord_id"), found.values.get("email")
        if account and not (link and link.ours.values["discord_id"] == account):
            wanted.add(account)
        if email and link is None:
            emails.add(email)
    known = Known(
        links,
        states.read_accounts(engine, connector, organization, wanted),
        states.read_emails(engine, connector, organization, emails),
    )
    gone = _gone(fetched)
    held = {one.external_id for one in known.candidates() if one.external_id in gone}
    known.gone = states.read_links(engine, connector, organization, filter(None, held))
    return known


def _gone(fetched: Fetched) -> set[str]:
    """The records that are certainly not there any more, of which only a full read can tell.

    A record whose external id cannot be read may be any of them.
    """
    has_all_ids = all(rejection.external_id is not None for rejection in fetched.rejections)
    return set(fetched.missing) if has_all_ids else set()


def _take_off(
    engine: Engine, plan: FederationPlan, external_id: str, configured: Collection[str]
) -> None:
    """The federation no longer has a member: not active, unless another organization has them."""
    plan.missing = states.read_missing(engine, plan.connector, plan.organization, [external_id])
    plan.counts.missing = len(plan.missing)
    plan.left = states.read_leaving(engine, plan.missing, configured)
    plan.counts.deactivated = len(plan.left)
