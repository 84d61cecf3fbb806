"""From one page of a federation to the next: how it is found, and where it must not lead."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.federation import (
    ORGANIZATION,
    PAGINGS,
    QUICK,
    connector,
    http_toml,
    now,
    read,
)
from trcpoints.demo.federation import TOKEN, SimulatedFederation
from trcpoints.demo.federation_faults import FederationFault
from trcpoints.errors import (
    SourceInvalid,
    TrcpointsError,
)
from trcpoints.federation.connectors import http_json, open_source

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


@pytest.mark.parametrize("paging", PAGINGS)
def test_every_way_from_page_to_page(
    federation: SimulatedFederation, tmp_path: Path, paging: str
) -> None:
    gaa = connector(tmp_path, http_toml(federation, paging))
    assert read(gaa) == federation.members.all(ORGANIZATION)
    # Only who pages by number has to look behind the last page.
    assert pages(federation) == ([1, 2, 3, 4] if paging == "page" else [1, 2, 3])
    assert read(gaa, "na-fianna") == federation.members.all("na-fianna")


def test_links_with_the_whole_address(federation: SimulatedFederation, tmp_path: Path) -> None:
    federation.absolute_links = True
    assert len(read(connector(tmp_path, http_toml(federation)))) == 25


def test_pages_of_a_size_and_from_a_number(federation: SimulatedFederation, tmp_path: Path) -> None:
    more = ("page_size = 20", 'page_size_param = "per_page"')
    assert len(read(connector(tmp_path, http_toml(federation, "page", *more)))) == 25
    assert pages(federation) == [1, 2, 3]
    federation.requests.clear()
    federation.first_page = 0
    assert len(read(connector(tmp_path, http_toml(federation, "page", "first_page = 0")))) == 25
    assert [request.path.partition("?")[2] for request in federation.requests] == [
        f"page={number}" for number in range(4)
    ]


def test_a_query_of_the_configured_address_stays(
    federation: SimulatedFederation, tmp_path: Path
) -> None:
    toml = http_toml(federation, "cursor").replace(
        federation.url, f"{federation.url}?per_page=5&cursor=1"
    )
    assert len(read(connector(tmp_path, toml))) == 25
    assert [request.path.partition("?")[2] for request in federation.requests][:2] == [
        "per_page=5&cursor=1",
        "per_page=5&cursor=2",
    ]


def test_one_page_without_paging(federation: SimulatedFederation, tmp_path: Path) -> None:
    toml = http_toml(federation).replace(PAGINGS["next"], "")
    assert len(read(connector(tmp_path, toml))) == 10


def test_an_organization_with_nobody(federation: SimulatedFederation, tmp_path: Path) -> None:
    toml = http_toml(federation).replace("data[*]", "data[?memberId=='nobody']")
    assert read(connector(tmp_path, toml)) == []


def test_a_beat_for_every_page(federation: SimulatedFederation, tmp_path: Path) -> None:
    beats: list[int] = []
    read(connector(tmp_path, http_toml(federation)), beat=lambda: beats.append(1))
    assert len(beats) == 3


@pytest.mark.parametrize(
    "fault", [F.FORBIDDEN, F.NOT_FOUND, F.SERVER_ERROR, F.TRUNCATED_JSON, F.RECORDS_ARE_ONE]
)
@pytest.mark.parametrize("paging", PAGINGS)
def test_a_part_is_nothing(
    federation: SimulatedFederation, tmp_path: Path, fault: FederationFault, paging: str
) -> None:
    federation.misbehave(fault, page=3)
    seen: list[object] = []
    with (
        open_source(connector(tmp_path, http_toml(federation, paging)), now, limits=QUICK) as gaa,
        pytest.raises(TrcpointsError),
    ):
        seen.extend(gaa.records(ORGANIZATION, lambda: None))
    assert pages(federation)[:3] == [1, 2, 3]


@pytest.mark.parametrize("paging", ["page", "cursor"])
def test_a_server_that_knows_one_page_only(
    federation: SimulatedFederation, tmp_path: Path, paging: str
) -> None:
    federation.misbehave(F.SAME_PAGE)
    assert "the page before once more" in fails(federation, tmp_path, paging).message
    assert len(federation.requests) == 2


@pytest.mark.parametrize("paging", ["next", "cursor"])
def test_pages_that_go_in_a_circle(
    federation: SimulatedFederation, tmp_path: Path, paging: str
) -> None:
    federation.misbehave(F.CIRCLE, page=2)
    # The first page has two addresses: the configured one, and the one that leads back to it.
    message = fails(federation, tmp_path, paging).message
    assert "page 4 of st-judes: it was there before" in message
    assert pages(federation) == [1, 2, 1]


def test_pages_that_come_to_no_end(
    federation: SimulatedFederation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_json, "MOST_PAGES", 2)
    assert "its pages come to no end" in fails(federation, tmp_path).message


LINKS: dict[str, bool] = {
    "?cursor=2": True,
    "members?cursor=2": True,
    "{origin}/clubs/st-judes/members?cursor=2#top": True,
    "//127.0.0.1/clubs/st-judes/members?cursor=2": False,
    "//elsewhere.example/": False,
    "https://127.0.0.1/clubs/st-judes/members?cursor=2": False,
    "http://127.0.0.1:1/": False,
    "http://user@{host}/clubs/st-judes/members?cursor=2": False,
    "http://{host}@elsewhere.example/": False,
    "http://{host}.elsewhere.example/": False,
    "http://elsewhere.example\\@{host}/": False,
    "/clubs/st-judes\n/members": False,
    "/clubs/st judes/members": False,
    "/clubs\\st-judes\\members": False,
    "/clubs/st-judes\x01/members": False,
    "/clubs/st-judes\u202e/members": False,
    "\thttp://elsewhere.example/": False,
    "http://[": False,
    "http://{host}:999999/": False,
    "file:///etc/passwd": False,
    "javascript:0": False,
}


@pytest.mark.parametrize("link", LINKS)
def test_where_a_link_may_lead(federation: SimulatedFederation, tmp_path: Path, link: str) -> None:
    host = federation.origin.removeprefix("http://")
    address = link.format(origin=federation.origin, host=host)
    federation.misbehave(F.NEXT_ELSEWHERE, page=1, link=address)
    if LINKS[link]:
        assert len(read(connector(tmp_path, http_toml(federation)))) == 25
    else:
        fault = fails(federation, tmp_path)
        assert isinstance(fault, SourceInvalid)
        assert "next link" in fault.message
        assert fault.message.isprintable()
        assert len(federation.requests) == 1


@pytest.mark.slow
def test_a_hundred_thousand_records_are_never_held(tmp_path: Path) -> None:
    with SimulatedFederation({ORGANIZATION: 100_000}) as federation:

        def peak(size: int, toml: Callable[[str], str]) -> tuple[int, int]:
            federation.page_size = size
            connector(tmp_path, toml(http_toml(federation)))
            ran = subprocess.run(
                [sys.executable, "-m", "tests.support.federation", tmp_path / "federations.toml"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            count, most = ran.stdout.split()
            return int(count), int(most)

        one_page = peak(1000, lambda toml: toml.replace(PAGINGS["next"], ""))
        all_pages = peak(1000, lambda toml: toml)
    assert (one_page[0], all_pages[0]) == (1000, 100_000)
    # 100 pages of 1 MB or so, as objects: held at once they would take some 150 MB.
    assert all_pages[1] - one_page[1] < 8 * 1024 * 1024
