"""A simulated federation: a membership system with clubs, over HTTP (design, section 8).

`/clubs/{organization}/members` has pages of JSON, by link, by number (`page`) and by
`cursor`; `per_page` is their size. `…/members/{member}` is one member, `…/members.csv` all of them.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec

from trcpoints.demo.faults import Fault, Faults
from trcpoints.demo.federation_faults import PAGES, REPLIES, FederationFault, Page
from trcpoints.demo.federation_members import Members, as_csv
from trcpoints.demo.misbehaviour import BODIES, LINES, Line, Reply, error_reply
from trcpoints.demo.misbehaviour import REPLIES as SHARED_REPLIES
from trcpoints.demo.web import Site

TOKEN = "a-token-of-the-simulated-federation"  # noqa: S105  it opens nothing
ORGANIZATIONS = {"st-judes": 25, "na-fianna": 12}
_MEMBERS = "{organization}/members"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; header names are lower-case, `at` is the monotonic clock in seconds.

    `page` counts from 1, and is 0 where no page was asked for; `token` is what came after Bearer.
    """

    path: str
    page: int
    token: str | None
    headers: Mapping[str, str]
    at: float


class SimulatedFederation(Site):
    """The server, on the loopback interface; a context manager that serves from its own thread.

    `members` are those of its organizations, `requests` all requests so far; `token` is what it
    wants as `Authorization: Bearer …`, None for nothing. The same seed gives the same members.
    `page_size` holds where no `per_page` is asked for; `first_page` is the number of the first;
    links are relative unless `absolute_links`.
    """

    def __init__(
        self, sizes: Mapping[str, int] = ORGANIZATIONS, *, seed: int = 1, port: int = 0
    ) -> None:
        self.members = Members(sizes, seed)
        self.requests: list[Request] = []
        self.faults = Faults[FederationFault]()
        self.token: str | None = TOKEN
        self.page_size = 10
        self.first_page = 1
        self.absolute_links = False
        self.csv_delimiter = ","
        self.csv_encoding = "utf-8"
        super().__init__(port)

    @property
    def url(self) -> str:
        """What the `url` of a connector should be."""
        return f"{self.origin}/clubs/{_MEMBERS}"

    @property
    def member_url(self) -> str:
        """What its `member_url` should be."""
        return f"{self.url}/{{member}}"

    @property
    def csv_url(self) -> str:
        """What the `url` of a connector to CSV should be."""
        return f"{self.url}.csv"

    def misbehave(
        self,
        fault: FederationFault,
        times: int | None = None,
        page: int | None = None,
        **how: object,
    ) -> None:
        """Answer the next `times` requests (None: all) of `page` (None: any) wrongly."""
        self.faults.add(fault, times, page, how)

    def behave(self) -> None:
        """Forget all faults."""
        self.faults.clear()

    def answer(self, path: str, headers: Mapping[str, str], line: Line) -> None:
        """Answer any request."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        steps = [unquote(step) for step in parts.path.split("/")[1:]]
        try:
            page = self._page_asked_for(query) if _is_list(steps) else 0
            size = int(query.get("per_page") or self.page_size)
        except ValueError:
            page = size = -1
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token if scheme == "Bearer" else ""
        request = Request(path, page, token or None, headers, time.monotonic())
        self.requests.append(request)
        if self.token not in (None, token):
            line.send_reply(error_reply(401, "Unauthorized"))
        elif page < 0 or size < 1 or (page == 0 and _is_list(steps)):
            line.send_reply(error_reply(400, "Bad Request"))
        else:
            self._reply(steps, request, size, line)

    def _page_asked_for(self, query: Mapping[str, str]) -> int:
        if "cursor" in query:
            return int(query["cursor"])
        return int(query.get("page", self.first_page)) - self.first_page + 1

    def _reply(self, steps: list[str], request: Request, size: int, line: Line) -> None:
        order = self.faults.take(request.page)
        if order is None:
            line.send_reply(_packed(self._sound(steps, request.page, size), request.headers))
            return
        fault, how = order
        shared = Fault.__members__.get(fault.name)
        if shared is None:
            line.send_reply(REPLIES.get(fault) or self._spoiled(fault, how, steps, request, size))
        elif shared in LINES:
            line.close_connection = True
            LINES[shared](line, self._sound(steps, request.page, size), how)
        elif shared in SHARED_REPLIES:
            line.send_reply(SHARED_REPLIES[shared](how))
        else:
            line.send_reply(BODIES[shared](self._sound(steps, request.page, size).body))

    def _sound(self, steps: list[str], page: int, size: int) -> Reply:
        match steps:
            case ["clubs", organization, "members"] if organization in self.members:
                return _json(self._page(organization, page, size).as_json())
            case ["clubs", organization, "members.csv"] if organization in self.members:
                text = as_csv(self.members.all(organization), self.csv_delimiter)
                return Reply(200, text.encode(self.csv_encoding), content_type="text/csv")
            case ["clubs", organization, "members", member] if organization in self.members:
                record = self.members.one(organization, member)
                return error_reply(404, "No such member") if record is None else _json(record)
            case _:
                return error_reply(404, "No such club")

    def _spoiled(
        self,
        fault: FederationFault,
        how: Mapping[str, object],
        steps: list[str],
        request: Request,
        size: int,
    ) -> Reply:
        """A page that is wrong; a member or a file is as it should be."""
        if not _is_list(steps):
            return self._sound(steps, request.page, size)
        first = fault is FederationFault.SAME_PAGE
        page = self._page(steps[1], 1 if first else request.page, size)
        if first:
            page.next, page.cursor = self._link(steps[1], request.page + 1, size), request.page + 1
        if fault in PAGES:
            PAGES[fault](page, how)
        document = page.as_json()
        if fault is FederationFault.RECORDS_ARE_ONE:
            document["data"] = page.records[0]
        return Reply(200, json.dumps(document).encode())

    def _page(self, organization: str, number: int, size: int) -> Page:
        start = (number - 1) * size
        records, total = self.members.some(organization, start, size)
        goes_on = start + size < total
        return Page(
            records=records,
            number=number,
            next=self._link(organization, number + 1, size) if goes_on else None,
            cursor=str(number + 1) if goes_on else None,
            total=total,
        )

    def _link(self, organization: str, number: int, size: int) -> str:
        place = self.origin if self.absolute_links else ""
        return (
            f"{place}/clubs/{quote(organization, safe='')}/members?cursor={number}&per_page={size}"
        )


def _is_list(steps: list[str]) -> bool:
    return len(steps) == 3 and steps[2] == "members"


def _json(document: object) -> Reply:
    return Reply(200, msgspec.json.encode(document))


def _packed(reply: Reply, headers: Mapping[str, str]) -> Reply:
    if reply.status != 200 or "gzip" not in headers.get("accept-encoding", ""):
        return reply
    body = gzip.compress(reply.body, 1, mtime=0)
    return Reply(200, body, {"Content-Encoding": "gzip"}, reply.content_type)
