"""Syncs organizations by the engine alone, without a queue and its runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.cli import Cli
from tests.support.federation import ORGANIZATION
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import (
    Conflict,
    FederationSource,
    Member,
    MemberEdit,
    MemberLink,
)
from trcpoints.federation.config import Connector, load_federations
from trcpoints.federation.conflicts import Strategy
from trcpoints.federation.connectors import Source
from trcpoints.federation.engine import FederationPlan, apply, fetch, settle

NOW = datetime(2026, 1, 19, 3, tzinfo=UTC)

Record = Mapping[str, object]
Rows = list[dict[str, Any]]

TOML = """
[connectors.gaa]
kind = "csv"
path = "{organization}.csv"
phone_region = "IE"
[connectors.gaa.organizations.st-judes]
[connectors.gaa.organizations.na-fianna]
[connectors.gaa.values.subscription_status]
paid = "ACTIVE"
lapsed = "CANCELLED"
[connectors.gaa.fields]
external_id = "id"
first_name = "first_name"
last_name = "last_name"
date_of_birth = "date_of_birth"
email = "email"
phone = "phone"
address = "address"
discord_id = "discord_id"
subscription_status = "subscription_status"
"""


class Listed:
    """A source whose records are in memory: the way of the data is the same from there on."""

    can_ask_for_one = True

    def __init__(self, *records: Record) -> None:
        self.listed = list(records)

    def records(
        self, organization: str, beat: Callable[[], None]
    ) -> Generator[Mapping[str, object]]:
        beat()
        yield from self.listed

    def record(self, organization: str, external_id: str) -> Mapping[str, object] | None:
        return next((one for one in self.listed if one["id"] == external_id), None)


class Federation:
    """A connector, and the program whose members it syncs."""

    def __init__(self, cli: Cli, folder: Path, toml: str = TOML) -> None:
        self.cli = cli
        file = folder / "federations.toml"
        file.write_text(toml, encoding="utf-8")
        self.connector: Connector = load_federations(file, {}).connectors["gaa"]
        self.strategy: Strategy = "federation_wins"
        self.runs = 0

    def sync(
        self,
        *records: Record,
        source: Source | None = None,
        organization: str = ORGANIZATION,
        external_id: str | None = None,
        accept_changes: bool = True,
        now: datetime = NOW,
    ) -> FederationPlan:
        """Fetch, settle and apply."""
        self.runs += 1
        run_id, beat = f"run-{self.runs}", lambda: None
        with open_database(self.cli.environment["DATABASE_URL"], Access.WRITE) as engine:
            fetched = fetch(
                engine,
                source or Listed(*records),
                self.connector,
                organization,
                beat=beat,
                external_id=external_id,
            )
            with engine.books():
                plan = settle(
                    engine,
                    fetched,
                    connector=self.connector,
                    organization=organization,
                    run_id=run_id,
                    now=now,
                    strategy=self.strategy,
                    accept_changes=accept_changes,
                    configured=[
                        self.connector.scope(name) for name in self.connector.organizations
                    ],
                )
                apply(engine, plan, run_id=run_id, now=now)
        return plan

    def by_hand(self, member_id: object, *, by: str = "ann", **values: str) -> None:
        """Change a member by hand."""
        spelt = {"subscription_status": "status"}
        options = [f"--{spelt.get(n, n).replace('_', '-')}={v}" for n, v in values.items()]
        self.cli.ok("members", "set", str(member_id), "--by", by, *options)

    def member(self, external_id: str, organization: str = ORGANIZATION) -> dict[str, Any]:
        """The member of a record, as the program exports them."""
        [link] = [
            link
            for link in self.links()
            if (link["external_id"], link["organization"]) == (external_id, organization)
        ]
        return self.members()[link["member"]]

    def members(self) -> dict[int, dict[str, Any]]:
        """All members, by id."""
        return {row["id"]: row for row in self._rows(Member)}

    def links(self) -> Rows:
        return self._rows(MemberLink)

    def conflicts(self) -> Rows:
        return self._rows(Conflict)

    def edits(self) -> set[tuple[int, str, str]]:
        """Member id, field, and who set it."""
        return {(row["member"], row["field"], row["modified_by"]) for row in self._rows(MemberEdit)}

    def sources(self) -> Rows:
        return self._rows(FederationSource)

    def everything(self) -> tuple[object, ...]:
        """All that a sync may write, but when an organization was synced."""
        return self.members(), self.links(), self.conflicts(), self._rows(MemberEdit)

    def _rows(self, model: Any) -> Rows:
        with open_database(self.cli.environment["DATABASE_URL"], Access.READ):
            return [*model.select().order_by(model._meta.primary_key).dicts()]
