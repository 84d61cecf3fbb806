"""What the records of an organization make of its members (design, section 8). No I/O.

The records are looked at together, so that their order makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct, field

from trcpoints.federation import conflicts
from trcpoints.federation.changes import Changes
from trcpoints.federation.conflicts import Conflict, Decision, Strategy
from trcpoints.federation.engine import accounts
from trcpoints.federation.engine.accounts import Claim
from trcpoints.federation.engine.fetching import Fetched, Found, Rejection
from trcpoints.federation.engine.matching import Known, Matched, adopt, linked, owner
from trcpoints.federation.engine.states import Edits, MissingLink, Ours
from trcpoints.members.fields import composed_name, name_following


class FederationCounts(Struct):
    """The records of a read, and what else came of it.

    Each record is one of created, updated (the member was changed, or matched for the first
    time), unchanged and rejected. Of the updated ones, `relinked` had another external id before.
    `missing` are the known ones that were not there. `conflicts` are the fields that both sides
    had changed; the strategy has `resolved` all of them. `deactivated` are members whom the
    federation has taken off its list.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    relinked: int = 0
    missing: int = 0
    conflicts: int = 0
    resolved: int = 0
    deactivated: int = 0


class Decided(Struct, frozen=True, gc=False):
    """What becomes of a record: `values` are to be written, by the column of the member.

    `ours` is None for a member to be created, `link_id` for one who is matched for the first time.
    """

    external_id: str
    digest: str
    base: dict[str, str | None]
    values: dict[str, str | None]
    ours: Ours | None
    link_id: int | None

    @property
    def is_written(self) -> bool:
        """Whether a known member is to be changed."""
        return self.ours is not None and (bool(self.values) or not self.ours.active)


class Relinked(Struct, frozen=True, gc=False):
    """A known record that has another external id now; `before` is the one it had."""

    link_id: int
    before: str
    external_id: str
    member_id: int


class ConflictRow(Struct, frozen=True, gc=False):
    """A conflict as it is recorded, by the columns of `trcpoints.db.models.Conflict`."""

    run_id: str
    member_id: int
    connector: str
    organization: str
    field: str
    base: str | None
    federation: str | None
    ours: str | None
    resolved: str | None
    strategy: str
    note: str
    created_at: datetime


class FederationPlan(Struct):
    """Everything that a sync of an organization will write, and its figures.

    `full` says that all records were read. `missing` are the known records that are not there,
    `relinked` those that are there under another external id; `left` the members to be marked as
    not active; `cleared` the ids of the edits by hand that the federation's values replace.
    `upheaval` are the changes of the records that were there at the last read, `spoiled` those of
    them that were taken then and are rejected now: the mass-change guard counts both.
    """

    connector: str
    organization: str
    full: bool
    counts: FederationCounts = field(default_factory=FederationCounts)
    decided: list[Decided] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    relinked: list[Relinked] = field(default_factory=list)
    missing: list[MissingLink] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    cleared: list[int] = field(default_factory=list)
    conflicts: list[ConflictRow] = field(default_factory=list)
    upheaval: list[Changes] = field(default_factory=list)
    spoiled: list[str] = field(default_factory=list)


class Judge(Struct):
    """By what the records are decided: edits by hand, the connector's region and strategy.

    `run_id` and `now` are recorded with the conflicts.
    """

    edits: Edits
    region: str | None
    strategy: Strategy
    run_id: str
    now: datetime


