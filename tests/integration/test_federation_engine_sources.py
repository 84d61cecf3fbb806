"""Organizations of the simulated federation, through the connectors that read them (section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.engine import Federation
from tests.support.federation import PAGINGS, QUICK, connector, csv_toml, http_toml, now
from trcpoints.demo.federation import SimulatedFederation
from trcpoints.demo.federation_faults import FederationFault
from trcpoints.errors import SourceUnavailable
from trcpoints.federation.connectors import open_source
from trcpoints.federation.engine import FederationPlan

pytestmark = pytest.mark.slow_on_postgresql

KINDS = [*PAGINGS, "csv"]


@pytest.fixture
def club() -> Iterator[SimulatedFederation]:
    with SimulatedFederation() as server:
        yield server


@pytest.fixture(params=KINDS)
def federation(
    request: pytest.FixtureRequest, cli: Cli, club: SimulatedFederation, tmp_path: Path
) -> Federation:
    toml = (
        csv_toml(f'url = "{club.csv_url}"')
        if request.param == "csv"
        else http_toml(club, request.param)
    )
    made = Federation(cli, tmp_path)
    made.connector = connector(tmp_path, toml)
    return made


def sync(
    federation: Federation, external_id: str | None = None, organization: str = "st-judes"
) -> FederationPlan:
    with open_source(federation.connector, now, limits=QUICK) as source:
        return federation.sync(source=source, external_id=external_id, organization=organization)


def test_a_year_of_an_organization(federation: Federation, club: SimulatedFederation) -> None:
    assert sync(federation).counts.created == 25
    assert sync(federation, organization="na-fianna").counts.created == 12
    before = federation.everything()
    assert sync(federation).counts.unchanged == 25
    assert federation.everything() == before
    club.members.change("st-judes", "M0003", firstName="Zoe", lastName="Zed")
    club.members.remove("st-judes", "M0004")
    club.members.add("st-judes", {**club.members.all("st-judes")[0], "memberId": "X1"})
    plan = sync(federation)
    found = plan.counts
    assert (found.updated, found.unchanged, found.missing) == (1, 23, 1)
    # X1 has the e-mail of M0001, who has a record there, and their account if there is one.
    assert found.created + found.rejected == 1
    assert federation.member("M0003")["name"] == "Zoe Zed"
    assert [one.external_id for one in plan.missing] == ["M0004"]
    assert federation.cli.ok("points", "verify")["faults"] == []
    assert federation.cli.ok("members", "list", "--limit", "1")["total"] == 37 + found.created


def test_a_read_that_breaks_off_changes_nothing(
    federation: Federation, club: SimulatedFederation
) -> None:
    sync(federation)
    for number in range(1, 26):
        club.members.change("st-judes", f"M{number:04}", address="elsewhere")
    before = federation.everything(), federation.sources()
    last = 0 if federation.connector.kind == "csv" else 3
    club.misbehave(FederationFault.UNAVAILABLE, page=last)
    with pytest.raises(SourceUnavailable):
        sync(federation)
    assert (federation.everything(), federation.sources()) == before
    club.behave()
    assert sync(federation).counts.updated == 25


def test_one_member_over_http(cli: Cli, club: SimulatedFederation, tmp_path: Path) -> None:
    federation = Federation(cli, tmp_path)
    federation.connector = connector(tmp_path, http_toml(club))
    sync(federation)
    club.members.change("st-judes", "M0003", firstName="Zoe")
    club.members.change("st-judes", "M0005", firstName="Zoe")
    assert sync(federation, "M0003").counts.updated == 1
    assert federation.member("M0003")["first_name"] == "Zoe"
    assert federation.member("M0005")["first_name"] != "Zoe"
    club.members.remove("st-judes", "M0003")
    assert sync(federation, "M0003").counts.deactivated == 1
    assert federation.member("M0003")["active"] is False


@pytest.mark.parametrize(
    ("fault", "rejected"),
    [
        (FederationFault.DUPLICATE_ID, 0),
        (FederationFault.NO_ID, 1),
        (FederationFault.HALF_A_PAIR, 1),
    ],
)
def test_odd_records_hold_back_no_others(
    cli: Cli, club: SimulatedFederation, tmp_path: Path, fault: FederationFault, rejected: int
) -> None:
    federation = Federation(cli, tmp_path)
    federation.connector = connector(tmp_path, http_toml(club))
    club.misbehave(fault, page=2)
    counts = sync(federation).counts
    # The very same record again is no other one.
    created = 25 if fault is FederationFault.DUPLICATE_ID else 24
    assert (counts.created, counts.rejected) == (created, rejected)
    club.behave()
    counts = sync(federation).counts
    assert (counts.created, counts.unchanged, counts.rejected) == (25 - created, created, 0)
