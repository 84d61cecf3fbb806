"""The proof that the books add up (design, sections 2.1 and 2.7), from the raw rows."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from peewee import JOIN, Case, fn

from trcpoints.db.engine import Engine
from trcpoints.db.models import Activity, LedgerEntry, Member
from trcpoints.documents import ErrorInfo
from trcpoints.documents.points import BookFault, DayFault, PointsVerifyDocument
from trcpoints.errors import BooksDoNotAddUp
from trcpoints.points.awards import ADJUSTMENT
from trcpoints.points.conversion import SYNC_SOURCE, XP_PER_POINT, convert
from trcpoints.points.derived import day_faults, streak_faults
from trcpoints.points.held import hold_faults

_NAMED = 20
"""Members that the message names; the document names all."""

Fault = tuple[int, str]
"""The id of a member and what does not add up."""


def verify(engine: Engine) -> PointsVerifyDocument:
    """Recompute balances, carries, XP, awards, streaks, holds and days from one snapshot's rows.

    Reading is enough; memory follows the faults and the longest history of one member. Raises
    BooksDoNotAddUp, whose document names every member that does not add up.
    """
    with engine.snapshot():
        faults = sorted(
            itertools.chain(
                _totals(engine),
                _repeated_keys(engine),
                _repeated_syncs(engine),
                _histories(engine),
                streak_faults(engine),
                hold_faults(engine),
            )
        )
        days = [DayFault(day=day, fault=fault) for day, fault in day_faults(engine)]
        document = PointsVerifyDocument(
            status="failed" if faults or days else "completed",
            members=Member.select().count(),
            entries=LedgerEntry.select().count(),
            activities=Activity.select().count(),
            faults=[BookFault(member_id=str(member), fault=fault) for member, fault in faults],
            days=days,
        )
    if document.status == "failed":
        raise _failure(document)
    return document


def _totals(engine: Engine) -> Iterator[Fault]:
    """Members whose balance, carry or last activity differs from the sums of their rows."""
    is_discord = LedgerEntry.source == SYNC_SOURCE
    is_activity = (LedgerEntry.points > 0) & (LedgerEntry.source != ADJUSTMENT)
    booked = (
        LedgerEntry.select(
            LedgerEntry.member,
            fn.SUM(LedgerEntry.points).alias("points"),
            fn.SUM(Case(None, [(is_discord, LedgerEntry.points)], 0)).alias("discord"),
            fn.MAX(Case(None, [(is_activity, LedgerEntry.occurred_at)])).alias("active_at"),
        )
        .group_by(LedgerEntry.member)
        .alias("booked")
    )
    seen = (
        Activity.select(Activity.member, fn.SUM(Activity.xp_delta).alias("xp"))
        .group_by(Activity.member)
        .alias("seen")
    )
    points = fn.COALESCE(booked.c.points, 0)
    discord = fn.COALESCE(booked.c.discord, 0)
    xp = fn.COALESCE(seen.c.xp, 0)
    stale = booked.c.active_at > Member.last_active_at
    stale |= booked.c.active_at.is_null(False) & Member.last_active_at.is_null()
    accounted = discord * XP_PER_POINT + Member.carry
    query = (
        Member.select(
            Member.id, Member.points, points, Member.carry, discord, xp, Case(None, [(stale, 1)], 0)
        )
        .join(booked, JOIN.LEFT_OUTER, on=(booked.c.member_id == Member.id))
        .switch(Member)
        .join(seen, JOIN.LEFT_OUTER, on=(seen.c.member_id == Member.id))
        .where(
            (Member.points != points)
            | (accounted != xp)
            | (fn.ABS(Member.carry) >= XP_PER_POINT)
            | stale
        )
    )
    for member_id, *figures in engine.stream(query):
        for fault in _total_faults(*map(int, figures)):
            yield member_id, fault


def _total_faults(
    balance: int, points: int, carry: int, discord: int, xp: int, stale: int
) -> Iterator[str]:
    if balance != points:
        yield f"the balance is {balance:,}, but the ledger's entries make {points:,}"
    if discord * XP_PER_POINT + carry != xp:
        yield (
            f"{discord:,} points from Discord and a carry of {carry} do not account for "
            f"{xp:,} XP observed"
        )
    if abs(carry) >= XP_PER_POINT:
        yield f"the carry is {carry}, a whole point or more"
    if stale:
        yield "last_active_at is missing or older than the newest award that counts as activity"


def _repeated_keys(engine: Engine) -> Iterator[Fault]:
    repeated = (
        LedgerEntry.select(LedgerEntry.source, LedgerEntry.idempotency_key)
        .group_by(LedgerEntry.source, LedgerEntry.idempotency_key)
        .having(fn.COUNT(LedgerEntry.id) > 1)
        .alias("repeated")
    )
    query = (
        LedgerEntry.select(LedgerEntry.member, LedgerEntry.source, LedgerEntry.idempotency_key)
        .join(
            repeated,
            on=(
                (LedgerEntry.source == repeated.c.source)
                & (LedgerEntry.idempotency_key == repeated.c.idempotency_key)
            ),
        )
        .distinct()
    )
    for member_id, source, key in engine.stream(query):
        yield member_id, f"the key {key!r} of source {source!r} is in the ledger more than once"


def _repeated_syncs(engine: Engine) -> Iterator[Fault]:
    query = (
        Activity.select(Activity.member, Activity.sync_id)
        .group_by(Activity.member, Activity.sync_id)
        .having(fn.COUNT(Activity.id) > 1)
    )
    for member_id, sync_id in engine.stream(query):
        yield member_id, f"sync {sync_id} left more than one activity record"


def _histories(engine: Engine) -> Iterator[Fault]:
    """Members whose records do not follow from each other, or whose awards not from them."""
    records = _ByMember(
        engine.stream(
            Activity.select(
                Activity.member, Activity.sync_id, Activity.xp_delta, Activity.xp_total
            ).order_by(Activity.member, Activity.id)
        )
    )
    awards = _ByMember(
        engine.stream(
            LedgerEntry.select(LedgerEntry.member, LedgerEntry.sync_id, LedgerEntry.points)
            .where(LedgerEntry.source == SYNC_SOURCE)
            .order_by(LedgerEntry.member)
        )
    )
    for member_id, xp_total in engine.stream(
        Member.select(Member.id, Member.xp_total).order_by(Member.id)
    ):
        fault = _history_fault(records.of(member_id), awards.of(member_id), xp_total)
        if fault is not None:
            yield member_id, fault


def _history_fault(
    records: Iterable[tuple[str, int | None, int]],
    awards: Iterable[tuple[str, int]],
    xp_total: int | None,
) -> str | None:
    """The first thing that is wrong with one member's history, replayed from its beginning."""
    booked = Counter[str]()
    for sync_id, points in awards:
        booked[sync_id] += points
    carry, xp = 0, None
    for sync_id, delta, total in records:
        if delta is not None and xp is None:
            return f"sync {sync_id} left the first activity record, which is no baseline"
        if delta is not None and xp is not None and xp + delta != total:
            return (
                f"sync {sync_id} recorded {total:,} XP; {xp:,} and {delta:+,} make {xp + delta:,}"
            )
        xp = total
        points, carry = convert(carry, delta or 0)
        if (found := booked.pop(sync_id, 0)) != points:
            return f"sync {sync_id} should have moved {points:,} points; the ledger has {found:,}"
    if booked:
        return f"sync {min(map(str, booked))} moved points without an activity record"
    if xp_total is not None and xp != xp_total:
        last = "none" if xp is None else f"{xp:,}"
        return f"the XP is {xp_total:,}, but the last activity record says {last}"
    return None


