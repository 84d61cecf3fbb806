"""Reading a federation over HTTP, from the simulated one, on good days and bad ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.federation import (
    ORGANIZATION,
    QUICK,
    connector,
    http_toml,
    now,
    patience,
    read,
    read_one,
)
from trcpoints.demo.federation import TOKEN, SimulatedFederation
from trcpoints.demo.federation_faults import FederationFault
from trcpoints.errors import (
    RateLimited,
    SourceInvalid,
    SourceRefused,
    SourceUnavailable,
    TrcpointsError,
)
from trcpoints.federation.connectors import open_source

F = FederationFault


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedFederation]:
    with SimulatedFederation() as server:
        yield server


@pytest.fixture
def federation(running: SimulatedFederation) -> SimulatedFederation:
    """A federation that behaves: 25 members in st-judes, 12 in na-fianna, pages of 10."""
    running.behave()
    running.absolute_links = False
    running.first_page = 1
    running.token = TOKEN
    running.requests.clear()
    return running


def pages(federation: SimulatedFederation) -> list[int]:
    return [request.page for request in federation.requests]


def fails(
    federation: SimulatedFederation, folder: Path, paging: str = "next", *more: str
) -> TrcpointsError:
    with pytest.raises(TrcpointsError) as caught:
        read(connector(folder, http_toml(federation, paging, *more)))
    assert caught.value.hint
    return caught.value


def test_the_request(federation: SimulatedFederation, tmp_path: Path) -> None:
    before = federation.connections
    read(connector(tmp_path, http_toml(federation)))
    assert {request.token for request in federation.requests} == {TOKEN}
    headers = federation.requests[0].headers
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "gzip"
    assert headers["user-agent"].startswith("trcpoints/")
    assert federation.connections == before + 1


def test_a_name_is_encoded_into_the_address(tmp_path: Path) -> None:
    name = "a/b c?d=é&f"
    with SimulatedFederation({name: 3}) as federation:
        toml = http_toml(federation)
        gaa = connector(tmp_path, toml)
        assert len(read(gaa, name)) == 3
        federation.members.add(name, {**federation.members.all(name)[0], "memberId": "x/y?z#1"})
        found = read_one(gaa, "x/y?z#1", name)
        assert found is not None
        assert found["memberId"] == "x/y?z#1"
        assert federation.requests[-1].path.endswith(
            "/a%2Fb%20c%3Fd%3D%C3%A9%26f/members/x%2Fy%3Fz%231"
        )


# What becomes of every request going wrong: an error and its words; or how many records there are.
OUTCOMES: dict[FederationFault, tuple[type[TrcpointsError], str] | int] = {
    F.UNAUTHORIZED: (SourceRefused, r"does not accept GAA_TOKEN for st-judes \(401\)"),
    F.FORBIDDEN: (SourceRefused, r"does not show st-judes .*\(403\)"),
    F.NOT_FOUND: (SourceRefused, r"nothing for st-judes .*\(404\)"),
    F.GONE: (SourceRefused, r"nothing for st-judes .*\(410\)"),
    F.BAD_REQUEST: (SourceRefused, r"answered 400 for st-judes: Bad \[31m Request"),
    F.REDIRECT: (SourceRefused, r"to https://elsewhere\.example\)"),
    F.RATE_LIMITED: (RateLimited, "The federation gaa asks for a pause of 1800 seconds"),
    F.RATE_LIMITED_SHORT: (RateLimited, "0 seconds"),
    F.RATE_LIMITED_DATE: (RateLimited, "(1799|180[01]) seconds"),
    F.RATE_LIMITED_MISSING: (RateLimited, "without saying"),
    F.RATE_LIMITED_GARBAGE: (RateLimited, "without saying"),
    F.SERVER_ERROR: (SourceUnavailable, "The federation gaa could not be read: it answered 500"),
    F.UNAVAILABLE: (SourceUnavailable, "answered 503"),
    F.TIMEOUT: (SourceUnavailable, "no whole answer in time"),
    F.RESET: (SourceUnavailable, "reset by peer"),
    F.CLOSED: (SourceUnavailable, "the connection failed"),
    F.SLOW_BODY: (SourceUnavailable, "no whole answer in time"),
    F.WRONG_LENGTH: (SourceUnavailable, "the connection failed"),
    F.HUGE_BODY: (SourceUnavailable, "larger than 8388608 bytes"),
    F.GZIP_BOMB: (SourceUnavailable, "larger than 8388608 bytes"),
    F.BAD_GZIP: (SourceUnavailable, "compressed wrongly"),
    F.LATE: 25,
    F.TRUNCATED_JSON: (SourceInvalid, "gaa, page 1 of st-judes: it is no JSON"),
    F.EMPTY_BODY: (SourceInvalid, "no JSON"),
    F.HTML: (SourceInvalid, "no JSON"),
    F.TOO_MANY_VALUES: (SourceInvalid, "holds 2,621,441 values"),
    F.NOT_AN_OBJECT: (SourceInvalid, r"no list of records at 'data\[\*\]', but \[\]"),
    F.ERROR_WITH_200: (SourceInvalid, "no list of records .* but the keys error"),
    F.RECORDS_ARE_ONE: (SourceInvalid, "but the keys data, links, meta"),
    F.RECORD_IS_TEXT: (SourceInvalid, 'record 1 is no object, but "Aoife"'),
    F.SAME_PAGE: (SourceInvalid, "page 2 of st-judes: it is the page before once more"),
    F.CIRCLE: (SourceInvalid, "page 2 of st-judes: it is the page before once more"),
    F.NEXT_ELSEWHERE: (
        SourceInvalid,
        r"leads from http://127\.0\.0\.1 to https://elsewhere\.example",
    ),
    F.NEXT_IS_NO_ADDRESS: (SourceInvalid, "next link is no address, but true"),
    # What a record is worth is found out when it is mapped.
    F.DUPLICATE_ID: 28,
    F.NO_ID: 25,
    F.HALF_A_PAIR: 25,
}
EXIT_CODES = {SourceRefused: 69, RateLimited: 69, SourceUnavailable: 69, SourceInvalid: 65}
ONCE_IS_ENOUGH = (SourceRefused, SourceInvalid)


def test_every_fault_has_an_outcome() -> None:
    assert OUTCOMES.keys() == set(F)


@pytest.mark.parametrize("fault", list(F), ids=lambda fault: fault.name)
def test_every_fault_for_good(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault
) -> None:
    federation.misbehave(fault)
    outcome = OUTCOMES[fault]
    if isinstance(outcome, int):
        assert len(read(connector(tmp_path, http_toml(federation)))) == outcome
        return
    kind, words = outcome
    with pytest.raises(kind, match=words) as caught:
        read(connector(tmp_path, http_toml(federation)), limits=patience(fault))
    assert type(caught.value) is kind
    assert caught.value.exit_code == EXIT_CODES[kind]
    assert caught.value.hint
    assert caught.value.requests == len(federation.requests)
    assert TOKEN not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "fault",
    [
        F.SERVER_ERROR, F.TIMEOUT, F.RESET, F.WRONG_LENGTH, F.TRUNCATED_JSON, F.HTML,
        F.RATE_LIMITED_SHORT, F.HUGE_BODY, F.BAD_GZIP,
    ],
    ids=lambda fault: fault.name,
)  # fmt: skip
def test_a_passing_fault_is_repeated(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault
) -> None:
    federation.misbehave(fault, times=1, page=2)
    gaa = connector(tmp_path, http_toml(federation))
    assert len(read(gaa, limits=patience(fault))) == 25
    assert pages(federation) == [1, 2, 2, 3]


@pytest.mark.parametrize(
    "fault", [F.FORBIDDEN, F.RECORDS_ARE_ONE, F.NEXT_ELSEWHERE, F.RECORD_IS_TEXT]
)
def test_what_will_not_mend_itself_is_not_repeated(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault
) -> None:
    federation.misbehave(fault)
    assert isinstance(fails(federation, tmp_path), ONCE_IS_ENOUGH)
    assert len(federation.requests) == 1


def test_the_token_goes_nowhere_else_and_is_never_told(
    federation: SimulatedFederation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with SimulatedFederation() as stranger:
        federation.misbehave(F.NEXT_ELSEWHERE, link=f"{stranger.origin}/{TOKEN}")
        fault = fails(federation, tmp_path)
        assert stranger.requests == []
    federation.behave()
    federation.misbehave(F.NEXT_ELSEWHERE, link=f"http://[{TOKEN}")
    told = fails(federation, tmp_path).message + fault.message + fault.hint + caplog.text
    assert "GET " in told
    assert TOKEN not in told
    assert TOKEN not in repr(connector(tmp_path, http_toml(federation)))


def test_a_wrong_token_and_none(federation: SimulatedFederation, tmp_path: Path) -> None:
    toml = http_toml(federation)
    with pytest.raises(SourceRefused, match="does not accept GAA_TOKEN") as caught:
        read(connector(tmp_path, toml, token="an-old-token"))
    assert "GAA_TOKEN" in caught.value.hint
    assert "an-old-token" not in caught.value.message + caught.value.hint
    assert federation.requests[-1].token == "an-old-token"
    tokenless = toml.replace('token_env = "GAA_TOKEN"\n', "")
    with pytest.raises(SourceRefused, match="asks for a token") as caught:
        read(connector(tmp_path, tokenless))
    assert "token_env in [connectors.gaa]" in caught.value.hint
    federation.token = None
    federation.requests.clear()
    assert len(read(connector(tmp_path, tokenless))) == 25
    assert "authorization" not in federation.requests[0].headers


def test_expressions_that_cannot_be_applied(
    federation: SimulatedFederation, tmp_path: Path
) -> None:
    toml = http_toml(federation).replace("data[*]", "sort_by(data, &contact)")
    with pytest.raises(SourceInvalid, match="cannot be looked for"):
        read(connector(tmp_path, toml))
    toml = http_toml(federation).replace("links.next", "join('', data)")
    with pytest.raises(SourceInvalid, match="page 1 of st-judes"):
        read(connector(tmp_path, toml))


def test_one_member(federation: SimulatedFederation, tmp_path: Path) -> None:
    gaa = connector(tmp_path, http_toml(federation))
    with open_source(gaa, now, limits=QUICK) as source:
        assert source.can_ask_for_one
    assert read_one(gaa, "M0007") == federation.members.all(ORGANIZATION)[6]
    assert federation.requests[-1].token == TOKEN
    assert read_one(gaa, "M9999") is None


def test_one_member_on_a_page(federation: SimulatedFederation, tmp_path: Path) -> None:
    """Some federations have no address for a member, but a search."""
    search = f"{federation.url}?per_page={{size}}&page={{member}}"
    toml = http_toml(federation).replace(federation.member_url, search.replace("{size}", "1"))
    gaa = connector(tmp_path, toml)
    assert read_one(gaa, "7") == federation.members.all(ORGANIZATION)[6]
    assert read_one(gaa, "99") is None
    several = connector(tmp_path, toml.replace("per_page=1", "per_page=2"))
    with pytest.raises(SourceInvalid, match="member 1 of st-judes: it has 2 records"):
        read_one(several, "1")


@pytest.mark.parametrize("fault", [F.NOT_FOUND, F.GONE], ids=lambda fault: fault.name)
def test_a_member_who_is_gone(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault
) -> None:
    federation.misbehave(fault)
    assert read_one(connector(tmp_path, http_toml(federation)), "M0001") is None


@pytest.mark.parametrize(
    "fault",
    [
        F.UNAUTHORIZED, F.FORBIDDEN, F.REDIRECT, F.RATE_LIMITED, F.SERVER_ERROR, F.TIMEOUT, F.HTML,
        F.TRUNCATED_JSON, F.EMPTY_BODY, F.WRONG_LENGTH,
    ],
    ids=lambda fault: fault.name,
)  # fmt: skip
def test_one_member_who_cannot_be_read(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault
) -> None:
    federation.misbehave(fault)
    outcome = OUTCOMES[fault]
    assert not isinstance(outcome, int)
    with pytest.raises(outcome[0]) as caught:
        read_one(connector(tmp_path, http_toml(federation)), "M0001", limits=patience(fault))
    assert type(caught.value) is outcome[0]
    assert caught.value.hint


@pytest.mark.parametrize("member", ["", ".", ".."])
def test_an_id_that_would_lead_elsewhere(
    federation: SimulatedFederation, tmp_path: Path, member: str
) -> None:
    with pytest.raises(TrcpointsError) as caught:
        read_one(connector(tmp_path, http_toml(federation)), member)
    assert caught.value.exit_code == 65
    assert federation.requests == []


def test_requests_keep_their_distance(federation: SimulatedFederation, tmp_path: Path) -> None:
    read(connector(tmp_path, http_toml(federation)), limits=replace(QUICK, interval=0.05))
    first, second, third = (request.at for request in federation.requests)
    assert second - first >= 0.04
    assert third - second >= 0.04


def test_members_may_change(federation: SimulatedFederation, tmp_path: Path) -> None:
    gaa = connector(tmp_path, http_toml(federation))
    with SimulatedFederation() as other:
        other.members.change(ORGANIZATION, "M0002", firstName="Bríd")
        other.members.remove(ORGANIZATION, "M0001")
        there = connector(tmp_path, http_toml(other))
        assert [record["firstName"] for record in read(there)][:1] == ["Bríd"]
        assert len(read(there)) == 24
    assert len(read(gaa)) == 25
