"""Makes the pictures of README anew; for that of the page it needs Debian's `chromium`."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.pictures.community import open_community

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
PAGE = HERE / "page.png"
BLOCK = r"```console\n\$ trcpoints status\n.*?```"


def main() -> None:
    """Write the status screen into README, and the picture of the page beside this file."""
    with open_community() as cli:
        status = cli("status")
        cli.ok("report", "--public", "--output", "index.html")
        README.write_text(with_status(README.read_text(), status.out))
        photograph(cli.folder / "index.html", PAGE)


def with_status(readme: str, screen: str) -> str:
    """README with another status screen."""
    lines = "\n".join(line.rstrip() for line in screen.splitlines())
    block = f"```console\n$ trcpoints status\n{lines}\n```"
    changed, count = re.subn(BLOCK, lambda _: block, readme, flags=re.DOTALL)
    if count != 1:
        raise RuntimeError("README has no place for the status screen")
    return changed


def photograph(page: Path, picture: Path) -> None:
    """What is seen first of an HTML page."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("There is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1000, "height": 1080}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