class _ByMember:
    """Hands out rows member by member; rows and questions come in the order of member ids."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, member_id: int) -> Iterator[tuple[Any, ...]]:
        """The member's rows, without the member."""
        while self._next is not None and self._next[0] <= member_id:
            row, self._next = self._next, next(self._rows, None)
            if row[0] == member_id:
                yield row[1:]


def _failure(document: PointsVerifyDocument) -> BooksDoNotAddUp:
    by_member: dict[str, list[str]] = {}
    for fault in document.faults:
        by_member.setdefault(fault.member_id, []).append(fault.fault)
    lines = [
        *_told("member", "The books of", by_member),
        *_told("day", "The points of", {day.day: [day.fault] for day in document.days}),
    ]
    failure = BooksDoNotAddUp(
        "\n".join(lines),
        hint="Nothing was changed. See a member's rows: trcpoints members show ID; "
        "compute streaks and days anew: trcpoints streaks rebuild",
    )
    document.error = ErrorInfo(failure.code, failure.message, failure.hint)
    failure.document = document
    return failure


def _told(noun: str, what: str, faults: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """One line on how many members or days there are, and one for each of the first of them."""
    if not faults:
        return
    count = len(faults)
    yield f"{what} {count:,} {noun + (' does' if count == 1 else 's do')} not add up."
    for name, reasons in itertools.islice(faults.items(), _NAMED):
        yield f"{noun} {name}: {'; '.join(reasons)}"
    if count > _NAMED:
        yield f"and {count - _NAMED:,} more"
