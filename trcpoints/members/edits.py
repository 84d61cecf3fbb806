"""Who set which field of a member by hand, for the federations to respect (design, section 8)."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Sequence
from datetime import datetime

from trcpoints.db.engine import Engine, portions
from trcpoints.db.fields import to_text
from trcpoints.db.models import MemberEdit
from trcpoints.errors import UsageFault
from trcpoints.records import why_unstorable

_COLUMNS = ("member_id", "field", "modified_by", "modified_at")


def editor(by: str | None) -> str:
    """The name of the person who changes something: as said, else their login name.

    Raises UsageFault for a name that cannot be kept.
    """
    if by is None:
        return _login_name()
    name = by.strip()
    if fault := why_unstorable(name) or (None if name else "is empty"):
        raise UsageFault(f"The name of --by {fault}.", hint="Say who it is, like --by ann")
    return name


def note_edits(engine: Engine, edits: Iterable[tuple[int, str]], by: str, now: datetime) -> None:
    """Note that fields of members were set by hand, inside `engine.books()`.

    `edits` are member ids with the field, each pair once.
    """
    at = to_text(now)
    for portion in portions(edits):
        forget_edits(engine, portion)
        rows = ((member_id, field, by, at) for member_id, field in portion)
        engine.insert_rows("member_edit", _COLUMNS, rows)


def forget_edits(engine: Engine, edits: Sequence[tuple[int, str]]) -> None:
    """Forget who set these fields of at most PORTION members, inside `engine.books()`."""
    wanted = set(edits)
    query = MemberEdit.select(MemberEdit.id, MemberEdit.member, MemberEdit.field).where(
        engine.is_among(MemberEdit.member, {member_id for member_id, _ in wanted})
    )
    ids = [key for key, member_id, field in engine.raw_rows(query) if (member_id, field) in wanted]
    if ids:
        MemberEdit.delete().where(engine.is_among(MemberEdit.id, ids)).execute()


def _login_name() -> str:
    try:
        name = getpass.getuser().strip()
    except (OSError, KeyError, ImportError):
        name = ""  # of a user who has none, as in a container
    return f"uid {os.getuid()}" if not name or why_unstorable(name) else name
