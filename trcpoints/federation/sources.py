"""Where the records of a connector are, kind by kind: what is configured, not how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from trcpoints.errors import DataRefused
from trcpoints.federation import values
from trcpoints.federation.tables import Table


@dataclass(frozen=True, slots=True)
class NextLink:
    """`next` finds the address of the next page in a page; nothing there: it was the last."""

    next: str


@dataclass(frozen=True, slots=True)
class PageNumber:
    """Pages are asked for by number, from `first` on; a page without records is past the last.

    `size` is asked for by the parameter `size_parameter`, where it is set.
    """

    parameter: str = "page"
    first: int = 1
    size_parameter: str = "page_size"
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """`cursor` finds in a page what to ask for the next one by; nothing there: it was the last."""

    cursor: str
    parameter: str = "cursor"


PAGINATIONS: tuple[Literal["page", "cursor"], ...] = ("page", "cursor")

Paging = NextLink | PageNumber | Cursor


@dataclass(frozen=True, slots=True)
class HttpJson:
    """JSON over HTTP. Texts in `records`, `next` and `cursor` are JMESPath on a page.

    `records` is the whole page where it is "@". `paging` is None where one page has it all.
    """

    url: str
    member_url: str | None
    records: str
    paging: Paging | None

    def address(self, organization: str) -> str:
        """The address of an organization's first page."""
        return fill(self.url, {"organization": organization})

    def member_address(self, organization: str, member: str) -> str | None:
        """The address of one member's record; None where the federation has none.

        Raises DataRefused for an id that would lead elsewhere.
        """
        if self.member_url is None:
            return None
        return fill(self.member_url, {"organization": organization, "member": member})


@dataclass(frozen=True, slots=True)
class Csv:
    """One CSV file or address for each organization: either `path` or `url`.

    Where `delimiter` and `encoding` are None the reader finds them out. `skip_lines` are those
    above the header.
    """

    path: str | None
    url: str | None
    delimiter: str | None
    encoding: str | None
    skip_lines: int = 0

    def file(self, organization: str) -> Path | None:
        """The file of an organization; None where it is read from an address."""
        if self.path is None:
            return None
        return Path(self.path.replace("{organization}", organization))

    def address(self, organization: str) -> str | None:
        """The address of an organization's records; None where they are in a file."""
        return None if self.url is None else fill(self.url, {"organization": organization})


Source = HttpJson | Csv


def fill(template: str, names: Mapping[str, str]) -> str:
    """An address with its placeholders filled; raises DataRefused for what would lead elsewhere."""
    for name, value in names.items():
        if value in {"", ".", ".."}:
            raise DataRefused(
                f"{value!r} cannot be put for {{{name}}} in an address.",
                hint="Ask the federation how it names this one.",
            )
    return values.PLACEHOLDER.sub(lambda found: quote(names[found[1]], safe=""), template)


def read_http_json(table: Table, folder: Path) -> HttpJson | None:
    """The keys of kind http-json; None where one that is needed is missing or wrong."""
    del folder  # what is read over HTTP is not relative to the configuration's folder
    url = table.required_text("url", values.address, example="https://host/path")
    member_url = table.text("member_url", values.address)
    records = table.required_text(
        "records", values.expression, example='JMESPath to the list of records, like "data[*]"'
    )
    check_placeholders(table, "url", url, ("organization",))
    check_placeholders(table, "member_url", member_url, ("organization", "member"))
    if (
        member_url is not None
        and "{member}" not in member_url.partition("://")[2].partition("/")[2]
    ):
        table.fault("member_url", "should have {member} in its path or query")
    paging = _read_paging(table)
    if url is None or records is None:
        return None
    return HttpJson(url, member_url, records, paging)


def read_csv(table: Table, folder: Path) -> Csv | None:
    """The keys of kind csv; None where one that is needed is missing or wrong.

    A path is relative to `folder`, the configuration's.
    """
    path = table.text("path", values.file_path)
    url = table.text("url", values.address)
    check_placeholders(table, "path", path, ("organization",))
    check_placeholders(table, "url", url, ("organization",))
    if table.has("path") == table.has("url"):
        table.fault("path", "give either path, a file, or url, an address")
    source = Csv(
        path=None if path is None else str(folder / Path(path).expanduser()),
        url=url,
        delimiter=table.text("delimiter", values.delimiter),
        encoding=table.text("encoding", values.encoding),
        skip_lines=table.number("skip_lines", 0, 1000) or 0,
    )
    return None if path is None and url is None else source


KINDS: Mapping[str, Callable[[Table, Path], Source | None]] = {
    "http-json": read_http_json,
    "csv": read_csv,
}
"""What reads the keys of each kind, with the folder that the configuration is in."""


def check_placeholders(table: Table, key: str, text: str | None, known: tuple[str, ...]) -> None:
    """Note what is in braces and means nothing."""
    names = "" if text is None else values.PLACEHOLDER.findall(text)
    for name in names:
        if name not in known:
            allowed = " and ".join(f"{{{one}}}" for one in known)
            table.fault(key, f"has {{{name}}}, which means nothing; known: {allowed}")
    if text is not None and set("{}") & set(values.PLACEHOLDER.sub("", text)):
        table.fault(key, "has a brace without its other half")


def _read_paging(table: Table) -> Paging | None:
    """How to come to the next page; each way has keys of its own, which the others do not have."""
    link = table.text("next", values.expression)
    pagination = table.text("pagination", values.one_of(PAGINATIONS))
    if table.has("next") and table.has("pagination"):
        table.fault("pagination", "give either next or pagination")
    if pagination == "page":
        return PageNumber(
            parameter=table.text("page_param", values.parameter) or "page",
            first=_or(table.number("first_page", 0, 1), 1),
            size_parameter=table.text("page_size_param", values.parameter) or "page_size",
            size=table.number("page_size", 1, 100_000),
        )
    if pagination == "cursor":
        cursor = table.required_text(
            "cursor", values.expression, example='JMESPath to the next cursor, like "meta.cursor"'
        )
        parameter = table.text("cursor_param", values.parameter) or "cursor"
        return None if cursor is None else Cursor(cursor, parameter)
    return None if link is None else NextLink(link)


def _or(number: int | None, default: int) -> int:
    return default if number is None else number
