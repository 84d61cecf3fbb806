"""Whom the records of a file name, and what they change. Decides, without I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trcpoints.members.fields import FIELDS, Values, name_following, normalise
from trcpoints.members.lookup import LARGEST_ID
from trcpoints.records import Fault, Record, RecordFile, quoted

COLUMNS = ("member_id", *FIELDS)
"""What a record may have."""


@dataclass(frozen=True, slots=True)
class Known:
    """A member as the database has it; `values` are in the order of FIELDS."""

    id: int
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What a record makes of a member; `linked_anew` when it is another Discord account.

    `given` are the fields that the record itself changes: a name that follows is none of them.
    `line` is the number of the record, `before` what the values were.
    """

    id: int
    line: int
    before: tuple[str | None, ...]
    values: tuple[str | None, ...]
    given: tuple[str, ...]
    linked_anew: bool


@dataclass(slots=True)
class ImportPlan:
    """What a file of members comes to. Nothing of it may be written while there are faults.

    What the file does not say of a member who is created is None; `created_lines` are the numbers
    of their records. `linked` are the members who had a Discord account before.
    """

    created: list[tuple[str | None, ...]] = field(default_factory=list)
    created_lines: list[int] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    linked: int = 0
    faults: list[Fault] = field(default_factory=list)


def plan_import(file: RecordFile, known: Iterable[Known]) -> ImportPlan:
    """Decide for each record whether it creates, changes or leaves a member.

    A member is found by id, else by Discord account, else by e-mail; whoever is found by none of
    these is new. A record without any of the three is refused: a name tells no member from
    another. The plan of a file that was imported just now changes nothing.
    """
    planner = _Planner(known, file.unit)
    normalised = [(record.line, *_normalised(record)) for record in file.records]
    planner.note_shared_keys(values for _, values, faults in normalised if not faults)
    for line, values, faults in normalised:
        if faults:
            planner.plan.faults.extend((line, fault) for fault in faults)
        else:
            planner.take(line, values)
    return planner.plan


class _Unfit(Exception):
    """Why a record cannot be imported."""


def _normalised(record: Record) -> tuple[Values, list[str]]:
    given = dict(record.values)
    member_id = (given.pop("member_id", None) or "").strip()
    values, faults = normalise(given)
    if member_id:
        values["member_id"] = member_id
    return values, faults


class _Planner:
    """The members by what they are found by, and what the lines so far have claimed."""

    def __init__(self, known: Iterable[Known], unit: str) -> None:
        self.plan = ImportPlan()
        self._unit = unit
        self._by_id: dict[int, Known] = {}
        self._by_discord_id: dict[str, Known] = {}
        self._by_email: defaultdict[str, list[Known]] = defaultdict(list)
        for member in known:
            self._index(member)
        self.plan.linked = len(self._by_discord_id)
        self._email_lines: defaultdict[str, int] = defaultdict(int)
        self._line_of_member: dict[int, int] = {}
        self._line_of_account: dict[str, int] = {}

    def _index(self, member: Known) -> None:
        discord_id, _, email = member.values[:3]
        self._by_id[member.id] = member
        if discord_id:
            self._by_discord_id[discord_id] = member
        if email:
            self._by_email[email].append(member)

    def note_shared_keys(self, lines: Iterable[Mapping[str, str | None]]) -> None:
        """Count the lines that have an e-mail."""
        for values in lines:
            if email := values.get("email"):
                self._email_lines[email] += 1

    def take(self, line: int, values: Values) -> None:
        """Plan one record, or note why it cannot be."""
        try:
            member = self._find(values)
            self._claim_account(line, values.get("discord_id"), member)
            if member is None:
                self._create(line, values)
            else:
                self._claim_member(line, member)
                self._change(line, member, values)
        except _Unfit as unfit:
            self.plan.faults.append((line, str(unfit)))

    def _find(self, values: Values) -> Known | None:
        if member_id := values.pop("member_id", None):
            return self._find_by_id(member_id)
        discord_id = values.get("discord_id")
        if discord_id and discord_id in self._by_discord_id:
            return self._by_discord_id[discord_id]
        if email := values.get("email"):
            return self._find_by_email(email, linking=discord_id is not None)
        if discord_id is None:
            raise _Unfit("names nobody: no member_id, no discord_id and no email")
        return None

    def _find_by_id(self, text: str) -> Known:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
        if not 0 < number <= LARGEST_ID or number not in self._by_id:
            raise _Unfit(f"there is no member {quoted(text)}; leave member_id out to create one")
        return self._by_id[number]

    def _find_by_email(self, email: str, *, linking: bool) -> Known | None:
        # Families share addresses: an account we do not know is not that of a linked member.
        found = [m for m in self._by_email.get(email, ()) if not (linking and m.values[0])]
        if len(found) > 1:
            raise _Unfit(f"e-mail {quoted(email)} is shared by members {_ids(found)}; {_TELL}")
        if not linking and self._email_lines[email] > 1:
            raise _Unfit(f"e-mail {quoted(email)} is in several records of this file; {_TELL}")
        return found[0] if found else None

    def _claim_account(self, line: int, discord_id: str | None, member: Known | None) -> None:
        if discord_id is None:
            return
        holder = self._by_discord_id.get(discord_id)
        if holder is not None and holder is not member:
            raise _Unfit(f"Discord account {discord_id} is linked to member {holder.id} already")
        if (first := self._line_of_account.setdefault(discord_id, line)) != line:
            raise _Unfit(f"Discord account {discord_id} is in {self._unit} {first} already")

    def _claim_member(self, line: int, member: Known) -> None:
        if (first := self._line_of_member.setdefault(member.id, line)) != line:
            raise _Unfit(
                f"is about member {member.id}, as {self._unit} {first} is already; "
                "say by member_id who each of them is"
            )

    def _create(self, line: int, values: Values) -> None:
        self.plan.created.append(tuple(values.get(name) for name in FIELDS))
        self.plan.created_lines.append(line)

    def _change(self, line: int, member: Known, values: Values) -> None:
        before = dict(zip(FIELDS, member.values, strict=True))
        given = {name: new for name, new in values.items() if new != before[name]}
        if not given:
            self.plan.unchanged += 1
            return
        # What the record says of the name stays, even where it says what is there already.
        name = name_following(before["name"], before, given) if "name" not in values else {}
        after = {**before, **name, **given}
        self.plan.changed.append(
            Change(
                id=member.id,
                line=line,
                before=member.values,
                values=tuple(after.values()),
                given=tuple(given),
                linked_anew="discord_id" in given,
            )
        )


_TELL = "say who it is by member_id or discord_id"


def _ids(members: Sequence[Known]) -> str:
    shown = ", ".join(str(member.id) for member in members[:10])
    return shown if len(members) <= 10 else f"{shown}, …"
