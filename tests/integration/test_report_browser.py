"""The page in a real browser: what is seen, read out, printed; and what never happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.history import write_runs
from trcpoints.db.database import Access, open_database
from trcpoints.db.models import DailyPoints, Milestone

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.system

HOSTILE = (
    "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>",
    "</style><svg onload=window.hacked=1><a href=javascript:window.hacked=1>x</a>",
    "\u202egnp.exe\u2066\x1b[31m\x00",
    "W" * 200,
    "مريم " * 20,
)
NAMES = [*HOSTILE, *(f"Member Number {number}" for number in range(40))]
ELEMENTS = "img, script, iframe, object, embed, form, a:not([href^='#']), [onerror], [onload]"

# Every text of the page, but what is for the screen or for screen readers only.
TEXTS = """
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode())
        if (!walker.currentNode.parentElement.closest("nav, summary, svg, .unseen"))
            texts.push(walker.currentNode.data);
    texts
"""

# name -> width, colour scheme
SCREENS: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "light": (1280, "light"),
    "dark": (1280, "dark"),
    "phone": (390, "light"),
    "dark phone": (390, "dark"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    assert program, "apt-get install chromium"
    from playwright.sync_api import sync_playwright

    # Chromium's own sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def file(sqlite_cli: Cli, request: pytest.FixtureRequest) -> Path:
    """The page of a community with something in every section."""
    cli, now = sqlite_cli, datetime.now(UTC)
    ids = [str(10**17 + number) for number in range(len(NAMES))]
    books.link(cli, ids)
    for number, (discord_id, name) in enumerate(zip(ids, NAMES, strict=True)):
        books.change_member(
            cli, discord_id, name=name, points=10**9 - number**3, current_streak=100 - number
        )
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        for ago in range(200):
            day = (now - timedelta(days=ago)).date()
            DailyPoints.insert(
                day=day.isoformat(), awarded=10**6 * (day.weekday() + 1), deducted=10**5
            ).execute()
        for member in range(1, 8):
            Milestone.insert(
                member=member, streak_since="2026-01-01", days=5, reached_on="2026-01-07"
            ).execute()
    stats = {"xp": {"gained": 123_456, "lost": 0}, "leaderboard": {"invalid_players": 0}}
    states = ("completed", "completed", "failed", "completed", "skipped", "abandoned")
    write_runs(
        cli,
        (
            {
                "id": f"run-{number}",
                "started_at": now - timedelta(minutes=21 * number),
                "status": states[number % 6],
                "stats": stats if states[number % 6] == "completed" else None,
                "error_code": "source_refused" if number % 6 == 2 else None,
                "error_message": HOSTILE[number % len(HOSTILE)],
                "error_hint": "Ask again: trcpoints sync",
            }
            for number in range(400)
        ),
    )
    (cli.folder / "federations.toml").write_text(
        '[connectors.club]\nkind = "csv"\npath = "{organization}.csv"\n'
        '[connectors.club.organizations.main]\n[connectors.club.fields]\n'
        'external_id = "id"\ndiscord_id = "discord"\nphone = "phone"\n'
    )  # fmt: skip
    (cli.folder / "main.csv").write_text(f"id,discord,phone\nM1,{ids[0]},+353 1 876 5432\n")
    cli.environment["FEDERATION_CONFIG"] = "federations.toml"
    cli.ok("members", "set", f"discord:{ids[0]}", "--phone", "+353 1 234 5678")
    cli.ok("federation", "sync")
    cli.ok("report", "--output", "page.html", *request.param)
    return cli.folder / "page.html"


both = pytest.mark.parametrize(
    "file", [(), ("--public",)], ids=["operators", "public"], indirect=True
)


@contextmanager
def opened(browser: Browser, file: Path, screen: str = "light", **options: Any) -> Iterator[Page]:
    """The page on a screen; in the end nothing was said on the console or asked of a network."""
    width, scheme = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, **options
    )
    said: list[str] = []
    asked: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]


def unfold(page: Page) -> None:
    """Open what is folded away."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


@both
@pytest.mark.parametrize("screen", SCREENS)
def test_it_can_be_read_by_everybody(browser: Browser, file: Path, screen: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with opened(browser, file, screen) as page:
        for _ in range(2):
            violations = Axe().run(page).response["violations"]
            found = [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in violations]
            assert found == []
            width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert width <= room
            unfold(page)


@both
def test_it_follows_the_screen(browser: Browser, file: Path) -> None:
    seen = {}
    for screen in ("light", "dark"):
        with opened(browser, file, screen) as page:
            seen[screen] = page.evaluate(
                """[getComputedStyle(document.documentElement).backgroundColor,
                    getComputedStyle(document.querySelector('.chart rect')).fill]"""
            )
    assert len({*seen["light"], *seen["dark"]}) == 4
    for screen, drawn in (("light", "wide"), ("phone", "narrow")):
        with opened(browser, file, screen) as page:
            shown = page.locator("svg.chart:visible")
            assert shown.count() == page.locator("figure").count() > 0
            assert shown.count() == page.locator(f"svg.{drawn}:visible").count()


@both
def test_names_are_text(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        assert page.evaluate("window.hacked") is None
        assert page.locator(ELEMENTS).count() == 0
        first = page.locator("table.board bdi").first
        assert first.inner_text() == HOSTILE[0]
        assert (
            page.locator("table.board bdi").nth(2).inner_text()
            == "\ufffdgnp.exe\ufffd\ufffd[31m\ufffd"
        )


@both
def test_it_is_whole_without_scripts(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        expected = page.locator("body").inner_text()
    with opened(browser, file, java_script_enabled=False) as page:
        assert page.locator("body").inner_text() == expected


@both
def test_nothing_is_lost_in_print(browser: Browser, file: Path, tmp_path: Path) -> None:
    with opened(browser, file) as page:
        texts: list[str] = page.evaluate(TEXTS)
        page.pdf(path=tmp_path / "page.pdf", format="A4")
    done = subprocess.run(
        ["pdftotext", "-raw", str(tmp_path / "page.pdf"), "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = plain(done.stdout)
    expected = {plain(text) for text in texts if text.isascii()} - {""}
    assert len(expected) > 100
    assert {text for text in expected if text not in printed} == set()


def plain(text: str) -> str:
    """Without spaces, which paper has elsewhere."""
    return re.sub(r"\s+", "", text)
