"""Whom any records are does not depend on their order (design, section 8)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.cli import Cli
from tests.support.engine import Federation, Record
from trcpoints.config import sqlite_url

_record = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*(f"M{n}" for n in range(1, 8)), " M1", ""]),
        "first_name": st.sampled_from(["Ann", "Bo", ""]),
        "discord_id": st.sampled_from(["", "101", "102", "103", "104", "not a number"]),
        "email": st.sampled_from(["", "a@x.ie", "b@x.ie", "c@x.ie"]),
    }
)
_records = st.lists(_record, max_size=7)
_by_hand = st.lists(
    st.tuples(st.sampled_from(["", "102", "105"]), st.sampled_from(["a@x.ie", "b@x.ie", "d@x.ie"])),
    max_size=2,
    unique_by=lambda pair: pair[0] or pair,
)

Outcome = tuple[object, ...]


def outcome(
    folder: Path,
    template: Path,
    before: list[Record],
    by_hand: list[tuple[str, str]],
    now: list[Record],
) -> Outcome:
    """What comes of a read, after another and what was added by hand."""
    (folder / "work").mkdir(parents=True)
    path = folder / "books.db"
    shutil.copyfile(template, path)
    cli = Cli(folder / "work", {"DATABASE_URL": sqlite_url(path), "HOME": str(folder)})
    federation = Federation(cli, folder)
    federation.sync(*before)
    for account, email in by_hand:
        cli("members", "add", f"--discord-id={account}", f"--email={email}")
    there = set(federation.members())
    plan = federation.sync(*now)
    told = [
        (
            link["external_id"],
            link["member"] if link["member"] in there else "new",
            link["missing_since"] is None,
        )
        for link in federation.links()
    ]
    members = [
        (key if key in there else "new", one["first_name"], one["discord_id"], one["email"])
        for key, one in federation.members().items()
    ]
    relinked = [(one.before, one.external_id) for one in plan.relinked]
    return (
        *(sorted(rows, key=repr) for rows in (told, members, relinked, plan.rejections)),
        plan.counts,
    )


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture),
)
@given(data=st.data(), before=_records, by_hand=_by_hand, now=_records)
@example(
    data=None,
    before=[
        {"id": "M1", "first_name": "Ann", "discord_id": "101", "email": "a@x.ie"},
        {"id": "M2", "first_name": "Bo", "discord_id": "102", "email": "b@x.ie"},
    ],
    by_hand=[("", "a@x.ie")],
    now=[
        {"id": "M3", "first_name": "Ann", "discord_id": "", "email": "a@x.ie"},
        {"id": "M4", "first_name": "", "discord_id": "101", "email": "b@x.ie"},
        {"id": "M2", "first_name": "Bo", "discord_id": "103", "email": "b@x.ie"},
        {"id": "M5", "first_name": "Bo", "discord_id": "102", "email": "a@x.ie"},
    ],
)
def test_no_order_makes_a_difference(
    sqlite_template: Path,
    data: st.DataObject | None,
    before: list[Record],
    by_hand: list[tuple[str, str]],
    now: list[Record],
) -> None:
    order = list(reversed(now)) if data is None else data.draw(st.permutations(now))
    with tempfile.TemporaryDirectory() as name:
        outcomes = [
            outcome(Path(name) / str(n), sqlite_template, before, by_hand, records)
            for n, records in enumerate((now, order))
        ]
    assert outcomes[0] == outcomes[1]
