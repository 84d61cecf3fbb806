"""A federation that means harm: what it sends costs nothing and spoils nobody else's records."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support import queue
from tests.support.cli import Cli
from tests.support.federation import ORGANIZATION, connector, csv_toml, http_toml, read
from tests.support.http_sink import HttpSink
from trcpoints.demo.federation import SimulatedFederation
from trcpoints.demo.federation_faults import FederationFault
from trcpoints.errors import SourceInvalid, SourceUnavailable
from trcpoints.federation.connectors.paging import WrongTurn, pages_by
from trcpoints.federation.sources import NextLink

pytestmark = pytest.mark.slow_on_postgresql

FORGED = "\x1b[2J\x1b]0;pwn\x07\x9b\u202e\nFAKE: all is well"
FIRST = "https://club.example.org/members"


def page_of(cli: Cli, sink: HttpSink, document: object, first_name: str = "first") -> None:
    """A connector to one page of JSON."""
    sink.body = json.dumps(document).encode()
    fields = f"[connectors.club.fields]\nexternal_id = \"id\"\nfirst_name = '{first_name}'\n"
    place = f'kind = "http-json"\nurl = "{sink.url}/{{organization}}"\nrecords = "data"'
    queue.configure(cli, [ORGANIZATION], place=place, more=fields)


def test_a_record_on_which_an_expression_fails_is_rejected_alone(cli: Cli) -> None:
    records = [{"id": "1", "first": "Ann", "alias": "A"}, {"id": "2", "first": "Bo", "alias": 5}]
    with HttpSink() as sink:
        page_of(cli, sink, {"data": records}, "contains(first, alias) && first || first")
        (run,) = cli.ok("federation", "sync")["runs"]
    assert (run["created"], run["rejected"]) == (1, 1)
    shown = cli("history", "show", run["run_id"]).out
    assert "first_name cannot be found: 'in <string>' requires string" in " ".join(shown.split())


def test_an_id_that_takes_minutes_to_normalise_is_rejected_at_once(cli: Cli) -> None:
    endless = "a" + "\u0301\u0316" * 110_000
    with HttpSink() as sink:
        page_of(cli, sink, {"data": [{"id": endless, "first": "Ann"}, {"id": "2", "first": "Bo"}]})
        (run,) = cli.ok("federation", "sync")["runs"]
    assert (run["created"], run["rejected"]) == (1, 1)


@pytest.mark.parametrize(
    "document",
    [{FORGED: 1}, {"data": [FORGED]}, {"data": FORGED}, [FORGED]],
    ids=["key", "record", "value", "page"],
)
def test_what_is_kept_of_a_wrong_page_is_harmless(cli: Cli, document: object) -> None:
    with HttpSink() as sink:
        page_of(cli, sink, document)
        result = cli("federation", "sync", "--json")
    assert (result.code, result.json["error"]["code"]) == (65, "source_invalid")
    assert result.json["error"]["message"].isprintable()
    (run,) = queue.runs(cli)
    assert "page 1 of st-judes" in (run.error_message or "")
    assert (run.error_message or "").isprintable()
    exported = cli("history", "export").out
    assert all(line.isprintable() for line in exported.splitlines())


@pytest.mark.parametrize(
    ("sound", "wrong"),
    [
        ("data[*]", "data[::0]"),
        ("data[*]", 'max_by(data, &(contains(memberId, `"1"`) && `1` || memberId))'),
        ("links.next", "contains(links.next, meta.page)"),
    ],
)
def test_an_expression_that_fails_on_a_page(tmp_path: Path, sound: str, wrong: str) -> None:
    with SimulatedFederation() as federation:
        toml = http_toml(federation).replace(f'"{sound}"', f"'{wrong}'")
        with pytest.raises(SourceInvalid, match="page 1 of st-judes"):
            read(connector(tmp_path, toml))


def test_a_link_that_is_too_long_is_not_followed(tmp_path: Path) -> None:
    with SimulatedFederation() as federation:
        gaa = connector(tmp_path, http_toml(federation))
        link = "?cursor=2&" + "a" * 8000
        federation.misbehave(FederationFault.NEXT_ELSEWHERE, page=1, link=link)
        assert len(read(gaa)) == 25
        federation.behave()
        federation.requests.clear()
        federation.misbehave(FederationFault.NEXT_ELSEWHERE, page=1, link=link + "a" * 200)
        with pytest.raises(SourceInvalid, match=r"page 1 of .*its next link has more than 8,192"):
            read(gaa)
        assert len(federation.requests) == 1


def test_links_do_not_grow_from_page_to_page() -> None:
    url, turn = pages_by(NextLink("next"), FIRST)
    following = turn(url, 0, {"next": "a" * 5000 + "/"}, 1)
    assert following is not None
    with pytest.raises(WrongTurn, match="more than 8,192"):
        turn(following, 1, {"next": "a" * 5000 + "/"}, 1)


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_a_csv_that_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{ORGANIZATION}.csv"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.mkdir()
    gaa = connector(tmp_path, csv_toml('path = "{organization}.csv"', token=False))
    with pytest.raises(SourceUnavailable, match="cannot be read: Is a ") as caught:
        read(gaa)
    assert str(path) in caught.value.message
    assert "Check the path" in caught.value.hint