def decide(plan: FederationPlan, fetched: Fetched, known: Known, judge: Judge) -> None:
    """Fill in a plan by the records that were read and what the database has."""
    verdicts = [_verdict(one, judge) for one in linked(fetched, known)]
    new = {name: found for name, found in fetched.records.items() if name not in known.links}
    refused = accounts.refused([*_moves(verdicts), *_claims(new, known)], known.accounts)
    plan.spoiled = [*fetched.spoiled]
    for verdict in verdicts:
        name, link = verdict.matched.external_id, verdict.matched.link
        if name in refused:
            plan.spoiled += [] if name in fetched.unsettled else [name]
        elif link is not None and verdict.changes is not None and not link.missing:
            plan.upheaval.append(verdict.changes)
    matching = adopt({name: new[name] for name in new if name not in refused}, known, judge.edits)
    for verdict in [*verdicts, *(_verdict(one, judge) for one in matching.matched)]:
        if verdict.matched.external_id not in refused:
            _take(plan, verdict, judge)
    plan.rejections = [*fetched.rejections, *matching.rejections]
    plan.rejections += [Rejection(name, reason) for name, reason in refused.items()]
    plan.counts.unchanged += fetched.unchanged
    plan.counts.relinked = len(plan.relinked)
    plan.counts.rejected = len(plan.rejections)


class _Verdict(Struct, frozen=True, gc=False):
    matched: Matched
    decided: Decided
    conflicts: tuple[Conflict, ...] = ()
    changes: Changes | None = None


def _verdict(one: Matched, judge: Judge) -> _Verdict:
    ours = one.ours
    if ours is None:
        made = conflicts.create(one.found.values)
        name = {"name": composed_name(made.values)}
        return _Verdict(one, _decided(one, made, name))
    by_hand = judge.edits.get(ours.member_id, {})
    decision, changes = conflicts.decide(
        one.found.values,
        ours.values,
        None if one.link is None else one.link.base,
        {field: edit.modified_by for field, edit in by_hand.items()},
        region=judge.region,
        strategy=judge.strategy,
    )
    name = name_following(ours.name, ours.values, decision.values)
    return _Verdict(one, _decided(one, decision, name), decision.conflicts, changes)


def _decided(one: Matched, decision: Decision, name: dict[str, str | None]) -> Decided:
    return Decided(
        external_id=one.external_id,
        digest=one.found.digest,
        base=decision.base,
        values={**decision.values, **name},
        ours=one.ours,
        link_id=None if one.link is None else one.link.link_id,
    )


def _moves(verdicts: list[_Verdict]) -> Iterator[Claim]:
    """The members of known records who are to have another account."""
    for verdict in verdicts:
        account = verdict.decided.values.get("discord_id")
        if account is not None:
            yield Claim(verdict.matched.external_id, account, verdict.decided.ours)


def _claims(new: Mapping[str, Found], known: Known) -> Iterator[Claim]:
    """The records that are not known, but for those that adopt whoever has their account."""
    for external_id, found in new.items():
        account = found.values.get("discord_id")
        if account is not None and owner(found, known) is None:
            yield Claim(external_id, account, None)


def _take(plan: FederationPlan, verdict: _Verdict, judge: Judge) -> None:
    decided, counts = verdict.decided, plan.counts
    plan.decided.append(decided)
    if decided.ours is None:
        counts.created += 1
        return
    link = verdict.matched.link
    if link is not None and verdict.matched.is_relinked:
        plan.relinked.append(
            Relinked(link.link_id, link.external_id, decided.external_id, link.ours.member_id)
        )
    if decided.is_written or decided.link_id is None or verdict.matched.is_relinked:
        counts.updated += 1
    else:
        counts.unchanged += 1
    member_id = decided.ours.member_id
    by_hand = judge.edits.get(member_id, {})
    plan.cleared += [by_hand[name].edit_id for name in decided.values if name in by_hand]
    counts.conflicts += len(verdict.conflicts)
    counts.resolved += len(verdict.conflicts)
    for conflict in verdict.conflicts:
        plan.conflicts.append(_recorded(plan, member_id, conflict, judge))


def _recorded(
    plan: FederationPlan, member_id: int, conflict: Conflict, judge: Judge
) -> ConflictRow:
    return ConflictRow(
        run_id=judge.run_id,
        member_id=member_id,
        connector=plan.connector,
        organization=plan.organization,
        field=conflict.field,
        base=conflict.base,
        federation=conflict.federation,
        ours=conflict.ours,
        resolved=conflict.resolved,
        strategy=conflict.strategy,
        note=conflict.note,
        created_at=judge.now,
    )
