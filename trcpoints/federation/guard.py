"""The mass-change guard of a federation's organization (design, sections 2.5 and 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trcpoints.errors import MassChangeRefused
from trcpoints.federation.changes import Changes
from trcpoints.guards import is_mass_change

ACCEPT_CHANGES = "--accept-changes"

_LOOK = "See why records are rejected: trcpoints federation check. "


@dataclass(frozen=True, slots=True)
class Upheaval:
    """How many of the known records of an organization are not what they were.

    `known` are those of earlier reads that were not missing then. `rejected` ones were taken then,
    and cannot be taken any more. `changed` are those where the federation's word is another than
    at the base and than ours, or where a field that is mapped for the first time would replace
    what we have; `losing` counts them by each field that they have lost, `replacing` by each such
    field.
    """

    known: int
    gone: int
    rejected: int
    changed: int
    losing: Mapping[str, int]
    replacing: Mapping[str, int]


def count(known: int, gone: int, rejected: int, changes: Iterable[Changes]) -> Upheaval:
    """Count a full read; `changes` are those of the known records."""
    changed = 0
    losing: Counter[str] = Counter()
    replacing: Counter[str] = Counter()
    for record in changes:
        changed += bool(record.moved or record.replaced)
        losing.update(record.lost)
        replacing.update(record.replaced)
    return Upheaval(known, gone, rejected, changed, losing, replacing)


def check(upheaval: Upheaval, connector: str, organization: str, percent: int) -> None:
    """Raise MassChangeRefused where at least AT_LEAST and more than `percent` of the known records
    are gone, rejected or changed at once: a word that the federation spells anew, say, would keep
    every member as they are for ever, and a field that is mapped to the wrong column would replace
    what everybody has of it. Filling what is empty is no upheaval.
    """
    affected = upheaval.gone + upheaval.rejected + upheaval.changed
    if not is_mass_change(affected, upheaval.known, percent):
        return
    happened = (
        f"{affected:,} of {upheaval.known:,} known records of {connector}/{organization} would "
        f"change at once ({_parts(upheaval)})."
    )
    raise MassChangeRefused(
        f"{happened} Nothing was changed.",
        hint=(
            f"{_LOOK if upheaval.rejected else ''}"
            f"If the federation is right: trcpoints federation sync {ACCEPT_CHANGES} "
            f"--connector {connector} --organization {organization}. Else mend the cause and run "
            "trcpoints federation sync again."
        ),
        option=ACCEPT_CHANGES,
        figures={"records": affected},
        question=f"{happened} Change them?",
    )


def _parts(upheaval: Upheaval) -> str:
    parts = [f"{upheaval.gone:,} gone", f"{upheaval.changed:,} changed"]
    parts += [f"{upheaval.rejected:,} rejected"] if upheaval.rejected else []
    parts += [f"{number:,} losing their {field}" for field, number in _most(upheaval.losing)]
    parts += [
        f"{number:,} by their {field}, which is mapped for the first time"
        for field, number in _most(upheaval.replacing)
    ]
    return ", ".join(parts)


def _most(fields: Mapping[str, int]) -> list[tuple[str, int]]:
    """The three fields of which there are the most."""
    return sorted(fields.items(), key=lambda entry: (-entry[1], entry[0]))[:3]
