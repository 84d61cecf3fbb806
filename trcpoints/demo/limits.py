"""How a server treats the `limit` of a request: it may refuse one, or give fewer players."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trcpoints.demo.faults import Fault
from trcpoints.demo.misbehaviour import How, Reply, error_reply, number_in
from trcpoints.demo.world import Envelope, World


def page_of(world: World, number: int, limit: int, fault: Fault, how: How) -> Envelope:
    """A page of the board, capped in either way where the fault is one of these."""
    most = _most(how)
    if fault is Fault.CAPPED:
        return world.page(number, min(limit, most))
    envelope = world.page(number, limit)
    if fault is Fault.CAPPED_WITH_GAPS:
        del envelope.players[most:]
    return envelope


def _most(how: How) -> int:
    return int(number_in(how, "most", 100))


def _refuse_large(limit: int, how: How) -> Reply | None:
    most = _most(how)
    message = f"limit: must be less than or equal to {most}"
    return _refused_limit(message, how) if limit > most else None


def _refuse_one(limit: int, how: How) -> Reply | None:
    message = "limit: must be greater than or equal to 10"
    return _refused_limit(message, how) if limit == 1 else None


def _refused_limit(message: str, how: How) -> Reply:
    return error_reply(int(number_in(how, "status", 400)), message)


LIMITS: Mapping[Fault, Callable[[int, How], Reply | None]] = {
    Fault.LIMIT_REFUSED: _refuse_large,
    Fault.LIMIT_OF_ONE_REFUSED: _refuse_one,
}
"""Faults that refuse some limits, and answer others well."""
