"""Members, alone and in lists."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from trcpoints.documents import Document, ErrorInfo, HoldEnding, HoldKind, Moment
from trcpoints.documents.points import LedgerRow


class MemberRow(Struct, kw_only=True):
    """One member in a list.

    `awaiting_baseline`: the next XP that a sync sees is a baseline. `held_at`: a change of their
    XP since then waits for a decision.
    """

    member_id: str
    discord_id: str | None
    name: str | None
    email: str | None
    subscription_status: str
    active: bool
    points: int
    xp_total: int | None
    left_at: Moment | None
    held_at: Moment | None
    awaiting_baseline: bool


class MembersImportChange(Struct, kw_only=True):
    """A field that an import changes, from `ours` to `theirs`.

    `record` is the number of the line or record. A member who is created has no `member_id` yet.
    """

    record: int
    member_id: str | None
    name: str | None
    field: str
    ours: str | None
    theirs: str | None


class MembersImportDocument(Document, kw_only=True, tag="trcpoints.members.import/1"):
    """A file of members that was imported; a dry run writes nothing.

    `relinked` are the linked members who get another Discord account, `unlinked` those who get
    none. `changes` is there with `--dry-run` only.
    """

    status: Literal["completed", "failed"] = "completed"
    dry_run: bool = False
    records: int
    created: int
    updated: int
    unchanged: int
    relinked: int = 0
    unlinked: int = 0
    error: ErrorInfo | None = None
    changes: list[MembersImportChange] | UnsetType = UNSET


class MembersListDocument(Document, kw_only=True, tag="trcpoints.members.list/1"):
    """Members, in the order of their ids. `total` counts all that the filters let through."""

    total: int
    members: list[MemberRow]


class MemberDetail(MemberRow, kw_only=True):
    """Everything that is kept of one member.

    `rebaseline` asks for a baseline: a member who is linked and active is awaiting it.
    `judged_through` is the ISO date of the last day that the streak knows of.
    """

    carry: int
    rebaseline: bool
    current_streak: int
    longest_streak: int
    streak_paused: bool
    judged_through: str | None
    last_active_at: Moment | None
    created_at: Moment
    updated_at: Moment
    first_name: str | None
    last_name: str | None
    date_of_birth: str | None
    phone: str | None
    address: str | None


class ActivityRow(Struct, kw_only=True):
    """One activity record. A baseline has no `xp_delta`."""

    discord_id: str
    activity_type: str
    xp_delta: int | None
    xp_total: int
    synced_at: Moment
    sync_id: str


class MemberLinkRow(Struct, kw_only=True):
    """A member as a record of a federation.

    `last_synced_at` is when that record was last seen and not rejected; `missing_since`, when a
    read of all records no longer had it.
    """

    connector: str
    organization: str
    external_id: str
    last_synced_at: Moment
    missing_since: Moment | None


class MemberEditRow(Struct, kw_only=True):
    """A field that was last set by hand, by whom."""

    field: str
    modified_by: str
    modified_at: Moment


class MemberHold(Struct, kw_only=True):
    """A change of a member's XP that waited, or still does. `xp_seen` is what was seen last.

    `made_by` is who ended it at `ended_at`: a person, the sync, or a federation.
    """

    since: Moment
    kind: HoldKind
    xp_tracked: int
    xp_seen: int
    points: int
    accepted_by: str | None
    accepted_at: Moment | None
    ended_at: Moment | None
    ending: HoldEnding | None
    made_by: str | None


class MembersShowDocument(Document, kw_only=True, tag="trcpoints.members.show/1"):
    """One member, with the newest entries of the ledger and records of activity first.

    `links` are the records of federations that the member is; `edits` say which fields a person
    has set; `holds` are the newest changes of XP that waited, or still do.
    """

    member: MemberDetail
    ledger: list[LedgerRow]
    activity: list[ActivityRow]
    links: list[MemberLinkRow]
    edits: list[MemberEditRow]
    holds: list[MemberHold]


class MembersAddDocument(Document, kw_only=True, tag="trcpoints.members.add/1"):
    """A member that was added."""

    member: MemberDetail


class MembersSetDocument(Document, kw_only=True, tag="trcpoints.members.set/1"):
    """A member as changed; `changed` names the fields."""

    changed: list[str]
    member: MemberDetail


class MembersRebaselineDocument(Document, kw_only=True, tag="trcpoints.members.rebaseline/1"):
    """Members whose next XP will be a baseline; `member` is the first of them."""

    member: MemberDetail
    members: list[MemberDetail]


class HeldMember(Struct, kw_only=True):
    """A member whose XP has changed more than can be, and what waits for a decision.

    `xp_tracked` is the XP in the books, `xp_seen` what the last sync saw, `points` what booking it
    would award or deduct. Once `accepted_by` is there, the next sync books it.
    """

    member_id: str
    discord_id: str
    name: str | None
    since: Moment
    kind: HoldKind
    xp_tracked: int
    xp_seen: int
    points: int
    accepted_by: str | None
    accepted_at: Moment | None


class MembersHeldDocument(Document, kw_only=True, tag="trcpoints.members.held/1"):
    """The members who are held, the longest first; `total` counts them all.

    `to_award` and `to_deduct`, both positive, are all points at stake.
    """

    total: int
    to_award: int
    to_deduct: int
    members: list[HeldMember]


class MembersAcceptDocument(Document, kw_only=True, tag="trcpoints.members.accept/1"):
    """Members of whom the next sync books what is held."""

    members: list[HeldMember]


class MembersExportDocument(Document, kw_only=True, tag="trcpoints.members.export/1"):
    """All members, complete."""

    members: list[MemberDetail]
