"""Reads an HTML page as its readers do: its words, its tables, and what it is made of."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "link", "path", "rect", "br"}


class ReadPage(HTMLParser):
    """A page. `tables` are rows of cells by caption; `attributes` those of all elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._words: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(html)
        self.text = " ".join("".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], f"table {len(self.tables)}"
        elif tag == "caption":
            self._caption = ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"th", "td"}:
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self._open.pop() == tag
        if tag == "table":
            self.tables[self._caption] = self._rows
        elif tag in {"p", "li", "dt", "dd", "h2", "h3", "td", "th", "tr", "summary", "caption"}:
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if "style" in self._open or "title" in self._open:
            return
        self._words.append(data)
        if "caption" in self._open:
            self._caption += data
        elif "td" in self._open or "th" in self._open:
            self._rows[-1][-1] += data
