"""Files that are nested millions deep are refused in words, on every Python."""

from __future__ import annotations

import pytest

from tests.support.cli import Cli

LEVELS = 3_000_000
PAGE = '{"guild": {"id": "993536706509885777"}, "players": [], "x": '


@pytest.mark.parametrize(
    "command", ["members import", "points import", "sync --from"], ids=["members", "points", "sync"]
)
@pytest.mark.parametrize(
    ("before", "level", "end"),
    [
        ("", "[", ""),
        ("[", "[", "]"),
        ('[{"member": ', "[", "]}]"),
        (PAGE, "[", "}"),
        (PAGE, '{"a":', "}"),
    ],
    ids=["open", "list", "value", "ignored list", "ignored object"],
)
def test_a_file_is_refused(
    sqlite_cli: Cli, command: str, before: str, level: str, end: str
) -> None:
    inner = level * LEVELS + ("1" + ("]" if level == "[" else "}") * LEVELS if end else "")
    (sqlite_cli.folder / "deep.json").write_text(before + inner + end)
    result = sqlite_cli(*command.split(), "deep.json")
    assert result.code == 65, result.err
    assert len(result.err) < 1000
    assert sqlite_cli.ok("members", "list")["total"] == 0
