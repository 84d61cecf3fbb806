"""Which process holds a lease: no two machines are taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from trcpoints.jobs import owner


@pytest.mark.parametrize("host_id", [None, "books"])
def test_another_boot_is_another_host(
    host_id: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two machines may have one image, or be given one name by mistake."""
    us = owner.this_process(host_id)
    assert owner.this_process(host_id) == us
    boot = tmp_path / "boot_id"
    boot.write_text("another\n")
    monkeypatch.setattr(owner, "_BOOT_ID", boot)
    other = owner.this_process(host_id)
    assert other.host != us.host
    assert not owner.is_gone(us._replace(pid=2**22 + 1), other)
    assert owner.is_gone(other._replace(pid=2**22 + 1), other)
